//! How often a resolve asks PostgreSQL, Redis and the key service.

use super::{Engines, On, redis};
use crate::Fault;
use crate::call::{Call, Caller};
use crate::cases::Bench;
use crate::counting::Counting;
use crate::report::Asked;
use crate::seed::{Waxseal, bounded, strong};
use std::time::{Duration, Instant};

const FIRST: &str = "asked_for_the_first_view";
const BOUNDED: &str = "asked_warm_bounded";
const STRONG: &str = "asked_warm_strong";
const SHARED: &str = "asked_redis_warm";
const COLD: &str = "asked_cold";
pub(super) const NAMES: [&str; 5] = [FIRST, BOUNDED, STRONG, SHARED, COLD];

const PROJECT: &str = "fifty";
const CALLS: u32 = 100;

/// What counts.
struct Counters<'a> {
    engines: &'a Engines,
    postgres: &'a Counting,
}

pub(super) async fn run(bench: &mut Bench<'_>, engines: &mut Engines) -> Result<(), Fault> {
    if !bench.wants_any(&NAMES.map(str::to_owned)) {
        return Ok(());
    }
    bench.report.note(&format!(
        "\nAsked per call, one call at a time, 50 secrets\n\n{:<44} {:>10} {:>10} {:>10}",
        "case", "PostgreSQL", "Redis", "KMS"
    ));
    let database = engines.database("asked").await?;
    let postgres = Counting::start(engines.postgres.authority()?).await?;
    let through = Some(&postgres);
    let on = On { database: &database, through, redis: true, kms: true, view_cache: 64 << 20 };
    // Not by one of those that are counted: whoever wrote the values knows their keys.
    let writer = engines.server(bench, On { redis: false, ..on }).await?;
    writer.typical(PROJECT, 50).await?;
    drop(writer);
    let counters = Counters { engines, postgres: &postgres };
    let asks = [
        (FIRST, On { redis: false, ..on }, bounded(), 1),
        (BOUNDED, on, bounded(), CALLS),
        (STRONG, on, strong(), CALLS),
        (SHARED, On { view_cache: 0, ..on }, bounded(), CALLS),
        (COLD, On { redis: false, view_cache: 0, ..on }, bounded(), CALLS),
    ];
    for (name, on, consistency, calls) in asks {
        if !bench.options.wants(name) {
            continue;
        }
        let waxseal = engines.server(bench, on).await?;
        let call = waxseal.resolve(PROJECT, consistency);
        let asked = counters.asked(&waxseal, &call, name != FIRST, calls).await?;
        bench.report.asked(name, asked);
    }
    Ok(())
}

impl Counters<'_> {
    /// What some calls ask for, each of them, beside what the server asks for by itself.
    async fn asked(
        &self,
        waxseal: &Waxseal,
        call: &Call,
        warmed: bool,
        calls: u32,
    ) -> Result<Asked, Fault> {
        const IDLE: Duration = Duration::from_millis(300);
        let mut caller = Caller::connect(waxseal.running.address, call).await?;
        if warmed {
            caller.call().await?;
        }
        // What is put into Redis is not waited for.
        tokio::time::sleep(IDLE).await;
        let (before, waited) = (self.now().await?, Instant::now());
        tokio::time::sleep(IDLE).await;
        let (idle, start) = (self.now().await?, Instant::now());
        for _ in 0..calls {
            caller.call().await?;
        }
        let share = start.elapsed().as_secs_f64() / (start - waited).as_secs_f64();
        let after = self.now().await?;
        let per_call = |at: usize| {
            let by_itself = (idle[at] - before[at]) * share;
            ((after[at] - idle[at] - by_itself) / f64::from(calls)).max(0.0)
        };
        Ok(Asked { postgres: per_call(0), redis: per_call(1), kms: per_call(2) })
    }

    /// What was asked until now, of PostgreSQL, Redis and the key service.
    async fn now(&self) -> Result<[f64; 3], Fault> {
        let redis = match &self.engines.redis {
            Some(engine) => {
                let mut connection = redis(engine).await?;
                let info: String =
                    ::redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await?;
                commands(&info)
            }
            None => 0,
        };
        let kms: u64 = self.engines.kms.counts().values().sum();
        // Counts of one run are small.
        Ok([self.postgres.bursts(), redis, kms].map(|count| count as f64))
    }
}

/// Commands about views in `cmdstat_get:calls=21,usec=...`, a line for each command.
fn commands(info: &str) -> u64 {
    const VIEWS: [&str; 4] = ["get", "set", "mget", "del"];
    let calls = |line: &str| {
        let (command, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = rest.split(',').next()?.parse::<u64>().ok()?;
        VIEWS.contains(&command).then_some(calls)
    };
    info.lines().filter_map(calls).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_about_views_are_counted() {
        let info = "# Commandstats\r\ncmdstat_get:calls=21,usec=9\r\ncmdstat_info:calls=3,usec=1\r\n\
                    cmdstat_set:calls=2,usec=1\r\ncmdstat_client|setinfo:calls=8,usec=5\r\n";
        assert_eq!(commands(info), 23);
    }
}

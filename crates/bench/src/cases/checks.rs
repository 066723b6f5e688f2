//! What it costs a warm call that its caller is known, may do it, and is put on record: the same
//! call of servers that leave out some of it.

use super::{Bench, FULL};
use crate::Fault;
use crate::options::Check;
use crate::rounds::{self, Case, Spread};
use crate::seed::{Waxseal, bounded};
use std::path::Path;

const ALL: &str = "warm_with_all_checks";
const PROJECT: &str = "fifty";

/// What is left out in each case, and what that is called.
const WITHOUT: [(&str, &str, &[Check]); 4] = [
    ("warm_without_authentication", "authentication", &[Check::Authentication]),
    ("warm_without_authorisation", "authorisation", &[Check::Authorisation]),
    ("warm_without_audit", "audit", &[Check::Audit]),
    ("warm_without_any", "all three", &[Check::Authentication, Check::Authorisation, Check::Audit]),
];

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let all = bench.options.wants(ALL);
    let wanted: Vec<_> =
        WITHOUT.iter().filter(|(name, ..)| all || bench.options.wants(name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut servers = vec![(ALL, server(&bench.data_dir(ALL), &[]).await?)];
    for (name, _, left_out) in &wanted {
        servers.push((name, server(&bench.data_dir(name), left_out).await?));
    }
    let cases = servers.iter().map(|(name, waxseal)| Case {
        name: (*name).to_owned(),
        server: &waxseal.running,
        call: waxseal.resolve(PROJECT, bounded()),
        load: FULL,
        bare: None,
    });
    let cases: Vec<_> = cases.collect();
    let runs = rounds::runs(&cases, bench.rounds(400, 2_000)).await?;
    bench.report.group("Warm calls, without checks", rounds::measured(&cases, &runs));
    let Some((full, less)) = runs.split_first() else { return Ok(()) };
    for ((name, what, _), less) in wanted.iter().zip(less) {
        // Round by round, since what else the machine does changes from one to the next.
        let cost = |of: fn(f64, f64) -> f64| {
            let both = full.iter().zip(less);
            Spread::of(both.map(|(a, b)| of(a.cpu_us_per_call, b.cpu_us_per_call)).collect())
        };
        let (us, share) = (cost(|full, less| full - less), cost(|full, less| 1.0 - less / full));
        bench.report.check(name, what, us, share);
    }
    Ok(())
}

/// A server that leaves this out, with a caller who may resolve one environment, as an agent may.
async fn server(dir: &Path, left_out: &[Check]) -> Result<Waxseal, Fault> {
    const CACHE: u64 = 64 << 20;
    // The one that is filled checks everything, and is over before the other begins.
    Waxseal::start(dir, CACHE).await?.typical(PROJECT, 50).await?;
    let without = left_out.iter().map(|check| format!("--without={}", check.name()));
    let options: Vec<_> = without.chain([format!("--agent-of={PROJECT}")]).collect();
    Waxseal::start_on(dir, CACHE, &options).await
}

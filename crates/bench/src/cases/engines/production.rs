//! Calls of a server on PostgreSQL, a key service and Redis.

use super::{Engines, On, redis};
use crate::Fault;
use crate::bare::RELAYED;
use crate::cases::{Bench, FULL, bare, floor};
use crate::child::Running;
use crate::load::{self, Load};
use crate::postgres::Bare;
use crate::rounds::{Case, Measured};
use crate::seed::{Waxseal, bounded, strong};
use ::redis::AsyncCommands as _;

const BOUNDED: &str = "resolve_environment_warm_bounded_postgres";
const STRONG: &str = "resolve_environment_warm_strong_postgres";
const SHARED: &str = "resolve_environment_redis_warm";
const LOCAL: &str = "resolve_environment_cold_postgres_local";
const KMS: &str = "resolve_environment_cold_postgres_kms";
const WRITE: &str = "set_secret_value_postgres";
const SHARED_ALONE: &str = "resolve_environment_redis_warm_1_over_1";
pub(super) const NAMES: [&str; 7] = [BOUNDED, STRONG, SHARED, SHARED_ALONE, LOCAL, KMS, WRITE];

const CHAINED: &str = "bare_50_chained_postgres";
const FIFTY: &str = "fifty";
const SECRETS: usize = 50;
const CACHE: u64 = 64 << 20;
const ALONE: Load = Load { connections: 1, in_flight: 1 };

pub(super) async fn run(
    bench: &mut Bench<'_>,
    engines: &mut Engines,
    floor: &mut Bare,
) -> Result<(), Fault> {
    if !bench.wants_any(&NAMES.map(str::to_owned)) {
        return Ok(());
    }
    let database = engines.database("kms").await?;
    let on = On { database: &database, through: None, redis: true, kms: true, view_cache: CACHE };
    let waxseal = engines.server(bench, on).await?;
    waxseal.typical(FIFTY, SECRETS).await?;
    if bench.wants_any(&[BOUNDED, STRONG].map(str::to_owned)) {
        warm(bench, &waxseal).await?;
    }
    if bench.wants_any(&[SHARED, SHARED_ALONE].map(str::to_owned)) {
        shared(bench, engines, on).await?;
    }
    if bench.wants_any(&[LOCAL, KMS].map(str::to_owned)) {
        cold(bench, engines, On { redis: false, view_cache: 0, ..on }).await?;
    }
    if bench.options.wants(WRITE) {
        writes(bench, &waxseal, floor).await?;
    }
    Ok(())
}

async fn warm(bench: &mut Bench<'_>, waxseal: &Waxseal) -> Result<(), Fault> {
    let bare = bare(bench.dir.path(), waxseal, &[FIFTY]).await?;
    let of_ours = |name: &str, call| Case {
        name: name.to_owned(),
        server: &waxseal.running,
        call,
        load: FULL,
        bare: Some(CHAINED.to_owned()),
    };
    let cases = vec![
        floor(&bare, CHAINED.to_owned(), "chained", FIFTY, FULL),
        of_ours(BOUNDED, waxseal.resolve(FIFTY, bounded())),
        of_ours(STRONG, waxseal.resolve(FIFTY, strong())),
    ];
    let rounds = bench.rounds(250, 2_000);
    bench.measure("Warm calls on PostgreSQL", cases, rounds).await
}

/// A server that keeps no view finds those of another in Redis.
async fn shared(bench: &mut Bench<'_>, engines: &Engines, on: On<'_>) -> Result<(), Fault> {
    let Some(engine) = &engines.redis else {
        bench.report.note("skipped: Redis is not installed");
        return Ok(());
    };
    let waxseal = engines.server(bench, On { view_cache: 0, ..on }).await?;
    let call = waxseal.resolve(FIFTY, bounded());
    let rounds = bench.rounds(250, 1_500);
    load::closed(&waxseal.running, &call, ALONE, rounds.warm_up).await?;
    let mut connection = redis(engine).await?;
    let view = largest(&mut connection).await?;
    let view: Vec<u8> = connection.get(view).await?;
    let () = connection.set(RELAYED, view).await?;
    let relay = format!("--relay={}", engine.url);
    let bare = Running::start("bare", [relay]).await?;
    let mut cases = Vec::new();
    let floors = ["bare_relaying_redis", "bare_relaying_redis_1_over_1"];
    for ((load, name), floor_name) in
        [(FULL, SHARED), (ALONE, SHARED_ALONE)].into_iter().zip(floors)
    {
        cases.push(floor(&bare, floor_name.to_owned(), "relayed", FIFTY, load));
        cases.push(Case {
            name: name.to_owned(),
            server: &waxseal.running,
            call: call.clone(),
            load,
            bare: Some(floor_name.to_owned()),
        });
    }
    bench.measure("Cold here, warm in Redis", cases, rounds).await
}

/// The key of the largest entry: the view of fifty secrets.
async fn largest(connection: &mut ::redis::aio::MultiplexedConnection) -> Result<Vec<u8>, Fault> {
    let keys: Vec<Vec<u8>> = connection.keys("*").await?;
    let mut largest = (0, Vec::new());
    for key in keys {
        let length: usize = connection.strlen(&key).await.unwrap_or_default();
        largest = largest.max((length, key));
    }
    if largest.0 == 0 {
        return Err("Redis holds no view".into());
    }
    Ok(largest.1)
}

async fn cold(bench: &mut Bench<'_>, engines: &mut Engines, on: On<'_>) -> Result<(), Fault> {
    let database = engines.database("local").await?;
    let local = engines.server(bench, On { database: &database, kms: false, ..on }).await?;
    local.typical(FIFTY, SECRETS).await?;
    let kms = engines.server(bench, on).await?;
    let cases = [(LOCAL, &local), (KMS, &kms)].map(|(name, waxseal)| Case {
        name: name.to_owned(),
        server: &waxseal.running,
        call: waxseal.resolve(FIFTY, bounded()),
        load: ALONE,
        bare: None,
    });
    let rounds = bench.rounds(200, 1_500);
    bench.measure("Cold calls on PostgreSQL, 50 secrets", cases.into(), rounds).await
}

async fn writes(bench: &mut Bench<'_>, waxseal: &Waxseal, bare: &mut Bare) -> Result<(), Fault> {
    const SECRETS: usize = 10;
    waxseal.typical("written", SECRETS).await?;
    let call = waxseal.write("written", SECRETS)?;
    let rounds = bench.rounds(200, 1_500);
    load::closed(&waxseal.running, &call, ALONE, rounds.warm_up).await?;
    let (mut floor, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..rounds.count {
        floor.push(bare.writes(rounds.time).await?);
        runs.push(load::closed(&waxseal.running, &call, ALONE, rounds.time).await?);
    }
    let ours = Measured::beside(WRITE, ALONE, &runs, super::WRITE, &floor);
    bench.report.group("Writes on PostgreSQL (of bare: by calls/s)", vec![ours]);
    Ok(())
}

//! The least that engines in other processes cost: what the server's figures on them are to be
//! read beside.

use super::Bench;
use crate::load::Load;
use crate::rounds::{Measured, Spread};
use crate::{Fault, engines};
use redis::AsyncCommands as _;
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;

const ROUND_TRIP: &str = "bare_postgres_round_trip";
const WRITE: &str = "bare_postgres_insert_update";
const GET: &str = "bare_redis_get_8k";
const ALONE: Load = Load { connections: 1, in_flight: 1 };

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    if bench.wants_any(&[ROUND_TRIP, WRITE].map(str::to_owned)) {
        postgres(bench).await?;
    }
    if bench.options.wants(GET) {
        redis(bench).await?;
    }
    Ok(())
}

async fn postgres(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let Some(engine) = engines::postgres(bench.options.postgres.as_deref()).await? else {
        bench.report.note("skipped: PostgreSQL is not installed");
        return Ok(());
    };
    let (mut client, connection) = connect(&engine.url).await?;
    tokio::spawn(connection);
    // A schema of its own: the server may be somebody's.
    let tables = "CREATE TEMPORARY TABLE project (uid INT PRIMARY KEY, revision BIGINT);
        CREATE TEMPORARY TABLE slot (secret INT PRIMARY KEY, current BIGINT, versions BYTEA);
        CREATE TEMPORARY TABLE value (version BIGINT PRIMARY KEY, record BYTEA);
        INSERT INTO project VALUES (1, 0);
        INSERT INTO slot VALUES (1, 0, '')";
    client.batch_execute(tables).await?;
    let select = client.prepare("SELECT revision FROM project WHERE uid = 1").await?;
    let insert = client.prepare("INSERT INTO value VALUES ($1, $2)").await?;
    let slot = client.prepare("UPDATE slot SET current = $1, versions = $2").await?;
    let project = client.prepare("UPDATE project SET revision = $1").await?;
    let rounds = bench.rounds(200, 1_500);
    let (mut trips, mut writes, mut version) = (Vec::new(), Vec::new(), 0_i64);
    for _ in 0..rounds.count {
        let (start, mut calls) = (Instant::now(), 0);
        while start.elapsed() < rounds.time {
            client.query_one(&select, &[]).await?;
            calls += 1;
        }
        trips.push(rate(calls, start));
        let (start, mut calls) = (Instant::now(), 0);
        while start.elapsed() < rounds.time {
            version += 1;
            let tx = client.transaction().await?;
            tx.execute(&insert, &[&version, &vec![7_u8; 256]]).await?;
            tx.execute(&slot, &[&version, &vec![1_u8; 400]]).await?;
            tx.execute(&project, &[&version]).await?;
            tx.commit().await?;
            calls += 1;
        }
        writes.push(rate(calls, start));
    }
    let floors = vec![floor(ROUND_TRIP, trips), floor(WRITE, writes)];
    bench.report.group("PostgreSQL, one call at a time", floors);
    Ok(())
}

/// Waits for a server that accepts connections before it takes queries.
async fn connect(
    url: &str,
) -> Result<
    (tokio_postgres::Client, impl Future<Output = Result<(), tokio_postgres::Error>> + use<>),
    Fault,
> {
    const TRIES: u32 = 50;
    for _ in 0..TRIES {
        if let Ok(connected) = tokio_postgres::connect(url, NoTls).await {
            return Ok(connected);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(tokio_postgres::connect(url, NoTls).await?)
}

async fn redis(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let Some(engine) = engines::redis().await? else {
        bench.report.note("skipped: Redis is not installed");
        return Ok(());
    };
    let client = redis::Client::open(engine.url.as_str())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let () = connection.set("view", vec![7_u8; 8 * 1024]).await?;
    let rounds = bench.rounds(200, 1_500);
    let mut gets = Vec::new();
    for _ in 0..rounds.count {
        let (start, mut calls) = (Instant::now(), 0);
        while start.elapsed() < rounds.time {
            let view: Option<Vec<u8>> = connection.get("view").await?;
            view.ok_or("Redis has lost what it was given")?;
            calls += 1;
        }
        gets.push(rate(calls, start));
    }
    bench.report.group("Redis, one call at a time", vec![floor(GET, gets)]);
    Ok(())
}

fn rate(calls: u32, since: Instant) -> f64 {
    f64::from(calls) / since.elapsed().as_secs_f64()
}

/// What is measured from here has no server of ours, and so no CPU time per call.
fn floor(name: &str, calls_per_s: Vec<f64>) -> Measured {
    Measured {
        name: name.to_owned(),
        load: ALONE,
        calls_per_s: Spread::of(calls_per_s),
        cpu_us_per_call: Spread::of(Vec::new()),
        generator: f64::NAN,
        bare: None,
        ratio: None,
        speed_ratio: None,
    }
}

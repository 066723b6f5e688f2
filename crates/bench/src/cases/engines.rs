//! PostgreSQL, Redis and a key service: the least that they cost, and then the server on them.

mod asked;
mod production;
mod watch;

use super::Bench;
use crate::Fault;
use crate::counting::Counting;
use crate::engines::{self, Engine};
use crate::postgres::{self, Bare};
use crate::rounds::Measured;
use crate::seed::Waxseal;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use std::time::{Duration, Instant};
use waxseal_kms::fake::Fake;

const ROUND_TRIP: &str = "bare_postgres_round_trip";
const WRITE: &str = "bare_postgres_insert_update";
const GET: &str = "bare_redis_get_8k";

/// The engines of this run.
struct Engines {
    postgres: Engine,
    /// The databases of this run, to be dropped where the server is somebody's.
    databases: Vec<String>,
    redis: Option<Engine>,
    kms: Fake,
    key: String,
}

/// What a server is put on.
#[derive(Clone, Copy)]
struct On<'a> {
    database: &'a str,
    /// In place of the server of the database.
    through: Option<&'a Counting>,
    redis: bool,
    /// Else a key file.
    kms: bool,
    view_cache: u64,
}

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let names = [ROUND_TRIP, WRITE].iter().chain(&production::NAMES).chain(&asked::NAMES);
    let names: Vec<_> = names.chain([&watch::NAME]).map(|name| (*name).to_owned()).collect();
    let redis = engines::redis().await?;
    if bench.options.wants(GET) {
        match &redis {
            Some(redis) => gets(bench, redis).await?,
            None => bench.report.note("skipped: Redis is not installed"),
        }
    }
    if !bench.wants_any(&names) {
        return Ok(());
    }
    let Some(postgres) = engines::postgres(bench.options.postgres.as_deref()).await? else {
        bench.report.note("skipped: PostgreSQL is not installed");
        return Ok(());
    };
    let kms = Fake::start().await;
    let key = kms.create_key();
    let mut engines = Engines { postgres, databases: Vec::new(), redis, kms, key };
    let done = on_postgres(bench, &mut engines).await;
    engines.clear().await?;
    done
}

async fn on_postgres(bench: &mut Bench<'_>, engines: &mut Engines) -> Result<(), Fault> {
    let database = engines.database("bare").await?;
    let mut bare = Bare::open(&engines.postgres.database(&database)).await?;
    if bench.wants_any(&[ROUND_TRIP, WRITE].map(str::to_owned)) {
        let rounds = bench.rounds(150, 1_500);
        let (mut trips, mut writes) = (Vec::new(), Vec::new());
        for _ in 0..rounds.count {
            trips.push(bare.reads(rounds.time).await?);
            writes.push(bare.writes(rounds.time).await?);
        }
        let floors = vec![Measured::floor(ROUND_TRIP, trips), Measured::floor(WRITE, writes)];
        bench.report.group("PostgreSQL, one call at a time", floors);
    }
    production::run(bench, engines, &mut bare).await?;
    asked::run(bench, engines).await?;
    watch::run(bench, engines).await
}

async fn gets(bench: &mut Bench<'_>, engine: &Engine) -> Result<(), Fault> {
    let mut connection = redis(engine).await?;
    let () = connection.set("view", vec![7_u8; 8 * 1024]).await?;
    let rounds = bench.rounds(150, 1_500);
    let mut gets = Vec::new();
    for _ in 0..rounds.count {
        gets.push(get(&mut connection, b"view", rounds.time).await?);
    }
    bench.report.group("Redis, one call at a time", vec![Measured::floor(GET, gets)]);
    Ok(())
}

async fn redis(engine: &Engine) -> Result<MultiplexedConnection, Fault> {
    let client = redis::Client::open(engine.url.as_str())?;
    Ok(client.get_multiplexed_async_connection().await?)
}

/// Gets a key for so long; gives the calls of a second.
async fn get(
    connection: &mut MultiplexedConnection,
    key: &[u8],
    time: Duration,
) -> Result<f64, Fault> {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < time {
        let view: Option<Vec<u8>> = connection.get(key).await?;
        view.ok_or("Redis has lost what it was given")?;
        calls += 1;
    }
    Ok(f64::from(calls) / start.elapsed().as_secs_f64())
}

impl Engines {
    /// A new database.
    async fn database(&mut self, of: &str) -> Result<String, Fault> {
        let name = format!("waxseal_bench_{}_{of}", std::process::id());
        let client = postgres::connect(&self.postgres.url).await?;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        self.databases.push(name.clone());
        Ok(name)
    }

    /// Drops the databases of this run.
    async fn clear(&self) -> Result<(), Fault> {
        let client = postgres::connect(&self.postgres.url).await?;
        for name in &self.databases {
            client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }

    /// A server on them.
    async fn server(&self, bench: &Bench<'_>, on: On<'_>) -> Result<Waxseal, Fault> {
        let url = match on.through {
            Some(through) => self.postgres.database_at(&through.address.to_string(), on.database),
            None => self.postgres.database(on.database),
        };
        let mut options = vec![format!("--database-url={url}")];
        if on.redis
            && let Some(redis) = &self.redis
        {
            options.push(format!("--redis-url={}", redis.url));
        }
        options.extend(if on.kms {
            vec![
                format!("--kms-key={}", self.key),
                format!("--kms-endpoint={}", self.kms.endpoint()),
            ]
        } else {
            vec!["--allow-local-keys=true".to_owned()]
        });
        Waxseal::start_on(&bench.data_dir(on.database), on.view_cache, &options).await
    }
}

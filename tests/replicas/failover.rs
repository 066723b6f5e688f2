//! A primary that is killed, and a standby that takes its place.

use super::together::set_by;
use super::{Callers, SECOND, SOON, Tokens, at_least, bounded, opened, resolve, strong, value};
use crate::support::proxy::{Fault, Proxy};
use crate::support::redis::{self, Redis};
use crate::support::server::{Server, Setup};
use crate::support::standby::{Pair, Replication};
use crate::support::{kms, refused};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::Visibility;
use waxseal_server::config::Engines;

/// Servers on a primary with a standby, and a Redis of their own.
struct World {
    servers: Vec<Server>,
    callers: Vec<Callers>,
    tokens: Tokens,
    engines: Engines,
    pair: Pair,
    redis: Redis,
}

impl World {
    /// So many servers, and the project `demo` with one secret.
    async fn start(replication: Replication, count: usize) -> Self {
        let (pair, redis) = (Pair::start(replication).await, Redis::start().await);
        let engines = Engines {
            database_url: Some(pair.url().parse().unwrap()),
            database_connections: 8,
            redis_url: vec![redis.url().parse().unwrap()],
            kms_key: Some(kms::create_key().await),
            kms_endpoint: Some(kms::endpoint()),
            ..Engines::default()
        };
        let setup = Setup::sqlite();
        let mut servers = Vec::new();
        for _ in 0..count {
            servers.push(setup.beside(engines.clone()).start().await);
        }
        let tokens = Tokens {
            admin: servers[0].token(Role::Admin, false, "deployment").await,
            runtime: servers[0].token(Role::Runtime, false, "deployment").await,
        };
        let mut callers = Vec::new();
        for server in &servers {
            callers.push(Callers::connect(&server.address, &tokens).await);
        }
        let admin = &callers[0].admin;
        admin.create_project("demo").await.unwrap();
        admin.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
        Self { servers, callers, tokens, engines, pair, redis }
    }

    async fn revision(&self) -> String {
        resolve(&self.callers[0].runtime, "demo", strong()).await.unwrap().revision
    }

    async fn value(&self, server: usize) -> Result<String, Status> {
        Ok(value(&resolve(&self.callers[server].runtime, "demo", strong()).await?))
    }
}

/// Whether a call may end like this while the database is away.
fn is_outage(status: &Status) -> bool {
    [Code::Unavailable, Code::DeadlineExceeded, Code::Aborted].contains(&status.code())
}

/// The answer, as soon as there is one.
async fn in_the_end<T>(mut call: impl AsyncFnMut() -> Result<T, Status>) -> T {
    let begun = Instant::now();
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(status) => {
                assert!(is_outage(&status), "{status:?}");
                assert!(begun.elapsed() < SOON * 3, "{status:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_a_standby_that_is_waited_for() {
    let mut world = World::start(Replication::Synchronous, 2).await;
    let before = world.revision().await;
    let (over, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    // Each number is set by the one server or the other, and repeated until it is acknowledged.
    let callers = world.callers.clone();
    let writer = async {
        let mut number = 0_usize;
        while !over.load(Ordering::SeqCst) {
            number += 1;
            let (id, text) = (Uuid::new_v4(), number.to_string());
            let mut server = number;
            let set = in_the_end(async || {
                server += 1;
                set_by(&callers[server % 2].admin, &text, id).await
            });
            // The first version was made with the secret. One each, none twice and none lost.
            assert_eq!(usize::try_from(set.await.version).unwrap(), number + 1);
            acknowledged.store(number, Ordering::SeqCst);
        }
        number
    };
    let reaches = async |least: usize| {
        let begun = Instant::now();
        while acknowledged.load(Ordering::SeqCst) < least {
            assert!(begun.elapsed() < SOON * 3, "{least} writes are acknowledged");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        acknowledged.load(Ordering::SeqCst)
    };
    let failing_over = async {
        reaches(20).await;
        world.pair.kill_primary();
        world.pair.promote().await;
        let promoted = Instant::now();
        // One may have been acknowledged by the primary yet.
        let reached = reaches(acknowledged.load(Ordering::SeqCst) + 2).await;
        println!("writes are acknowledged {:?} after the promotion", promoted.elapsed());
        for server in 0..2 {
            let read = in_the_end(async || world.value(server).await).await;
            assert!(read.parse::<usize>().unwrap() >= reached);
        }
        println!("reads are answered {:?} after the promotion", promoted.elapsed());
        assert!(promoted.elapsed() < SOON);
        reaches(reached + 20).await;
        over.store(true, Ordering::SeqCst);
    };
    let (last, ()) = futures::join!(writer, failing_over);

    // Another life of the store, in which revisions of the old one mean nothing.
    let after = world.revision().await;
    assert_ne!(opened(&after).0, opened(&before).0);
    for (server, callers) in world.callers.iter().enumerate() {
        assert_eq!(world.value(server).await.unwrap(), last.to_string());
        let old = resolve(&callers.runtime, "demo", at_least(&before)).await;
        refused(old).is(Code::FailedPrecondition, "REVISION_MISMATCH");
        let new = resolve(&callers.runtime, "demo", at_least(&after)).await.unwrap();
        assert_eq!(value(&new), last.to_string());
    }
}

/// The standby does not hear of a change, and the primary is lost before it does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standby_has_not_is_not_acknowledged() {
    let mut world = World::start(Replication::Synchronous, 1).await;
    world.pair.link.set(Fault::BlackHole);
    let id = Uuid::new_v4();
    let doubtful = set_by(&world.callers[0].admin, "second", id).await;
    refused(doubtful).is(Code::Unavailable, "COMMIT_UNKNOWN");
    // Nor is it when it is asked for again, nobody sees it, and nothing is disclosed of which the
    // standby has no record.
    let again = set_by(&world.callers[0].admin, "second", id).await;
    assert!(is_outage(&again.unwrap_err()));
    let secret = world.callers[0].admin.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(secret.default_version, 1);
    let read = resolve(&world.callers[0].runtime, "demo", strong()).await;
    refused(read).is(Code::Unavailable, "AUDIT_UNAVAILABLE");
    world.pair.kill_primary();
    world.pair.promote().await;
    assert_eq!(in_the_end(async || world.value(0).await).await, "first");
    let set = in_the_end(async || set_by(&world.callers[0].admin, "second", id).await).await;
    assert_eq!(set.version, 2);
    assert_eq!(world.value(0).await.unwrap(), "second");
}

/// With a standby that nobody waits for, what was acknowledged last can be gone. Then nothing is
/// answered from before, nor from what came instead, until somebody has looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_seen_more_than_the_standby_has_stops() {
    let mut world = World::start(Replication::Asynchronous, 1).await;
    let redis = world.redis.url();
    world.value(0).await.unwrap();
    world.pair.caught_up().await;
    world.pair.link.set(Fault::BlackHole);
    let lost = set_by(&world.callers[0].admin, "lost", Uuid::new_v4()).await.unwrap().revision;
    assert_eq!(world.value(0).await.unwrap(), "lost");
    let put = Instant::now();
    while redis::dump(&redis).await.len() < 2 {
        assert!(put.elapsed() < SOON, "both views are in Redis");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.pair.kill_primary();
    world.pair.promote().await;

    // It answers nothing from now on: neither what was lost nor what came instead.
    let callers = &world.callers[0];
    let begun = Instant::now();
    let stopped = loop {
        let answer = resolve(&callers.runtime, "demo", strong()).await;
        let status = answer.expect_err("nothing is answered strongly");
        assert!(is_outage(&status), "{status:?}");
        let why = format!("{:?}", world.servers[0].engine.check().await.unwrap_err());
        if why.contains("RolledBack") {
            break begun.elapsed();
        }
        assert!(begun.elapsed() < SOON * 3, "it stops: {why}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    println!("it stopped {stopped:?} after the promotion");
    for mode in [strong(), bounded(Duration::from_secs(1)), at_least(&lost)] {
        let answer = resolve(&callers.runtime, "demo", mode).await;
        refused(answer).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    }
    let write = set_by(&callers.admin, "more", Uuid::new_v4()).await;
    refused(write).is(Code::Unavailable, "STORAGE_UNAVAILABLE");

    // One that is started now knows of nothing that was lost, and begins a new life.
    let new = Setup::sqlite().beside(world.engines.clone()).start().await;
    let callers = Callers::connect(&new.address, &world.tokens).await;
    let answer = resolve(&callers.runtime, "demo", at_least(&lost)).await;
    refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    assert_eq!(value(&resolve(&callers.runtime, "demo", strong()).await.unwrap()), "first");
    let again = set_by(&callers.admin, "again", Uuid::new_v4()).await.unwrap().revision;
    assert_eq!(opened(&again).1, opened(&lost).1, "the same number, in another life");
    assert_ne!(opened(&again).0, opened(&lost).0);
    assert_eq!(value(&resolve(&callers.runtime, "demo", at_least(&again)).await.unwrap()), "again");
}

/// One that was cut off all the while, and comes back when others live the other life already, is
/// of that life too: nothing that it knew of the lost one is answered again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_late_to_another_life_answers_nothing_of_the_lost_one() {
    let mut world = World::start(Replication::Asynchronous, 1).await;
    let [primary, standby] = world.pair.ports();
    let links = [link(primary).await, link(standby).await];
    let [first, second] = [&links[0], &links[1]].map(|link| link.addr().port());
    let through =
        format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/waxseal?sslmode=disable");
    let engines = Engines { database_url: Some(through.parse().unwrap()), ..world.engines.clone() };
    let server = Setup::sqlite().beside(engines).start().await;
    let late = Callers::connect(&server.address, &world.tokens).await;
    resolve(&late.runtime, "demo", strong()).await.unwrap();

    world.pair.caught_up().await;
    world.pair.link.set(Fault::BlackHole);
    let lost = set_by(&world.callers[0].admin, "lost", Uuid::new_v4()).await.unwrap().revision;
    let seen = resolve(&late.runtime, "demo", at_least(&lost)).await.unwrap();
    assert_eq!(value(&seen), "lost");
    for link in &links {
        link.set(Fault::Refuse);
    }
    world.pair.kill_primary();
    world.pair.promote().await;
    let new = Setup::sqlite().beside(world.engines.clone()).start().await;
    let callers = Callers::connect(&new.address, &world.tokens).await;
    let kept = set_by(&callers.admin, "kept", Uuid::new_v4()).await.unwrap().revision;
    assert_eq!(opened(&kept).1, opened(&lost).1, "the same number, in another life");

    for link in &links {
        link.set(Fault::Pass);
    }
    let back = Instant::now();
    loop {
        for mode in [strong(), bounded(SECOND), at_least(&kept)] {
            match resolve(&late.runtime, "demo", mode).await {
                Ok(answer) => assert_eq!(value(&answer), "kept"),
                Err(status) => assert!(
                    is_outage(&status) || status.code() == Code::FailedPrecondition,
                    "{status:?}"
                ),
            }
        }
        let old = resolve(&late.runtime, "demo", at_least(&lost)).await.unwrap_err();
        assert!(is_outage(&old) || old.code() == Code::FailedPrecondition, "{old:?}");
        if old.code() == Code::FailedPrecondition {
            break;
        }
        assert!(back.elapsed() < SOON * 3, "it comes back: {old:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(value(&resolve(&late.runtime, "demo", strong()).await.unwrap()), "kept");
    let set = set_by(&late.admin, "more", Uuid::new_v4()).await.unwrap();
    assert_eq!(set.version, 3, "after the first and the kept one");
    assert_eq!(value(&resolve(&callers.runtime, "demo", strong()).await.unwrap()), "more");
}

async fn link(port: u16) -> Proxy {
    Proxy::to(([127, 0, 0, 1], port).into()).await
}

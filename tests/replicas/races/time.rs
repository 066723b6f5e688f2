//! Clocks that jump, and a process that does not notice that time passes.

use super::super::children::{Child, serve};
use super::super::{Callers, SECOND, SOON, World, at_least, bounded, resolve, strong, value};
use crate::support::postgres::Database;
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Setup, default_slot, refused};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::Code;
use waxseal_server::config::Engines;

const HOUR: Duration = Duration::from_secs(3600);
const AGE: Duration = Duration::from_millis(200);

/// The same engines, with a link to the database that can be spoiled.
async fn linked(database: &Database, engines: Engines) -> (Proxy, Engines) {
    let link = Proxy::before(database.url()).await;
    let database_url = Some(link.within(database.url()).parse().unwrap());
    (link, Engines { database_url, ..engines })
}

/// How old an answer may be is measured by a clock that nobody sets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_makes_no_answer_older() {
    let world = World::with_demo(1).await;
    let production = &world.replicas.production;
    let (link, engines) = linked(&production.database, production.engines()).await;
    // Beside a setup of its own, and so with a clock of its own.
    let server = Setup::sqlite().beside(engines).start().await;
    let callers = Callers::connect(&server.address, &world.tokens).await;
    let read = async |mode| resolve(&callers.runtime, "demo", mode).await;
    let jumps: [(&str, &dyn Fn()); 4] = [
        ("no jump", &|| ()),
        ("an hour ahead", &|| server.pass(HOUR)),
        ("two hours back", &|| server.turn_back(2 * HOUR)),
        ("an hour ahead again", &|| server.pass(HOUR)),
    ];
    for (what, jump) in jumps {
        // Its right has just been looked up after this, and outlives what is tried here.
        sleep(SECOND).await;
        let warm = read(bounded(AGE)).await.unwrap();
        // What it knows is fresh for a moment yet, and it hears of nothing newer.
        link.set(Fault::BlackHole);
        world.set(0, what).await;
        let written = Instant::now();
        assert_ne!(value(&warm), what);
        jump();
        sleep(AGE.saturating_sub(written.elapsed())).await;
        let late = read(bounded(AGE)).await;
        refused(late).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
        link.set(Fault::Pass);
        let healed = Instant::now();
        while read(strong()).await.is_err() {
            assert!(healed.elapsed() < SOON, "it does not recover after {what}");
        }
        assert_eq!(value(&read(bounded(SECOND)).await.unwrap()), what);
        // A write there is seen here.
        let revision = callers.admin.set("demo", "KEY", default_slot(), "there").await;
        let revision = revision.unwrap().revision;
        assert_eq!(world.value(0, at_least(&revision)).await, "there");
    }
}

/// What was fresh when the process was stopped is not when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_answers_nothing_old() {
    let world = World::with_demo(1).await;
    let production = &world.replicas.production;
    let (link, engines) = linked(&production.database, production.engines()).await;
    let child = Child::start(serve(&engines), &world.tokens).await;
    let runtime = &child.callers.runtime;
    for number in 0..2 {
        let warm = resolve(runtime, "demo", bounded(SECOND)).await.unwrap();
        child.pause();
        let written = format!("written meanwhile {number}");
        world.set(0, &written).await;
        assert_ne!(value(&warm), written);
        sleep(3 * SECOND).await;
        // There when it goes on, well before anything new can come from the database.
        let to_client = SECOND / 10;
        let slow = Fault::Delay { to_server: Duration::ZERO, to_client, jitter: Duration::ZERO };
        link.set(slow);
        let waiting: Vec<_> = [bounded(SECOND), bounded(SECOND / 2), strong()]
            .into_iter()
            .map(|mode| {
                let runtime = runtime.clone();
                tokio::spawn(async move { resolve(&runtime, "demo", mode).await })
            })
            .collect();
        sleep(SECOND / 10).await;
        child.resume();
        for answer in waiting {
            assert_eq!(value(&answer.await.unwrap().unwrap()), written);
        }
        link.set(Fault::Pass);
    }
}

//! Clocks that jump, and a process that does not notice that time passes.

use super::super::children::{Child, serve};
use super::super::{Callers, SECOND, World, bounded, resolve, strong, value};
use crate::support::Setup;
use std::time::Duration;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);

/// How old an answer may be is measured by a clock that nobody sets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_makes_no_answer_older() {
    let world = World::with_demo(1).await;
    // Beside a setup of its own, and so with a clock of its own.
    let engines = world.replicas.production.engines();
    let server = Setup::sqlite().beside(engines).start().await;
    let callers = Callers::connect(&server.address, &world.tokens).await;
    let runtime = &callers.runtime;
    let jumps: [(&str, &dyn Fn()); 4] = [
        ("no jump", &|| ()),
        ("an hour ahead", &|| server.pass(HOUR)),
        ("two hours back", &|| server.turn_back(2 * HOUR)),
        ("an hour ahead again", &|| server.pass(HOUR)),
    ];
    for (what, jump) in jumps {
        let warm = resolve(runtime, "demo", bounded(SECOND)).await.unwrap();
        world.set(0, what).await;
        jump();
        assert_ne!(value(&warm), what);
        assert_eq!(value(&resolve(runtime, "demo", strong()).await.unwrap()), what);
        let written = format!("{what}, and more");
        world.set(0, &written).await;
        sleep(SECOND).await;
        let late = resolve(runtime, "demo", bounded(SECOND)).await.unwrap();
        assert_eq!(value(&late), written, "bounded, after {what}");
        // Nor does the jump cost what is fresh: a write there is seen here.
        let revision = callers.admin.set("demo", "KEY", crate::support::default_slot(), what);
        let revision = revision.await.unwrap().revision;
        let read = super::super::at_least(&revision);
        assert_eq!(world.value(0, read).await, what);
    }
}

/// What was fresh when the process was stopped is not when it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_answers_nothing_old() {
    let world = World::with_demo(1).await;
    let engines = world.replicas.production.engines();
    let child = Child::start(serve(&engines), &world.tokens).await;
    let runtime = &child.callers.runtime;
    for number in 0..2 {
        let warm = resolve(runtime, "demo", bounded(SECOND)).await.unwrap();
        child.pause();
        let written = format!("written meanwhile {number}");
        world.set(0, &written).await;
        assert_ne!(value(&warm), written);
        sleep(3 * SECOND).await;
        // There when it goes on, before anything else can have happened.
        let waiting: Vec<_> = [bounded(SECOND), bounded(SECOND / 10), strong()]
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
    }
}

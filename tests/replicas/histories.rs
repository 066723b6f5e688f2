//! Random writes and reads of several projects through several servers while their links fail,
//! and whether what everybody saw could have come from one database.
//!
//! `TEST_OPERATIONS` is how many, `TEST_SEED` what the choices come from. The same seed makes the
//! same choices, if not in the same order of events.

mod caller;
mod faults;
mod inside;

use super::{Numbers, SOON, World, opened, resolve, strong};
use crate::history::{Answer, History, Kind, Mode, Op, Seen, violations};
use crate::support::Client;
use crate::support::client::shown;
use caller::Caller;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::time::timeout;
use waxseal_proto::v1::{self, Visibility};

const REPLICAS: usize = 3;
const PROJECTS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
/// Those that are overridden in `main`, live, and one that has a default alone.
const OVERRIDDEN: [&str; 3] = ["A", "B", "C"];
const DEFAULT: &str = "D";
const OPERATIONS: i64 = 100_000;
const CALLERS: usize = 32;

/// What all callers share.
struct Run {
    world: World,
    begun: Instant,
    /// Operations that are still to be begun.
    left: AtomicI64,
    /// The last counter that was given to a write.
    counter: AtomicU64,
    over: AtomicBool,
    projects: Vec<Shared>,
    tally: Tally,
}

/// What all callers know of a project.
struct Shared {
    id: &'static str,
    /// The one that every token is of.
    life: [u8; 32],
    initial: Seen,
    /// A revision that somebody was told of lately, and by which replica.
    told: Mutex<(usize, String)>,
}

/// How often things happened.
#[derive(Default)]
struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    fn count(&self, what: impl Into<String>) {
        self.add(what, 1);
    }

    fn add(&self, what: impl Into<String>, times: u64) {
        *self.0.lock().unwrap().entry(what.into()).or_default() += times;
    }

    fn of(&self, what: &str) -> u64 {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

impl Run {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_nanos().try_into().unwrap()
    }

    fn counter(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst) + 1
    }
}

fn number(variable: &str) -> Option<i64> {
    Some(std::env::var(variable).ok()?.parse().unwrap_or_else(|_| panic!("{variable}")))
}

/// What a reply shows, and of which life it is.
fn seen(view: &v1::ResolveEnvironmentResponse) -> (Seen, [u8; 32]) {
    let counters = view.secrets.iter().map(|entry| {
        let counter = shown(entry.payload.as_ref()).parse().unwrap();
        (entry.secret.clone(), counter)
    });
    let (life, revision) = opened(&view.revision);
    (Seen { revision, secrets: counters.collect() }, life)
}

async fn make(admin: &Client, runtime: &Client, id: &'static str, first: u64) -> Shared {
    admin.create_project(id).await.unwrap();
    for secret in OVERRIDDEN.into_iter().chain([DEFAULT]) {
        let value = first.to_string();
        admin.create_secret(id, secret, Visibility::Masked, Some(&value)).await.unwrap();
    }
    let view = resolve(runtime, id, strong()).await.unwrap();
    let (initial, life) = seen(&view);
    assert_eq!(initial.secrets.len(), OVERRIDDEN.len() + 1);
    Shared { id, life, initial, told: Mutex::new((0, view.revision)) }
}

/// Every replica shows the same in the end, and that is a part of the histories.
async fn settle(run: &Run, histories: &mut [History]) {
    for (history, project) in histories.iter_mut().zip(&run.projects) {
        for replica in 0..REPLICAS {
            let begun = Instant::now();
            loop {
                let start = run.now();
                let answer = resolve(run.world.runtime(replica), project.id, strong()).await;
                if let Ok(view) = answer {
                    let kind = Kind::Read(Mode::Strong, Answer::Seen(seen(&view).0));
                    history.ops.push(Op { process: u64::MAX, start, end: run.now(), kind });
                    break;
                }
                assert!(begun.elapsed() < SOON, "replica {replica} does not recover: {answer:?}");
                tokio::time::sleep(SOON / 100).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_callers_of_many_replicas_saw_could_have_come_from_one_database() {
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    let seed = number("TEST_SEED").map_or(random >> 1, i64::cast_unsigned);
    let operations = number("TEST_OPERATIONS").unwrap_or(OPERATIONS);
    println!("TEST_SEED={seed} TEST_OPERATIONS={operations}");

    let world = World::start(REPLICAS).await;
    let mut projects = Vec::new();
    for (first, id) in (1..).zip(PROJECTS) {
        projects.push(make(world.admin(0), world.runtime(0), id, first).await);
    }
    let run = Arc::new(Run {
        world,
        begun: Instant::now(),
        left: AtomicI64::new(operations),
        counter: AtomicU64::new(PROJECTS.len() as u64),
        over: AtomicBool::new(false),
        projects,
        tally: Tally::default(),
    });

    let mut numbers = Numbers(seed);
    let faults = tokio::spawn(faults::come_and_go(run.clone(), Numbers(numbers.next())));
    let callers: Vec<_> = (0..CALLERS as u64)
        .map(|process| Caller::new(run.clone(), process, Numbers(numbers.next())))
        .map(|caller| tokio::spawn(caller.call_until_it_is_over()))
        .collect();
    let initial = |project: &Shared| History { initial: project.initial.clone(), ops: Vec::new() };
    let mut histories: Vec<_> = run.projects.iter().map(initial).collect();
    for caller in callers {
        for (project, op) in caller.await.unwrap() {
            histories[project].ops.push(op);
        }
    }
    run.over.store(true, Ordering::SeqCst);
    timeout(SOON, faults).await.unwrap().unwrap();
    settle(&run, &mut histories).await;
    let took = run.begun.elapsed();

    let done: usize = histories.iter().map(|history| history.ops.len()).sum();
    println!("{done} operations in {took:.1?}");
    let (put, found) = run.world.redis.put_and_found().await;
    run.tally.add("Redis: views put", put);
    run.tally.add("Redis: views found", found);
    for (what, times) in &*run.tally.0.lock().unwrap() {
        println!("{times:>8} {what}");
    }
    let begun = Instant::now();
    for (history, project) in histories.iter().zip(PROJECTS) {
        let found = violations(history);
        let report: Vec<_> = found.iter().take(5).map(ToString::to_string).collect();
        let report = report.join("\n");
        assert!(found.is_empty(), "TEST_SEED={seed}, {project}: {}\n{report}", found.len());
    }
    println!("checked in {:.1?}", begun.elapsed());
    worth_it(&run.tally, operations.cast_unsigned());
}

/// A run in which nothing went wrong, or nothing went right, shows nothing.
fn worth_it(tally: &Tally, operations: u64) {
    let at_least = |what: &str, share: u64| {
        let times = tally.of(what);
        assert!(times >= (operations / share).max(1), "{times} times only: {what}");
    };
    for mode in ["strong", "at least", "bounded"] {
        at_least(&format!("read {mode}: answered"), 10);
    }
    at_least("write: acknowledged", 100);
    at_least("write: acknowledged to a retry", 5_000);
    at_least("write: unknown", 5_000);
    at_least("read at least: what another replica told", 20);
    for fault in faults::NAMES {
        at_least(&format!("fault: {fault}"), 50_000);
    }
    at_least("Redis: views put", 1_000);
    at_least("Redis: views found", 1_000);
}

//! kill -9 of one server after another, in the middle of writes: what was acknowledged is there,
//! a retry at another server applies it once, and the dead leave nothing behind in the database.

use super::children::{Child, serve};
use super::{Callers, Numbers, SOON, Tokens, World, opened};
use crate::support::client::shown;
use crate::support::{default_slot, text};
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use uuid::Uuid;
use waxseal_proto::v1::{self, Stage, Visibility};
use waxseal_server::config::Engines;

const SERVERS: usize = 3;
/// At most so many are down at the same time.
const DOWN: usize = 2;
const KILLS: usize = 200;
/// How long a server lives, in milliseconds.
const LIVES: std::ops::Range<usize> = 300..1_200;
const WRITERS: usize = 6;
/// What all writers write to.
const SHARED: &str = "SHARED";

/// The servers, each unless it is down.
struct Fleet {
    standing: Vec<RwLock<Option<Callers>>>,
    over: AtomicBool,
    /// Kills that are still to come.
    left: AtomicUsize,
}

impl Fleet {
    async fn some(&self, numbers: &mut Numbers) -> Callers {
        loop {
            let callers = numbers.pick(&self.standing).read().unwrap().clone();
            match callers {
                Some(callers) => return callers,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
}

/// What a writer wrote.
#[derive(Default)]
struct Ledger {
    own: i64,
    batches: i64,
    /// The versions of the shared slot that it was told of.
    shared: Vec<i64>,
    /// Calls without an answer.
    unknown: usize,
    /// Writes of its own that stood although they had not been answered.
    found: usize,
}

/// A write, sent again until it is acknowledged.
struct Write {
    id: Uuid,
    value: i64,
    secrets: Vec<String>,
    batch: bool,
}

impl Write {
    /// The version that each secret got, and the revision.
    async fn send(&self, callers: &Callers) -> Result<(Vec<i64>, String), Status> {
        let mut secrets = callers.admin.secrets.clone();
        let payload = || text(&self.value.to_string());
        if !self.batch {
            let request = v1::SetSecretValueRequest {
                name: format!("projects/demo/secrets/{}", self.secrets[0]),
                slot: default_slot(),
                payload: payload(),
                request_id: self.id.to_string(),
                ..Default::default()
            };
            let set = secrets.set_secret_value(request).await?.into_inner();
            return Ok((vec![set.version], set.revision));
        }
        let value =
            |secret: &String| v1::OverrideValue { secret: secret.clone(), payload: payload() };
        let request = v1::BatchSetOverridesRequest {
            parent: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            overrides: self.secrets.iter().map(value).collect(),
            request_id: self.id.to_string(),
        };
        let set = secrets.batch_set_overrides(request).await?.into_inner();
        Ok((set.overrides.iter().map(|set| set.version).collect(), set.revision))
    }

    /// Until it is acknowledged, wherever.
    async fn make(&self, fleet: &Fleet, numbers: &mut Numbers, ledger: &mut Ledger) -> Vec<i64> {
        let begun = Instant::now();
        let (versions, revision) = loop {
            match self.send(&fleet.some(numbers).await).await {
                Ok(made) => break made,
                Err(status) => {
                    let code = status.code();
                    let cut_off =
                        [Code::Unavailable, Code::Unknown, Code::Cancelled, Code::Aborted];
                    assert!(cut_off.contains(&code), "{status:?}");
                    assert!(begun.elapsed() < SOON * 3, "{status:?}");
                    ledger.unknown += 1;
                }
            }
            tokio::time::sleep(numbers.millis(1..40)).await;
        };
        // Sent once more now and then: the answer is the first one.
        if numbers.below(8) == 0
            && let Ok(again) = self.send(&fleet.some(numbers).await).await
        {
            assert_eq!((again.0, opened(&again.1)), (versions.clone(), opened(&revision)));
        }
        versions
    }
}

async fn write(writer: usize, fleet: Arc<Fleet>, observer: Callers) -> Ledger {
    let (mut numbers, mut ledger) = (Numbers(writer as u64), Ledger::default());
    let own = format!("OWN_{writer}");
    let batch: Vec<_> = (0..3).map(|number| format!("BATCH_{writer}_{number}")).collect();
    let write = |value, secrets: &[String], batch| Write {
        id: Uuid::new_v4(),
        value,
        secrets: secrets.to_vec(),
        batch,
    };
    while !fleet.over.load(Ordering::SeqCst) {
        match numbers.below(4) {
            0 => {
                let write = write(ledger.batches + 1, &batch, true);
                let versions = write.make(&fleet, &mut numbers, &mut ledger).await;
                ledger.batches += 1;
                assert_eq!(versions, [ledger.batches; 3]);
            }
            1 | 2 => {
                let unknown = ledger.unknown;
                let write = write(ledger.own + 1, std::slice::from_ref(&own), false);
                if write.send(&fleet.some(&mut numbers).await).await.is_err() {
                    ledger.unknown += 1;
                    let stands = observer.admin.get_secret("demo", &own).await.unwrap();
                    let stands = stands.default_version;
                    assert!([ledger.own, ledger.own + 1].contains(&stands), "{stands}");
                    ledger.found += usize::from(stands > ledger.own);
                }
                let versions = write.make(&fleet, &mut numbers, &mut ledger).await;
                ledger.own += 1;
                assert_eq!(versions, [ledger.own], "{} unknown", ledger.unknown - unknown);
            }
            _ => {
                let value = (writer * 1_000_000 + ledger.shared.len()).try_into().unwrap();
                let write = write(value, &[SHARED.to_owned()], false);
                let versions = write.make(&fleet, &mut numbers, &mut ledger).await;
                ledger.shared.extend(versions);
            }
        }
    }
    ledger
}

/// Kills a server and starts another in its place, again and again.
async fn kill(
    place: usize,
    mut child: Child,
    fleet: Arc<Fleet>,
    turns: Arc<Semaphore>,
    start: (Engines, Tokens),
) -> Child {
    let mut numbers = Numbers(place as u64 + 1_000);
    let (engines, tokens) = start;
    let next = |left: usize| left.checked_sub(1);
    while fleet.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).is_ok() {
        tokio::time::sleep(numbers.millis(LIVES)).await;
        let _turn = turns.acquire().await.unwrap();
        child.serving.kill();
        *fleet.standing[place].write().unwrap() = None;
        child = Child::start(serve(&engines), &tokens).await;
        *fleet.standing[place].write().unwrap() = Some(child.callers.clone());
    }
    child
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_done_twice_when_servers_are_killed_in_the_middle_of_writes() {
    let world = World::with_demo(1).await;
    let engines = world.replicas.production.engines();
    for writer in 0..WRITERS {
        let batch = (0..3).map(|number| format!("BATCH_{writer}_{number}"));
        for secret in batch.chain([format!("OWN_{writer}")]) {
            let made = world.admin(0).create_secret("demo", &secret, Visibility::Masked, None);
            made.await.unwrap();
        }
    }
    world.admin(0).create_secret("demo", SHARED, Visibility::Masked, None).await.unwrap();

    let starting = (0..SERVERS).map(|_| Child::start(serve(&engines), &world.tokens));
    let children = join_all(starting).await;
    let fleet = Arc::new(Fleet {
        standing: children.iter().map(|child| RwLock::new(Some(child.callers.clone()))).collect(),
        over: AtomicBool::new(false),
        left: AtomicUsize::new(KILLS),
    });
    let begun = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| tokio::spawn(write(writer, fleet.clone(), world.callers[0].clone())))
        .collect();
    let turns = Arc::new(Semaphore::new(DOWN));
    let killers = children.into_iter().enumerate().map(|(place, child)| {
        let start = (engines.clone(), world.tokens.clone());
        tokio::spawn(kill(place, child, fleet.clone(), turns.clone(), start))
    });
    let children: Vec<_> = join_all(killers).await.into_iter().map(Result::unwrap).collect();
    fleet.over.store(true, Ordering::SeqCst);
    let ledgers: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
    println!("{KILLS} kills in {:.1?}", begun.elapsed());

    stands(&world, &ledgers).await;
    drop(children);
    leaves_nothing_behind(&world).await;
}

/// Exactly what was acknowledged.
async fn stands(world: &World, ledgers: &[Ledger]) {
    let view = super::resolve(world.runtime(0), "demo", super::strong()).await.unwrap();
    let is = |secret: String, number: i64| {
        let entry = view.secrets.iter().find(|entry| entry.secret == secret);
        let stands = entry.map_or((0, "0"), |e| (e.version, shown(e.payload.as_ref())));
        assert_eq!(stands, (number, &*number.to_string()), "{secret}");
    };
    for (writer, ledger) in ledgers.iter().enumerate() {
        is(format!("OWN_{writer}"), ledger.own);
        for number in 0..3 {
            is(format!("BATCH_{writer}_{number}"), ledger.batches);
        }
        assert!(ledger.own > 0 && ledger.batches > 0, "writer {writer} never wrote");
    }
    let mut shared: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.shared).copied().collect();
    shared.sort_unstable();
    let last = i64::try_from(shared.len()).unwrap();
    assert_eq!(shared, (1..=last).collect::<Vec<_>>(), "each version was given once");
    let stands = world.admin(0).get_secret("demo", SHARED).await.unwrap();
    assert_eq!(stands.default_version, last);

    let sum = |of: fn(&Ledger) -> i64| ledgers.iter().map(of).sum::<i64>();
    let written = sum(|ledger| ledger.own + ledger.batches) + last;
    let unknown: usize = ledgers.iter().map(|ledger| ledger.unknown).sum();
    let found: usize = ledgers.iter().map(|ledger| ledger.found).sum();
    println!("{written} writes; {unknown} calls without an answer, {found} of them seen to stand");
    assert!(unknown > KILLS / 4, "the kills came when nothing was under way");
    assert!(written > KILLS.try_into().unwrap(), "hardly anything was written");
}

/// No connection, transaction or lock of the dead.
async fn leaves_nothing_behind(world: &World) {
    const POOL_AND_HEADS: i64 = 8 + 2;
    let database = &world.replicas.production.database;
    database.at_most_connected(POOL_AND_HEADS, SOON).await;
    let left = "SELECT (SELECT count(*) FROM pg_prepared_xacts)
             + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
             + (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND state LIKE 'idle in transaction%' AND now() - state_change > '2 s')";
    assert_eq!(database.number(left).await, 0);
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.set(0, "after all").await;
}

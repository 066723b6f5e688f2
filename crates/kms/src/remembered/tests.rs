use super::*;
use crate::contract::{Subject, contract};
use crate::{Counted, Counts, KeyKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, ProjectUid};

const T0: Timestamp = Timestamp::from_micros(0);
const HOUR: Duration = Duration::from_secs(60 * 60);
const SECOND: Duration = Duration::from_secs(1);
const TURNS: u32 = 1_000;

/// The local provider, which can be away, be slow, and be revoked.
struct Moody {
    _directory: TempDir,
    local: crate::Local,
    away: AtomicBool,
    turns: Semaphore,
    health: watch::Sender<Health>,
}

impl Moody {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys").join("keys.json");
        let local = crate::Local::create(&path, deployment(), T0).unwrap();
        Self {
            _directory: directory,
            local,
            away: AtomicBool::new(false),
            turns: Semaphore::new(TURNS as usize),
            health: watch::Sender::new(Health::Good),
        }
    }
}

#[async_trait::async_trait]
impl KeyProvider for Moody {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.local.generate(context).await
    }
    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        let _turn = self.turns.acquire().await.unwrap();
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable { key_id: wrapped.key_id.clone() });
        }
        self.local.unwrap(wrapped, context).await
    }
    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.local.wrap(key, context).await
    }
    async fn rewrap(&self, from: &WrappedKey, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.local.rewrap(from, context).await
    }
    fn active_key_id(&self) -> String {
        self.local.active_key_id()
    }
    fn health(&self) -> HealthWatch {
        HealthWatch::new(self.health.subscribe())
    }
    fn keys(&self) -> Vec<KeyStatus> {
        self.local.keys()
    }
}

type Tested = Arc<Remembered<Counted<Moody>>>;

fn deployment() -> Deployment {
    Deployment::from_bytes([1; 16])
}

fn context(number: u8) -> KeyContext {
    KeyContext::integrity(deployment(), ProjectUid::from_bytes([number; 16]))
}

fn with(settings: RememberedSettings) -> Tested {
    Arc::new(Remembered::new(Counted::new(Moody::new()), settings))
}

fn remembered() -> Tested {
    with(RememberedSettings::default())
}

fn moody(tested: &Tested) -> &Moody {
    tested.inner().inner()
}

fn unwraps(tested: &Tested) -> u64 {
    tested.inner().counts().unwrap
}

/// Keys that nobody remembers yet.
async fn stored(tested: &Tested, count: u8) -> Vec<(Key, WrappedKey, KeyContext)> {
    let mut keys = Vec::new();
    for number in 0..count {
        let context = context(number);
        let (key, wrapped) = moody(tested).local.generate(&context).await.unwrap();
        keys.push((key, wrapped, context));
    }
    keys
}

async fn all_unwrap(tested: &Tested, keys: &[(Key, WrappedKey, KeyContext)]) {
    for (key, wrapped, context) in keys {
        assert_eq!(tested.unwrap(wrapped, context).await.unwrap().expose(), key.expose());
    }
}

/// Lets the tasks run that have something to do.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

struct Plain(Remembered<Moody>);

#[async_trait::async_trait]
impl Subject for Plain {
    fn provider(&self) -> &dyn KeyProvider {
        &self.0
    }
    async fn rotate(&self) {
        self.0.inner().local.rotate(T0).unwrap();
    }
    async fn disable(&self, key_id: &str) {
        // As a service does it: its probe finds out, and says so if it is the active key.
        let moody = self.0.inner();
        moody.local.disable(key_id).unwrap();
        if moody.active_key_id() == key_id {
            moody.health.send_replace(Health::Revoked);
        }
        self.0.clear();
    }
}

#[tokio::test]
async fn it_keeps_the_contract() {
    contract(async || Plain(Remembered::new(Moody::new(), RememberedSettings::default()))).await;
}

#[tokio::test]
async fn the_first_time_costs_a_call_each_and_afterwards_none() {
    let tested = remembered();
    let keys = stored(&tested, 20).await;
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 20);
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 20);
    assert_eq!(tested.len(), 20);
}

#[tokio::test]
async fn what_was_generated_here_is_remembered() {
    let tested = remembered();
    let (key, wrapped) = tested.generate(&context(1)).await.unwrap();
    all_unwrap(&tested, &[(key, wrapped, context(1))]).await;
    assert_eq!(tested.inner().counts(), Counts { generate: 1, ..Counts::default() });
}

#[tokio::test]
async fn those_who_want_the_same_key_wait_for_one_call() {
    let tested = remembered();
    let (key, wrapped, context) = stored(&tested, 1).await.remove(0);
    let held = moody(&tested).turns.acquire_many(TURNS).await.unwrap();
    let ask = || {
        let (tested, wrapped, context) = (tested.clone(), wrapped.clone(), context.clone());
        tokio::spawn(async move { tested.unwrap(&wrapped, &context).await.unwrap() })
    };
    let first = ask();
    settle().await;
    let others: Vec<_> = (0..50).map(|_| ask()).collect();
    settle().await;
    // The one who began gives up, and the others get it all the same.
    first.abort();
    settle().await;
    drop(held);
    for other in others {
        assert_eq!(other.await.unwrap().expose(), key.expose());
    }
    assert_eq!(unwraps(&tested), 1);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_and_the_next_asks_again() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    let (_, wrapped, context) = &keys[0];
    moody(&tested).away.store(true, Ordering::SeqCst);
    let asked = (0..10).map(|_| tested.unwrap(wrapped, context));
    let away = Error::Unavailable { key_id: wrapped.key_id.clone() };
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer.err(), Some(away.clone()));
    }
    assert_eq!(unwraps(&tested), 1);
    moody(&tested).away.store(false, Ordering::SeqCst);
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 2);
}

#[tokio::test]
async fn another_context_or_key_id_or_blob_is_another_question() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    let (_, wrapped, right) = &keys[0];
    all_unwrap(&tested, &keys).await;

    let tampered = Some(Error::Tampered { key_id: wrapped.key_id.clone() });
    assert_eq!(tested.unwrap(wrapped, &context(9)).await.err(), tampered);
    let flipped =
        WrappedKey { bytes: wrapped.bytes.iter().map(|it| !it).collect(), ..wrapped.clone() };
    assert_eq!(tested.unwrap(&flipped, right).await.err(), tampered);
    let renamed = WrappedKey { key_id: "local:0".to_owned(), ..wrapped.clone() };
    let unconfigured = Some(Error::Unconfigured { key_id: "local:0".to_owned() });
    assert_eq!(tested.unwrap(&renamed, right).await.err(), unconfigured);
    assert_eq!(unwraps(&tested), 4);
    assert_eq!(tested.len(), 1, "a refusal is not remembered");
}

#[test]
fn an_id_depends_on_where_one_part_ends() {
    let wrapped = |key_id: &str, bytes: &[u8]| WrappedKey {
        kind: KeyKind::Direct,
        key_id: key_id.to_owned(),
        bytes: bytes.to_vec(),
    };
    let entries = |pairs: &[(&str, &str)]| {
        let owned = pairs.iter().map(|(name, it)| ((*name).to_owned(), (*it).to_owned()));
        KeyContext::from_entries(owned.collect())
    };
    let id = Id::of(&wrapped("ab", b"c"), &entries(&[("ab", "c")]));
    let others = [
        Id::of(&wrapped("b", b"ca"), &entries(&[("ab", "c")])),
        Id::of(&wrapped("ab", b"c"), &entries(&[("a", "bc")])),
        Id::of(&wrapped("abab", b"c"), &entries(&[("", "c")])),
        Id::of(&wrapped("ab", b"c"), &entries(&[("ab", "c"), ("", "")])),
    ];
    assert!(others.iter().all(|other| *other != id));
    assert!(id == Id::of(&wrapped("ab", b"c"), &entries(&[("ab", "c")])));
}

#[tokio::test(start_paused = true)]
async fn after_an_hour_it_is_asked_for_again_and_after_a_day_forgotten() {
    let tested = remembered();
    let keys = stored(&tested, 3).await;
    all_unwrap(&tested, &keys).await;
    tokio::time::advance(HOUR - SECOND).await;
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 3, "looking a key up does not renew it");
    tokio::time::advance(SECOND).await;
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 6);

    tokio::time::advance(RememberedSettings::LONGEST - SECOND).await;
    settle().await;
    assert_eq!(tested.len(), 3);
    tokio::time::advance(61 * SECOND).await;
    settle().await;
    assert_eq!(tested.len(), 0, "nobody has to ask for it to be forgotten");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_bridged_up_to_the_limit_and_no_further() {
    let limit = 4 * HOUR;
    let tested = with(RememberedSettings { limit, ..RememberedSettings::default() });
    let keys = stored(&tested, 1).await;
    let (_, wrapped, context) = &keys[0];
    all_unwrap(&tested, &keys).await;
    moody(&tested).away.store(true, Ordering::SeqCst);
    moody(&tested).health.send_replace(Health::Degraded);
    tokio::time::advance(limit - SECOND).await;
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 2, "it was tried");
    tokio::time::advance(SECOND).await;
    let away = Some(Error::Unavailable { key_id: wrapped.key_id.clone() });
    assert_eq!(tested.unwrap(wrapped, context).await.err(), away);
}

#[tokio::test(start_paused = true)]
async fn no_setting_keeps_a_key_for_more_than_a_day() {
    let week = 7 * RememberedSettings::LONGEST;
    let tested = with(RememberedSettings { fresh: week, limit: week, entries: 10 });
    let keys = stored(&tested, 1).await;
    all_unwrap(&tested, &keys).await;
    tokio::time::advance(RememberedSettings::LONGEST).await;
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_key_that_is_disabled_is_not_bridged() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    let (_, wrapped, context) = &keys[0];
    all_unwrap(&tested, &keys).await;
    let key_id = wrapped.key_id.clone();
    moody(&tested).local.rotate(T0).unwrap();
    moody(&tested).local.disable(&key_id).unwrap();
    tokio::time::advance(HOUR).await;
    let revoked = Some(Error::Revoked { key_id: key_id.clone() });
    assert_eq!(tested.unwrap(wrapped, context).await.err(), revoked);
    assert_eq!(tested.len(), 0);
}

#[tokio::test]
async fn no_more_keys_are_remembered_than_allowed() {
    let tested = with(RememberedSettings { entries: 8, ..RememberedSettings::default() });
    let keys = stored(&tested, 100).await;
    all_unwrap(&tested, &keys).await;
    assert!((1..=8).contains(&tested.len()), "{}", tested.len());
    all_unwrap(&tested, &keys[99..]).await;
    assert!(unwraps(&tested) <= 101);
}

#[tokio::test]
async fn a_revocation_forgets_everything_and_refuses_until_it_ends() {
    let tested = remembered();
    let keys = stored(&tested, 5).await;
    let (_, wrapped, context) = &keys[0];
    all_unwrap(&tested, &keys).await;

    moody(&tested).health.send_replace(Health::Degraded);
    settle().await;
    all_unwrap(&tested, &keys).await;
    assert_eq!((tested.len(), unwraps(&tested)), (5, 5), "an outage forgets nothing");

    moody(&tested).health.send_replace(Health::Revoked);
    settle().await;
    assert_eq!(tested.len(), 0, "nobody has to ask for it to be forgotten");
    let revoked = Some(Error::Revoked { key_id: wrapped.key_id.clone() });
    assert_eq!(tested.unwrap(wrapped, context).await.err(), revoked);
    assert_eq!(unwraps(&tested), 5, "and the provider is not asked");
    tested.generate(context).await.unwrap();
    assert_eq!(tested.len(), 0);

    moody(&tested).health.send_replace(Health::Good);
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 10);
}

#[tokio::test]
async fn what_was_under_way_is_neither_remembered_nor_joined_after_clearing() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    let (_, wrapped, context) = &keys[0];
    let held = moody(&tested).turns.acquire_many(TURNS).await.unwrap();
    let early = tested.unwrap(wrapped, context);
    let (early, ()) = futures::future::join(early, async {
        settle().await;
        tested.clear();
        drop(held);
    })
    .await;
    assert!(early.is_ok());
    assert_eq!(tested.len(), 0);
    all_unwrap(&tested, &keys).await;
    assert_eq!((tested.len(), unwraps(&tested)), (1, 2));
}

#[tokio::test]
async fn a_key_that_arrives_after_a_revocation_is_not_handed_out() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    let (_, wrapped, context) = &keys[0];
    let held = moody(&tested).turns.acquire_many(TURNS).await.unwrap();
    let early = tested.unwrap(wrapped, context);
    let (early, ()) = futures::future::join(early, async {
        settle().await;
        moody(&tested).health.send_replace(Health::Revoked);
        drop(held);
    })
    .await;
    assert_eq!(early.err(), Some(Error::Revoked { key_id: wrapped.key_id.clone() }));
    assert_eq!(tested.len(), 0);
}

#[tokio::test]
async fn rewrapping_forgets_nothing() {
    let tested = remembered();
    let keys = stored(&tested, 1).await;
    all_unwrap(&tested, &keys).await;
    moody(&tested).local.rotate(T0).unwrap();
    tested.rewrap(&keys[0].1, &keys[0].2).await.unwrap();
    all_unwrap(&tested, &keys).await;
    assert_eq!(unwraps(&tested), 1);
}

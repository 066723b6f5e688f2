use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use waxseal_cache::{Redis, RedisSettings, SharedCache as _, ViewKey};
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

/// What callers wait for in tests that are not about it.
pub(crate) const PATIENT: Duration = Duration::from_secs(5);

/// What callers wait for in tests that are.
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// The machine may be busy: longer than this is too long for what takes [`SHORT`].
pub(crate) const SHORT_ON_A_BUSY_MACHINE: Duration = Duration::from_millis(800);

/// Within this, whatever recovers did.
pub(crate) const RECOVERY: Duration = Duration::from_secs(20);

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("run tests/run, or set {name}"))
}

/// The server of these tests. What they put there has names of their own.
pub(crate) fn single() -> String {
    variable("TEST_REDIS")
}

/// The Cluster of these tests.
pub(crate) fn cluster() -> Vec<String> {
    variable("TEST_REDIS_CLUSTER").split(',').map(str::to_owned).collect()
}

/// A key of a project that nobody else has.
pub(crate) fn fresh() -> ViewKey {
    let mut project = [0; 16];
    getrandom::fill(&mut project).unwrap();
    ViewKey {
        incarnation: Incarnation::from_bytes([1; 16]),
        project: ProjectUid::from_bytes(project),
        environment: EnvironmentUid::from_bytes([3; 16]),
        stage: Stage::Draft,
        revision: 1,
    }
}

/// The name that a key has in Redis.
pub(crate) fn name(key: &ViewKey) -> String {
    let hex = |uid: &[u8; 16]| uid.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ViewKey { incarnation, project, environment, stage, revision } = key;
    let [incarnation, project, environment] =
        [incarnation.bytes(), project.bytes(), environment.bytes()].map(hex);
    format!("wxs:v1:{incarnation}:{project}:{environment}:{}:{revision}", stage.as_str())
}

pub(crate) fn settings(url: &str, budget: Duration) -> RedisSettings {
    RedisSettings { budget, ..RedisSettings::new(vec![url.to_owned()]) }
}

pub(crate) fn cache(url: &str, budget: Duration) -> Redis {
    Redis::new(&settings(url, budget)).unwrap()
}

/// A connection beside the cache's.
pub(crate) async fn beside(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !so().await {
        assert!(start.elapsed() < RECOVERY, "not in time: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Puts until it is there.
pub(crate) async fn put(cache: &Redis, key: &ViewKey, sealed: &Bytes) {
    until("a view that was put is at hand", async || {
        cache.put(key, sealed.clone()).await;
        cache.get(key).await.is_some_and(|at_hand| at_hand == sealed)
    })
    .await;
}

/// A read that comes to nothing, within what a caller may have to wait.
pub(crate) async fn nothing_soon(cache: &Redis, key: &ViewKey) {
    let start = Instant::now();
    assert_eq!(cache.get(key).await, None);
    assert!(start.elapsed() < SHORT_ON_A_BUSY_MACHINE, "{:?}", start.elapsed());
}

pub(crate) fn sealed(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

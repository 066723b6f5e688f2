//! Two servers of one deployment, of which the first has its links spoiled, and what a call needs
//! to come to each phase on it.

use super::call::{Ask, Outcome};
use super::{AMPLE, RECOVERY};
use crate::support::production::Production;
use crate::support::proxy::Moment;
use crate::support::redis::Redis;
use crate::support::replicas::{Replica, Replicas};
use crate::support::server::Server;
use crate::support::{Client, default_slot, text};
use prost::Message as _;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

/// Where a call is when the fault meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The caller's token is looked up.
    Authentication,
    /// The view is in the server's memory.
    Hit,
    /// The view was filled by the other server, and is in Redis.
    Shared,
    /// The view is nowhere.
    Miss,
    /// A value is disclosed, which is put on record before.
    Reveal,
    /// A change has not begun.
    Write,
    /// A change is about to be committed: the database does not hear of it, or late.
    Commit,
    /// A change was committed: the server does not hear of it, or late.
    Acknowledgement,
}

impl Phase {
    /// Those of every link.
    pub const OF_ALL: [Self; 6] =
        [Self::Authentication, Self::Hit, Self::Shared, Self::Miss, Self::Reveal, Self::Write];

    /// Those of the database.
    pub const OF_DATABASE: [Self; 8] = [
        Self::Authentication,
        Self::Hit,
        Self::Shared,
        Self::Miss,
        Self::Reveal,
        Self::Write,
        Self::Commit,
        Self::Acknowledgement,
    ];

    /// What the fault waits for; else it is there before the call.
    pub fn trap(self) -> Option<(Moment, &'static str)> {
        // The end of the statement tells it from READ COMMITTED.
        const COMMIT: &str = "COMMIT\0";
        match self {
            Self::Commit => Some((Moment::Before, COMMIT)),
            Self::Acknowledgement => Some((Moment::After, COMMIT)),
            Self::Authentication
            | Self::Hit
            | Self::Shared
            | Self::Miss
            | Self::Reveal
            | Self::Write => None,
        }
    }
}

/// The servers.
pub struct World {
    replicas: Replicas,
    /// Callers of the second server.
    admin: Client,
    builder: Client,
    runtime: Client,
    /// Tokens that the first server knows well.
    resolving: String,
    building: String,
    next: AtomicUsize,
    /// The text that was set last.
    current: Mutex<String>,
    redis: Redis,
}

/// Connections of each server: few, so that one that is lost is missed.
const CONNECTIONS: usize = 2;
/// Those of a server's pool, and the two that follow heads, for both servers.
const ALL_CONNECTIONS: i64 = 2 * (CONNECTIONS as i64 + 2);

impl World {
    pub async fn start() -> Self {
        let redis = Redis::start().await;
        let production = Production::with_redis(vec![redis.url()]).await;
        let few = |config: &mut waxseal_server::Config| {
            config.engines.database_connections = CONNECTIONS;
            // Views that nobody knows are of environments that are new.
            config.max_environments = 1_000;
        };
        let replicas = Replicas::start(production, 2, few).await;
        let healthy = &replicas[1].server;
        healthy.make_demo().await;
        // To make a token known without touching a key of the other project.
        let admin = healthy.admin().await;
        admin.create_project("other").await.unwrap();
        let builder = healthy.builder().await;
        builder.create_secret("demo", "key", v1::Visibility::Masked, Some("v1")).await.unwrap();
        let runtime = healthy.runtime().await;
        let resolving = healthy.token(Role::Runtime, false, "deployment").await;
        let building = healthy.token(Role::Builder, true, "deployment").await;
        Self {
            replicas,
            admin,
            builder,
            runtime,
            resolving,
            building,
            next: AtomicUsize::new(0),
            current: Mutex::new("v1".to_owned()),
            redis,
        }
    }

    /// The server whose links are spoiled.
    pub fn spoiled(&self) -> &Replica {
        &self.replicas[0]
    }

    fn healthy(&self) -> &Server {
        &self.replicas[1].server
    }

    /// Brings both servers to where the call meets the phase.
    pub async fn prepare(&self, phase: Phase) -> Prepared {
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        let fresh = format!("env-{next}");
        let mut changed = None;
        let (method, message) = match phase {
            Phase::Authentication | Phase::Hit => {
                let ask = resolve("demo", "main");
                self.ask(&self.resolving, "ResolveEnvironment", ask.clone()).works().await;
                ("ResolveEnvironment", ask)
            }
            Phase::Shared | Phase::Miss => {
                self.admin.create_environment("demo", &fresh).await.unwrap();
                let ask = resolve("demo", &fresh);
                if phase == Phase::Shared {
                    // Both servers know the key of the shared view before it changes.
                    self.shared(self.resolve(&fresh)).await;
                    self.ask(&self.resolving, "ResolveEnvironment", ask.clone()).works().await;
                }
                self.set(&fresh).await;
                if phase == Phase::Shared {
                    self.shared(self.resolve(&fresh)).await;
                }
                ("ResolveEnvironment", ask)
            }
            Phase::Reveal => {
                self.set(&fresh).await;
                ("RevealSecretValue", reveal())
            }
            Phase::Write | Phase::Commit | Phase::Acknowledgement => {
                changed = Some(self.version().await + 1);
                *self.current.lock().unwrap() = fresh.clone();
                ("SetSecretValue", set(&fresh))
            }
        };
        // What the server knows of a token is good for a second.
        let token = match phase {
            Phase::Authentication => self.healthy().token(Role::Runtime, false, "deployment").await,
            Phase::Hit | Phase::Shared | Phase::Miss => {
                self.ask(&self.resolving, "ResolveEnvironment", resolve("other", "main"))
                    .works()
                    .await;
                self.resolving.clone()
            }
            Phase::Reveal | Phase::Write | Phase::Commit | Phase::Acknowledgement => {
                self.ask(&self.building, "GetProject", get_project()).works().await;
                self.building.clone()
            }
        };
        let ask = self.ask(&token, method, message);
        let shown = changed.is_none().then(|| self.current.lock().unwrap().clone());
        Prepared { ask, changed, shown }
    }

    /// A read, or a change that the next read has to show, for the server that is spoiled, reached
    /// at this address.
    pub fn plain(&self, writes: bool, address: SocketAddr) -> Prepared {
        let (method, token, message) = if writes {
            let next = self.next.fetch_add(1, Ordering::SeqCst);
            // None of them is a part of another.
            let value = format!("value-{next:05}");
            let message = set(&value);
            *self.current.lock().unwrap() = value;
            ("SetSecretValue", &self.building, message)
        } else {
            ("ResolveEnvironment", &self.resolving, resolve("demo", "main"))
        };
        let ask = self.ask(token, method, message);
        let ask = Ask { address: format!("http://{address}"), ..ask };
        let shown = (!writes).then(|| self.current.lock().unwrap().clone());
        Prepared { ask, changed: None, shown }
    }

    /// Checks how many values there were.
    pub async fn has_version(&self, version: u64) {
        assert_eq!(self.version().await, i64::try_from(version).unwrap(), "each is set once");
    }

    /// Sets the value past the server that is to be spoiled: it knows neither view nor data key.
    async fn set(&self, value: &str) {
        self.builder.set("demo", "key", default_slot(), value).await.unwrap();
        *self.current.lock().unwrap() = value.to_owned();
    }

    /// Resolves past the server that is to be spoiled.
    async fn resolve(&self, environment: &str) {
        self.runtime.resolve("demo", environment, v1::Stage::Live).await.unwrap();
    }

    /// Waits until what fills a view has brought it to Redis.
    async fn shared(&self, filled: impl Future<Output = ()>) {
        let before = self.redis.dump().await;
        filled.await;
        let begin = Instant::now();
        while self.redis.dump().await == before {
            assert!(begin.elapsed() < RECOVERY, "a view that was filled is shared");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether the server that was spoiled puts a view into Redis, soon after the fault is over.
    pub async fn shares(&self, healed: Instant) -> bool {
        while healed.elapsed() < RECOVERY {
            let next = self.next.fetch_add(1, Ordering::SeqCst);
            let id = format!("env-{next}");
            let environment = self.admin.create_environment("demo", &id).await.unwrap();
            let uid = environment.uid.replace('-', "");
            // What is in Redis has the environment in its name.
            self.ask(&self.resolving, "ResolveEnvironment", resolve("demo", &id)).works().await;
            for _ in 0..10 {
                let names = self.redis.dump().await.into_keys();
                let mut names = names.map(|name| String::from_utf8(name).unwrap());
                if names.any(|name| name.contains(&uid)) {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        false
    }

    fn ask(&self, token: &str, method: &'static str, message: Vec<u8>) -> Ask {
        let address = self.spoiled().server.address.clone();
        Ask { address, method, token: token.to_owned(), message }
    }

    /// The version of the value, as the healthy server sees it.
    async fn version(&self) -> i64 {
        self.builder.reveal("demo", "key", default_slot()).await.unwrap().version
    }

    /// Makes the call until it is answered; then a change has been made once, and no connection
    /// is lost.
    pub async fn recovers(&self, prepared: &Prepared) -> Result<(), String> {
        let healed = Instant::now();
        loop {
            let outcome = prepared.call(AMPLE).await;
            if outcome.answer.is_ok() {
                break;
            }
            if healed.elapsed() > RECOVERY {
                return Err(outcome.told());
            }
        }
        if let Some(version) = prepared.changed {
            assert_eq!(self.version().await, version, "a change is made once");
        }
        let database = &self.replicas.production.database;
        database.at_most_connected(ALL_CONNECTIONS, RECOVERY).await;
        Ok(())
    }
}

/// A call that has come to its phase.
pub struct Prepared {
    ask: Ask,
    /// The version that the change makes.
    changed: Option<i64>,
    /// The value that the answer holds.
    shown: Option<String>,
}

impl Prepared {
    pub async fn call(&self, deadline: Duration) -> Outcome {
        let outcome = self.ask.call(deadline).await;
        if let (Ok(answer), Some(shown)) = (&outcome.answer, &self.shown) {
            let right = answer.windows(shown.len()).any(|window| window == shown.as_bytes());
            assert!(right, "the answer holds another value than {shown}");
        }
        outcome
    }
}

impl Ask {
    /// Calls until that works. What is measured begins afterwards.
    async fn works(&self) {
        const PATIENCE: Duration = Duration::from_secs(60);
        let begun = Instant::now();
        loop {
            let outcome = self.call(RECOVERY).await;
            if outcome.answer.is_ok() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{}", outcome.told());
        }
    }
}

fn resolve(project: &str, environment: &str) -> Vec<u8> {
    let name = format!("projects/{project}/environments/{environment}");
    let stage = v1::Stage::Live.into();
    v1::ResolveEnvironmentRequest { name, stage, ..Default::default() }.encode_to_vec()
}

fn reveal() -> Vec<u8> {
    let name = "projects/demo/secrets/key".to_owned();
    v1::RevealSecretValueRequest { name, slot: default_slot(), version: 0 }.encode_to_vec()
}

fn set(value: &str) -> Vec<u8> {
    let request = v1::SetSecretValueRequest {
        name: "projects/demo/secrets/key".to_owned(),
        slot: default_slot(),
        payload: text(value),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    request.encode_to_vec()
}

fn get_project() -> Vec<u8> {
    v1::GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec()
}

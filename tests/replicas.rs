//! Several servers on one PostgreSQL, one Redis and one key: whoever asks which of them, what was
//! acknowledged is seen, and what is sent twice is done once.

mod absent;
pub mod children;
mod expanded;
mod failover;
mod histories;
mod kill;
mod races;
mod together;

use crate::support::Client;
use crate::support::production::Production;
use crate::support::redis::Redis;
use crate::support::replicas::Replicas;
use base64::Engine as _;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::{Request, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility, consistency::Mode};
use waxseal_server::Config;

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(10);

/// How old an answer, or a right, may be at most.
const SECOND: Duration = Duration::from_secs(1);

/// Replicas, the Redis that is theirs alone, and a caller at each of them.
struct World {
    replicas: Replicas,
    redis: Redis,
    tokens: Tokens,
    callers: Vec<Callers>,
}

/// Good at every replica.
#[derive(Clone)]
pub struct Tokens {
    admin: String,
    runtime: String,
}

/// Those who call one server.
#[derive(Clone)]
pub struct Callers {
    admin: Client,
    runtime: Client,
}

impl Callers {
    async fn connect(address: &str, tokens: &Tokens) -> Self {
        Self {
            admin: Client::connect(address, &tokens.admin).await,
            runtime: Client::connect(address, &tokens.runtime).await,
        }
    }
}

impl World {
    async fn start(count: usize) -> Self {
        Self::configured(count, |_| ()).await
    }

    async fn configured(count: usize, change: impl Fn(&mut Config)) -> Self {
        let redis = Redis::start().await;
        let production = Production::with_redis(vec![redis.url()]).await;
        let replicas = Replicas::start(production, count, change).await;
        // Some tests move a clock by hours.
        let life = Duration::from_secs(24 * 3600);
        let first = &replicas[0].server;
        let tokens = Tokens {
            admin: first.token_for(Role::Admin, false, "deployment", life).await,
            runtime: first.token_for(Role::Runtime, false, "deployment", life).await,
        };
        let mut callers = Vec::new();
        for replica in replicas.iter() {
            callers.push(Callers::connect(&replica.server.address, &tokens).await);
        }
        let world = Self { replicas, redis, tokens, callers };
        world.connect_to_redis().await;
        world
    }

    /// A connection to Redis is made when it is needed first, and nobody waits for that; so it is
    /// needed here, that later every view is looked for and put there.
    async fn connect_to_redis(&self) {
        self.admin(0).create_project("warm").await.unwrap();
        let begun = Instant::now();
        for (replica, callers) in self.replicas.iter().zip(&self.callers) {
            resolve(&callers.runtime, "warm", strong()).await.unwrap();
            while replica.redis.open() == 0 {
                assert!(begun.elapsed() < SOON, "nobody connects to Redis");
                sleep(Duration::from_millis(5)).await;
            }
        }
        sleep(Duration::from_millis(100)).await;
        self.redis.flush().await;
    }

    /// With the project `demo`, its environments `main` and `staging`, and one secret.
    async fn with_demo(count: usize) -> Self {
        let world = Self::start(count).await;
        world.make_demo().await;
        world
    }

    async fn make_demo(&self) {
        let admin = self.admin(0);
        admin.create_project("demo").await.unwrap();
        admin.create_environment("demo", "staging").await.unwrap();
        admin.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
    }

    fn admin(&self, replica: usize) -> &Client {
        &self.callers[replica].admin
    }

    fn runtime(&self, replica: usize) -> &Client {
        &self.callers[replica].runtime
    }

    /// Sets the default of the one secret, and gives the revision.
    async fn set(&self, replica: usize, value: &str) -> String {
        let slot = crate::support::default_slot();
        self.admin(replica).set("demo", "KEY", slot, value).await.unwrap().revision
    }

    /// What a replica resolves in `main`, live.
    async fn value(&self, replica: usize, mode: Mode) -> String {
        value(&resolve(self.runtime(replica), "demo", mode).await.unwrap())
    }
}

fn strong() -> Mode {
    Mode::Strong(v1::consistency::Strong {})
}

fn at_least(revision: &str) -> Mode {
    Mode::AtLeast(v1::consistency::AtLeast { revision: revision.to_owned() })
}

fn bounded(staleness: Duration) -> Mode {
    let max_staleness = Some(prost_types::Duration {
        seconds: staleness.as_secs().try_into().unwrap(),
        nanos: staleness.subsec_nanos().try_into().unwrap(),
    });
    Mode::Bounded(v1::consistency::Bounded { max_staleness })
}

fn request(project: &str, mode: Mode) -> Request<v1::ResolveEnvironmentRequest> {
    Request::new(v1::ResolveEnvironmentRequest {
        name: format!("projects/{project}/environments/main"),
        stage: Stage::Live.into(),
        consistency: Some(v1::Consistency { mode: Some(mode) }),
        ..Default::default()
    })
}

/// `main`, live.
async fn resolve(
    runtime: &Client,
    project: &str,
    mode: Mode,
) -> Result<v1::ResolveEnvironmentResponse, Status> {
    let answer = runtime.runtime.clone().resolve_environment(request(project, mode)).await?;
    Ok(answer.into_inner())
}

/// The value of the one secret of a view.
fn value(view: &v1::ResolveEnvironmentResponse) -> String {
    let [entry] = &*view.secrets else { panic!("{} secrets", view.secrets.len()) };
    crate::support::client::shown(entry.payload.as_ref()).to_owned()
}

/// What a revision token says, which only tests look into: of whose life, and the number.
fn opened(token: &str) -> ([u8; 32], u64) {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
    let number = u64::from_be_bytes(bytes[32..40].try_into().unwrap());
    (bytes[..32].try_into().unwrap(), number)
}

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn millis(&mut self, range: std::ops::Range<usize>) -> Duration {
        Duration::from_millis((range.start + self.below(range.len())) as u64)
    }
}

//! A key service that fails in each of its ways: what is warm is served, what is cold is refused
//! with what the caller can do about it, and when it has ended everything is as before.

use super::world::{World, eventually, fill, serves};
use crate::support::client::shown;
use crate::support::{Client, Refusal, Server, default_slot, refused};
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_kms::fake::policy::Policy;
use waxseal_kms::fake::{Fault, KeyState};
use waxseal_proto::v1::Stage;

/// Longer than any call takes without a deadline of the caller's: its turn, and its time.
const LONGEST: Duration = Duration::from_secs(5);

/// A way to fail.
#[derive(Clone, Copy)]
enum How {
    State(KeyState),
    Fault(Fault),
    /// The key's policy does not name this caller.
    Denied,
}

impl How {
    fn begin(self, world: &World) {
        match self {
            Self::State(state) => world.fake.set_state(&world.key, state),
            Self::Fault(fault) => world.fake.fail(fault, None),
            Self::Denied => {
                let shipped = include_str!("../../deploy/kms/all.json");
                world.fake.set_policy(&world.key, Policy::parse(shipped).unwrap());
            }
        }
    }

    fn end(self, world: &World) {
        match self {
            Self::State(_) => world.fake.set_state(&world.key, KeyState::Enabled),
            Self::Fault(_) => world.fake.heal(),
            Self::Denied => {
                let role = "arn:aws:iam::111122223333:role/waxseal-server";
                world.fake.role(&std::env::var("AWS_ACCESS_KEY_ID").unwrap(), role);
            }
        }
    }
}

struct Tried {
    server: Server,
    runtime: Client,
    builder: Client,
}

impl Tried {
    /// A server with two projects, of which it has read one.
    async fn start(world: &World) -> Self {
        let server = world.start().await;
        let admin = server.admin().await;
        for project in ["warm", "cold"] {
            fill(&admin, project, 4).await;
        }
        server.stop().await;
        let server = world.start().await;
        let (runtime, builder) = (server.runtime().await, server.builder().await);
        let tried = Self { server, runtime, builder };
        tried.warm().await;
        tried
    }

    async fn warm(&self) {
        let view = self.runtime.resolve("warm", "main", Stage::Live).await.unwrap();
        assert_eq!(shown(view.secrets[1].payload.as_ref()), "default 1");
        let named = ["SECRET_002"];
        self.runtime.resolve_named("warm", "main", Stage::Live, &named, false).await.unwrap();
    }

    /// Every call that needs the key service.
    async fn refusals(&self) -> Vec<(&'static str, Refusal)> {
        let Self { runtime, builder, .. } = self;
        let begun = Instant::now();
        let cold = refused(runtime.resolve("cold", "main", Stage::Live).await);
        assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
        let begun = Instant::now();
        let write = refused(builder.set("warm", "SECRET_000", default_slot(), "new").await);
        assert!(begun.elapsed() < LONGEST, "{:?}", begun.elapsed());
        let admin = self.server.admin().await;
        vec![
            ("a cold view", cold),
            ("a write", write),
            (
                "a cold write",
                refused(builder.set("cold", "SECRET_000", default_slot(), "new").await),
            ),
            ("a cold reveal", refused(builder.reveal("cold", "SECRET_000", default_slot()).await)),
            ("a new project", refused(admin.create_project("new").await)),
        ]
    }

    /// Whatever it was, nothing of it stays.
    async fn well_again(&self) {
        let Self { runtime, builder, .. } = self;
        eventually("a cold view", async || {
            runtime.resolve("cold", "main", Stage::Live).await.is_ok()
        })
        .await;
        for project in ["warm", "cold"] {
            builder.set(project, "SECRET_001", default_slot(), "new").await.unwrap();
            let view = runtime.resolve(project, "main", Stage::Live).await.unwrap();
            assert_eq!(shown(view.secrets[1].payload.as_ref()), "new");
            let old = builder.reveal_version(project, "SECRET_000", default_slot(), 1).await;
            assert_eq!(shown(old.unwrap().payload.as_ref()), "default 0");
        }
        assert!(serves(&self.server).await);
        self.server.admin().await.create_project("new").await.unwrap();
    }
}

async fn refuses(how: How, code: Code, reason: &str) {
    let world = World::postgres().await;
    let tried = Tried::start(&world).await;
    how.begin(&world);
    tried.warm().await;
    for (what, refusal) in tried.refusals().await {
        assert_eq!((refusal.code, &*refusal.reason), (code, reason), "{what}");
        assert_eq!(refusal.retry, code == Code::Unavailable, "{what}");
    }
    tried.warm().await;
    assert!(serves(&tried.server).await, "what is warm is served");
    how.end(&world);
    tried.well_again().await;
}

macro_rules! ways {
    ($($name:ident: $how:expr => $code:ident $reason:literal;)*) => {
        $(#[tokio::test] async fn $name() { refuses($how, Code::$code, $reason).await; })*
    };
}

ways! {
    disabled: How::State(KeyState::Disabled) => FailedPrecondition "KEY_UNAVAILABLE";
    about_to_be_deleted: How::State(KeyState::PendingDeletion) => FailedPrecondition "KEY_UNAVAILABLE";
    deleted: How::State(KeyState::Gone) => FailedPrecondition "KEY_UNAVAILABLE";
    denied: How::Denied => FailedPrecondition "KEY_UNAVAILABLE";
    throttled: How::Fault(Fault::THROTTLE) => Unavailable "KEY_UNAVAILABLE";
    hanging: How::Fault(Fault::Hang) => Unavailable "KEY_UNAVAILABLE";
    failing: How::Fault(Fault::INTERNAL) => Unavailable "KEY_UNAVAILABLE";
    busy: How::Fault(Fault::Refuse(503, "ServiceUnavailableException"))
        => Unavailable "KEY_UNAVAILABLE";
    key_service_says_it_is_away: How::Fault(Fault::Refuse(500, "KeyUnavailableException"))
        => Unavailable "KEY_UNAVAILABLE";
    credentials_have_expired: How::Fault(Fault::Refuse(400, "ExpiredTokenException"))
        => Unavailable "KEY_UNAVAILABLE";
    talking_nonsense: How::Fault(Fault::Garbage) => Unavailable "KEY_UNAVAILABLE";
}

/// A failure or two is what the client of the service copes with by itself.
#[tokio::test]
async fn what_fails_twice_is_tried_a_third_time() {
    for fault in [Fault::INTERNAL, Fault::THROTTLE] {
        let world = World::postgres().await;
        let tried = Tried::start(&world).await;
        world.fake.fail(fault, Some(2));
        tried.runtime.resolve("cold", "main", Stage::Live).await.unwrap();
        world.fake.fail(fault, Some(2));
        tried.builder.set("cold", "SECRET_000", default_slot(), "new").await.unwrap();
    }
}

/// Nobody but the owner of the key answers for it.
#[tokio::test]
async fn an_answer_in_the_name_of_another_key_is_not_believed() {
    let world = World::postgres().await;
    let tried = Tried::start(&world).await;
    world.fake.fail(Fault::OtherKey, None);
    for (what, refusal) in tried.refusals().await {
        assert_eq!((refusal.code, &*refusal.reason), (Code::DataLoss, "DATA_LOSS"), "{what}");
    }
    tried.warm().await;
    world.fake.heal();
    tried.well_again().await;
}

/// Moves, damages and invents wrapped keys in the database. What is hit is lost, and all else is
/// as it was, for a process that remembers nothing.
#[tokio::test]
async fn a_wrapped_key_that_was_tampered_with_loses_its_own_item_only() {
    let world = World::postgres().await;
    let server = world.start().await;
    fill(&server.admin().await, "demo", 8).await;
    fill(&server.admin().await, "calm", 8).await;
    server.stop().await;
    let database = world.postgres_database();
    let other = world.fake.create_key();
    let hit = "secret = (SELECT s.uid FROM secret s JOIN project p ON p.uid = s.project
                         WHERE p.id = 'demo' AND s.name = 'SECRET_000') AND stage = 0";
    let from = |project: &str, name: &str, stage: u8| {
        format!(
            "wrapped_key = (SELECT v.wrapped_key FROM value v JOIN secret s ON s.uid = v.secret
                 JOIN project p ON p.uid = s.project
             WHERE p.id = '{project}' AND s.name = '{name}' AND v.stage = {stage})"
        )
    };
    database.sql("CREATE TABLE was AS SELECT * FROM value").await;
    for (what, set) in [
        ("of another secret", from("demo", "SECRET_001", 0)),
        ("of another slot", from("demo", "SECRET_000", 2)),
        ("of another project", from("calm", "SECRET_000", 0)),
        ("of a key that is not ours", format!("wrapped_key_id = '{other}'")),
        (
            "a bit",
            "wrapped_key = set_bit(wrapped_key, 1500, 1 - get_bit(wrapped_key, 1500))".into(),
        ),
        (
            "the key's name",
            "wrapped_key = set_bit(wrapped_key, 9, 1 - get_bit(wrapped_key, 9))".into(),
        ),
        ("nothing", "wrapped_key = ''".into()),
        ("cut short", "wrapped_key = substr(wrapped_key, 1, length(wrapped_key) - 1)".into()),
        ("longer", "wrapped_key = wrapped_key || '\\x00'::bytea".into()),
        ("endless", "wrapped_key = decode(repeat('00', 7000), 'hex')".into()),
    ] {
        database.sql(&format!("UPDATE value SET {set} WHERE {hit}")).await;
        let changed = "SELECT count(*) FROM value v JOIN was USING (secret, environment, stage, version)
                       WHERE (v.wrapped_key, v.wrapped_key_id) <> (was.wrapped_key, was.wrapped_key_id)";
        assert_eq!(database.number(changed).await, 1, "{what}");
        let server = world.start().await;
        let (runtime, builder) = (server.runtime().await, server.builder().await);
        let lost = |refusal: Refusal| {
            assert_eq!((refusal.code, &*refusal.reason), (Code::DataLoss, "DATA_LOSS"), "{what}");
        };
        lost(refused(runtime.resolve("demo", "main", Stage::Draft).await));
        lost(refused(builder.reveal("demo", "SECRET_000", default_slot()).await));
        lost(refused(builder.restrict("demo", "SECRET_000").await));
        // The override hides it here.
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        assert_eq!(shown(view.secrets[0].payload.as_ref()), "override 0", "{what}");
        builder.reveal("demo", "SECRET_002", default_slot()).await.unwrap();
        runtime.resolve("calm", "main", Stage::Draft).await.unwrap();
        assert!(serves(&server).await);
        server.stop().await;
        database.sql("DELETE FROM value; INSERT INTO value SELECT * FROM was").await;
    }
    let server = world.start().await;
    server.runtime().await.resolve("demo", "main", Stage::Draft).await.unwrap();
}

//! A key service that does not answer: no call takes longer than its caller gives it, and nobody
//! holds a connection to the database meanwhile.

use super::world::{World, eventually, fill};
use crate::support::raw::{path, plain};
use crate::support::refusal::read;
use crate::support::{Client, Server, default_slot, override_slot, refused};
use futures::future::BoxFuture;
use prost::Message as _;
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_kms::fake::Fault;
use waxseal_proto::v1::{self, Stage, Visibility};

/// What it may take to notice that the time is over, on a busy machine.
const NOTICE: Duration = Duration::from_millis(1_500);

/// On two connections: so that one that is held would be missed.
async fn cold(world: &World) -> Server {
    let server = world.start().await;
    let admin = server.admin().await;
    fill(&admin, "demo", 6).await;
    admin.create_project("other").await.unwrap();
    admin.create_secret("other", "KEY", Visibility::Masked, Some("v")).await.unwrap();
    server.stop().await;
    let mut setup = world.setup();
    setup.config.engines.database_connections = 2;
    setup.start().await
}

/// Transactions that are open while nothing is asked in them, and sessions that wait for a lock.
async fn holding(world: &World) -> i64 {
    let query = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND (state LIKE 'idle in transaction%' OR wait_event_type = 'Lock')";
    world.postgres_database().number(query).await
}

type Call = (&'static str, BoxFuture<'static, Result<(), Status>>);

/// Every kind of call that asks the key service for something.
fn calls(builder: &Client, admin: &Client, runtime: &Client) -> Vec<Call> {
    let c = || builder.clone();
    let (set, create, reveal, verify, restrict, batch) = (c(), c(), c(), c(), c(), c());
    let (resolve, named, project) = (runtime.clone(), runtime.clone(), admin.clone());
    let live = || override_slot("main", Stage::Live);
    let masked = Visibility::Masked;
    vec![
        (
            "resolve",
            Box::pin(async move { resolve.resolve("demo", "main", Stage::Live).await.map(drop) }),
        ),
        (
            "resolve named",
            Box::pin(async move {
                let names = ["SECRET_001"];
                named.resolve_named("demo", "main", Stage::Draft, &names, false).await.map(drop)
            }),
        ),
        (
            "set",
            Box::pin(async move { set.set("demo", "SECRET_000", live(), "v").await.map(drop) }),
        ),
        (
            "create",
            Box::pin(async move {
                create.create_secret("demo", "NEW", masked, Some("v")).await.map(drop)
            }),
        ),
        (
            "reveal",
            Box::pin(
                async move { reveal.reveal("demo", "SECRET_002", default_slot()).await.map(drop) },
            ),
        ),
        (
            "verify",
            Box::pin(async move {
                verify.verify("demo", "SECRET_001", default_slot(), "v").await.map(drop)
            }),
        ),
        (
            "the ratchet",
            Box::pin(async move { restrict.restrict("demo", "SECRET_004").await.map(drop) }),
        ),
        (
            "a batch",
            Box::pin(async move {
                let values = [("SECRET_001", "v"), ("SECRET_002", "v")];
                batch.batch_set("demo", "main", Stage::Draft, &values).await.map(drop)
            }),
        ),
        ("a project", Box::pin(async move { project.create_project("new").await.map(drop) })),
    ]
}

/// At each step of each call: the first key may be the project's, and the next one a value's.
#[tokio::test]
async fn nobody_holds_a_connection_while_the_key_service_hangs() {
    for integrity_is_known in [false, true] {
        let world = World::postgres().await;
        let server = cold(&world).await;
        let (admin, builder) = (server.admin().await, server.builder().await);
        let runtime = server.runtime().await;
        let viewer = server.viewer().await;
        viewer.get_secret("other", "KEY").await.unwrap();
        if integrity_is_known {
            viewer.get_secret("demo", "SECRET_000").await.unwrap();
        }
        world.fake.fail(Fault::Hang, None);
        let mark = world.mark();
        let all = calls(&builder, &admin, &runtime);
        let count = all.len();
        let running: Vec<_> =
            all.into_iter().map(|(name, call)| (name, tokio::spawn(call))).collect();
        eventually("it is asked", async || world.mark() > mark).await;
        let begun = Instant::now();
        let mut looks = 0;
        while running.iter().any(|(_, call)| !call.is_finished()) {
            assert!(begun.elapsed() < Duration::from_secs(20), "they end");
            // One look may fall between two statements.
            let mut held = 0;
            while holding(&world).await > 0 {
                held += 1;
                assert!(held < 20, "a connection is held");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            // What needs no key is not kept waiting for a connection.
            let asked = Instant::now();
            viewer.get_secret("other", "KEY").await.unwrap();
            viewer.secret_ids("other", false).await.unwrap();
            assert!(asked.elapsed() < NOTICE, "{:?}", asked.elapsed());
            looks += 1;
        }
        assert!(looks > 5, "{count} calls were over after {looks} looks");
        for (name, call) in running {
            let refusal = refused(call.await.unwrap());
            assert_eq!((refusal.code, name), (Code::Unavailable, name));
        }
    }
}

/// The caller's own time counts, whatever the service's.
#[tokio::test]
async fn no_call_takes_longer_than_its_caller_gives_it() {
    const DEADLINE: Duration = Duration::from_millis(400);
    let world = World::postgres().await;
    let server = cold(&world).await;
    let builder = server.token(Role::Builder, true, "deployment").await;
    let runtime = server.token(Role::Runtime, false, "deployment").await;
    let resolve = v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let set = v1::SetSecretValueRequest {
        name: "projects/demo/secrets/SECRET_000".to_owned(),
        slot: default_slot(),
        payload: crate::support::text("v"),
        ..Default::default()
    };
    let calls = [
        ("ResolveEnvironment", runtime, resolve.encode_to_vec()),
        ("SetSecretValue", builder, set.encode_to_vec()),
    ];
    world.fake.fail(Fault::Hang, None);
    let mut late = 0;
    // Until the breaker opens, and after it has.
    for round in 0..8 {
        for (method, token, message) in &calls {
            let length = u32::try_from(message.len()).unwrap().to_be_bytes();
            let framed = [&[0][..], &length, message].concat();
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "400m")];
            let begun = Instant::now();
            let status = plain(&server.address, path(method), &headers, framed).await;
            let took = begun.elapsed();
            match read(&status).code {
                Code::DeadlineExceeded => late += 1,
                Code::Unavailable => {}
                code => panic!("{method}, {round}: {code:?}"),
            }
            assert!(took < DEADLINE + NOTICE, "{method}, {round}: {took:?}");
        }
    }
    assert!(late > 0, "nothing was waited for");
    world.fake.heal();
    let runtime = server.runtime().await;
    eventually("a view", async || runtime.resolve("demo", "main", Stage::Live).await.is_ok()).await;
}

//! How many operations of the key service what costs. Each is counted where it is paid for: at the
//! service.

use super::world::{World, asked, eventually, fill};
use crate::support::client::shown;
use crate::support::{Client, default_slot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use waxseal_proto::v1::{ResolveEnvironmentResponse, Stage, Visibility};

const SECRETS: usize = 40;

async fn live(runtime: &Client) -> ResolveEnvironmentResponse {
    runtime.resolve("demo", "main", Stage::Live).await.unwrap()
}

async fn worlds() -> [(&'static str, World); 3] {
    [
        ("SQLite", World::sqlite().await),
        ("PostgreSQL", World::postgres().await),
        ("PostgreSQL and Redis", World::production().await),
    ]
}

/// [`SECRETS`] in the project `demo`, and no server that would remember any of their keys.
async fn filled(world: &World) {
    let server = world.start().await;
    fill(&server.admin().await, "demo", SECRETS).await;
    server.stop().await;
}

#[tokio::test]
async fn a_process_that_starts_asks_for_the_service_key_and_tries_a_canary() {
    for (on, world) in worlds().await {
        let mark = world.mark();
        let first = asked([
            // The first of all: it founds the deployment.
            ("GenerateDataKey service", 1),
            ("GenerateDataKey audit", 1),
            ("GenerateDataKey canary", 1),
            ("Decrypt canary", 1),
        ]);
        let server = world.start().await;
        eventually("the canary", async || world.with_canary_since(mark) == first).await;
        server.stop().await;
        let mark = world.mark();
        let second = asked([
            ("Decrypt service", 1),
            ("Decrypt audit", 1),
            ("GenerateDataKey canary", 1),
            ("Decrypt canary", 1),
        ]);
        let server = world.start().await;
        eventually(on, async || world.with_canary_since(mark) == second).await;
        server.admin().await.create_project("demo").await.unwrap();
        let project = asked([
            ("Decrypt service", 1),
            ("Decrypt audit", 1),
            ("GenerateDataKey integrity", 1),
            ("GenerateDataKey fingerprint", 1),
        ]);
        assert_eq!(world.since(mark), project, "{on}");
    }
}

#[tokio::test]
async fn a_cold_view_costs_a_call_for_each_value_and_a_warm_one_nothing() {
    for (on, world) in worlds().await {
        filled(&world).await;
        let server = world.start().await;
        let runtime = server.runtime().await;
        let mark = world.mark();
        assert_eq!(live(&runtime).await.secrets.len(), SECRETS);
        let mut cold = asked([("Decrypt integrity", 1), ("Decrypt value", SECRETS)]);
        if world.redis.is_some() {
            cold.insert("GenerateDataKey view".to_owned(), 1);
            world.shared_views(1).await;
        }
        assert_eq!(world.since(mark), cold, "{on}");

        let mark = world.mark();
        for _ in 0..50 {
            assert_eq!(live(&runtime).await.secrets.len(), SECRETS);
            let names = ["SECRET_000", "SECRET_001"];
            runtime.resolve_named("demo", "main", Stage::Live, &names, false).await.unwrap();
        }
        assert_eq!(world.since(mark), BTreeMap::new(), "{on}: warm");

        // The other stage has the same values, but for those that are overridden here.
        runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
        let mut other = asked([("Decrypt value", SECRETS / 4)]);
        if world.redis.is_some() {
            other.insert("GenerateDataKey view".to_owned(), 1);
            world.shared_views(2).await;
        }
        assert_eq!(world.since(mark), other, "{on}: the other stage");
    }
}

#[tokio::test]
async fn a_write_costs_one_call_and_the_read_after_it_none() {
    for (on, world) in worlds().await {
        filled(&world).await;
        let server = world.start().await;
        let (admin, runtime) = (server.admin().await, server.runtime().await);
        live(&runtime).await;
        if world.redis.is_some() {
            world.shared_views(1).await;
        }
        for round in 0..4 {
            let mark = world.mark();
            let value = format!("round {round}");
            admin.set("demo", "SECRET_001", default_slot(), &value).await.unwrap();
            let mut write = asked([("GenerateDataKey value", 1)]);
            if round == 0 {
                // The project's, for as long as it is remembered.
                write.insert("Decrypt fingerprint".to_owned(), 1);
            }
            assert_eq!(world.since(mark), write, "{on}: the write");
            let view = live(&runtime).await;
            assert_eq!(shown(view.secrets[1].payload.as_ref()), value);
            if world.redis.is_some() {
                world.shared_views(2 + round).await;
            }
            // Sealing the view again takes no key either: it has one for the day.
            assert_eq!(world.since(mark), write, "{on}: the read");
        }
    }
}

#[tokio::test]
async fn another_replica_that_is_warm_pays_one_call_for_what_one_wrote() {
    let world = World::postgres().await;
    filled(&world).await;
    let (one, other) = (world.start().await, world.start().await);
    let (admin, runtime) = (one.admin().await, other.runtime().await);
    live(&runtime).await;
    admin.set("demo", "SECRET_001", default_slot(), "first").await.unwrap();
    for value in ["second", "third"] {
        admin.set("demo", "SECRET_001", default_slot(), value).await.unwrap();
        let mark = world.mark();
        eventually(value, async || {
            shown(live(&runtime).await.secrets[1].payload.as_ref()) == value
        })
        .await;
        assert_eq!(world.since(mark), asked([("Decrypt value", 1)]));
    }
}

#[tokio::test]
async fn a_view_that_another_replica_has_filled_costs_one_call_and_then_none() {
    let world = World::production().await;
    filled(&world).await;
    let (one, other) = (world.start().await, world.start().await);
    let (admin, first) = (one.admin().await, one.runtime().await);
    live(&first).await;
    world.shared_views(1).await;

    let runtime = other.runtime().await;
    let mark = world.mark();
    assert_eq!(live(&runtime).await.secrets.len(), SECRETS);
    // Not even the project's integrity key: that the view opens is proof enough.
    assert_eq!(world.since(mark), asked([("Decrypt view", 1)]));

    for round in 0..3 {
        let value = format!("round {round}");
        admin.set("demo", "SECRET_001", default_slot(), &value).await.unwrap();
        live(&first).await;
        world.shared_views(2 + round).await;
        let mark = world.mark();
        eventually(&value, async || {
            shown(live(&runtime).await.secrets[1].payload.as_ref()) == value
        })
        .await;
        assert_eq!(world.since(mark), BTreeMap::new(), "{value}");
    }
    // A third one has never seen that view's key, and nothing else.
    let third = world.start().await;
    let runtime = third.runtime().await;
    let mark = world.mark();
    live(&runtime).await;
    assert_eq!(world.since(mark), asked([("Decrypt view", 1)]));
}

#[tokio::test]
async fn a_hundred_callers_of_a_cold_view_cost_one_fill() {
    for (on, world) in worlds().await {
        filled(&world).await;
        let server = world.start().await;
        let runtime = server.runtime().await;
        // So that all of them are there before the first has its answer.
        world.fake.set_latency(Duration::from_millis(100));
        let mark = world.mark();
        let barrier = Arc::new(Barrier::new(100));
        let callers = (0..100).map(|_| {
            let (barrier, runtime) = (barrier.clone(), runtime.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                live(&runtime).await.secrets.len()
            })
        });
        for answered in futures::future::join_all(callers).await {
            assert_eq!(answered.unwrap(), SECRETS);
        }
        let mut cold = asked([("Decrypt integrity", 1), ("Decrypt value", SECRETS)]);
        if world.redis.is_some() {
            cold.insert("GenerateDataKey view".to_owned(), 1);
            world.shared_views(1).await;
        }
        assert_eq!(world.since(mark), cold, "{on}");
    }
}

/// What is not a resolve.
#[tokio::test]
async fn other_calls_cost_what_they_open_and_no_more() {
    let world = World::postgres().await;
    filled(&world).await;
    let server = world.start().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let mut mark = world.mark();
    let mut costs = |what: &str, expected: BTreeMap<String, usize>| {
        assert_eq!(world.since(mark), expected, "{what}");
        mark = world.mark();
    };
    builder.get_secret("demo", "SECRET_000").await.unwrap();
    builder.secret_ids("demo", true).await.unwrap();
    costs("looks at what is no value", BTreeMap::new());
    builder.explain("demo", "main", Stage::Live).await.unwrap();
    costs("what the manifest vouches for, the first time", asked([("Decrypt integrity", 1)]));
    builder.reveal("demo", "SECRET_000", default_slot()).await.unwrap();
    costs("the first reveal", asked([("Decrypt value", 1)]));
    builder.reveal("demo", "SECRET_008", default_slot()).await.unwrap();
    costs("a reveal", asked([("Decrypt value", 1)]));
    builder.reveal("demo", "SECRET_000", default_slot()).await.unwrap();
    costs("the same again", BTreeMap::new());
    builder.verify("demo", "SECRET_001", default_slot(), "default 1").await.unwrap();
    costs("a verification, which opens no value", asked([("Decrypt fingerprint", 1)]));
    builder.create_secret("demo", "NEW", Visibility::Masked, None).await.unwrap();
    builder.rename("demo", "NEW", "NEWER").await.unwrap();
    builder.delete_secret("demo", "NEWER").await.unwrap();
    costs("what touches no value", BTreeMap::new());
    builder.set("demo", "SECRET_002", default_slot(), "two").await.unwrap();
    costs("a value", asked([("GenerateDataKey value", 1)]));
    builder.roll_back("demo", "SECRET_002", default_slot(), 1).await.unwrap();
    costs("a rollback", BTreeMap::new());
    builder.restrict("demo", "SECRET_004").await.unwrap();
    // Its default and its override are opened, and sealed anew.
    costs("the ratchet", asked([("Decrypt value", 2), ("GenerateDataKey value", 2)]));
    admin.clone_environment("demo", "main", "copy", "").await.unwrap();
    costs("a clone, which has no values", BTreeMap::new());
}

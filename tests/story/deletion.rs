//! Deleting is soft: everything stops resolving at once, and all of it can be brought back.

use crate::support::client::{shown, values};
use crate::support::{Client, Server, default_slot, override_slot, refused};
use std::time::Duration;
use tonic::Code;
use waxseal_proto::v1::{self, Stage, Visibility};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A secret with a default and three overrides, one of them cleared.
async fn demo() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    for (environment, stage, value) in [
        ("main", Stage::Draft, "main draft"),
        ("staging", Stage::Draft, "staging draft"),
        ("staging", Stage::Live, "staging live"),
    ] {
        builder.set("demo", "KEY", override_slot(environment, stage), value).await.unwrap();
    }
    builder.clear("demo", "KEY", override_slot("staging", Stage::Live)).await.unwrap();
    (server, builder, runtime)
}

type Seen = (Vec<v1::ResolvedSecret>, Vec<v1::UnsetSecret>);

async fn all_views(runtime: &Client) -> Vec<Seen> {
    let mut views = Vec::new();
    for environment in ["main", "staging"] {
        for stage in [Stage::Draft, Stage::Live] {
            let view = runtime.resolve("demo", environment, stage).await.unwrap();
            views.push((view.secrets, view.unset));
        }
    }
    views
}

#[tokio::test]
async fn a_deleted_secret_stops_resolving_at_once_and_comes_back_whole() {
    let (_server, builder, runtime) = demo().await;
    let before = all_views(&runtime).await;
    assert_eq!(values(&before[3].0)[0].1, "default");

    let deleted = builder.delete_secret("demo", "KEY").await.unwrap();
    let (at, purge) = (deleted.delete_time.unwrap(), deleted.purge_time.unwrap());
    assert_eq!(purge.seconds - at.seconds, 30 * DAY.as_secs() as i64);
    for (secrets, unset) in all_views(&runtime).await {
        assert!(secrets.is_empty() && unset.is_empty());
    }
    for allow_unset in [false, true] {
        let answer =
            runtime.resolve_named("demo", "main", Stage::Draft, &["KEY"], allow_unset).await;
        refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
    }
    assert!(builder.overrides("demo", "main", Stage::Draft).await.unwrap().is_empty());
    assert!(builder.explain("demo", "main", Stage::Draft).await.unwrap().is_empty());

    let restored = builder.undelete_secret("demo", "KEY").await.unwrap();
    assert!(restored.delete_time.is_none() && restored.purge_time.is_none());
    assert_eq!(restored.uid, deleted.uid);
    assert_eq!(all_views(&runtime).await, before);
    // The history is there as well.
    let slot = override_slot("staging", Stage::Live);
    let name = "projects/demo/secrets/KEY".to_owned();
    let first = v1::RevealSecretValueRequest { name, slot: slot.clone(), version: 1 };
    let first = builder.secrets.clone().reveal_secret_value(first).await.unwrap().into_inner();
    assert_eq!(shown(first.payload.as_ref()), "staging live");
    let set = builder.set("demo", "KEY", slot, "again").await.unwrap();
    assert_eq!(set.version, 3);
}

#[tokio::test]
async fn a_deleted_secret_is_shown_but_neither_changed_nor_revealed() {
    let (_server, builder, _runtime) = demo().await;
    builder.delete_secret("demo", "KEY").await.unwrap();
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert!(secret.delete_time.is_some() && secret.has_value);
    let deleted = |answer: crate::support::Refusal| {
        answer.is(Code::FailedPrecondition, "SECRET_DELETED");
    };
    let live = || override_slot("main", Stage::Live);
    deleted(refused(builder.set("demo", "KEY", default_slot(), "x").await));
    deleted(refused(builder.set("demo", "KEY", live(), "x").await));
    deleted(refused(builder.batch_set("demo", "main", Stage::Live, &[("KEY", "x")]).await));
    deleted(refused(builder.clear("demo", "KEY", default_slot()).await));
    deleted(refused(builder.reveal("demo", "KEY", default_slot()).await));
    deleted(refused(builder.restrict("demo", "KEY").await));
    deleted(refused(builder.delete_secret("demo", "KEY").await));

    builder.undelete_secret("demo", "KEY").await.unwrap();
    let answer = builder.undelete_secret("demo", "KEY").await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_NOT_DELETED");
    let answer = builder.undelete_secret("demo", "NEVER").await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn a_deleted_secret_holds_its_name_in_every_case() {
    let (_server, builder, _runtime) = demo().await;
    builder.delete_secret("demo", "KEY").await.unwrap();
    for name in ["KEY", "key", "Key"] {
        let answer = builder.create_secret("demo", name, Visibility::Masked, Some("new")).await;
        refused(answer).is(Code::AlreadyExists, "NAME_HELD_BY_DELETED");
    }
    builder.undelete_secret("demo", "KEY").await.unwrap();
    let answer = builder.create_secret("demo", "key", Visibility::Masked, Some("new")).await;
    refused(answer).is(Code::AlreadyExists, "SECRET_EXISTS");
}

#[tokio::test]
async fn a_secret_can_be_brought_back_for_thirty_days_and_no_longer() {
    let (server, builder, runtime) = demo().await;
    let expires = Duration::from_secs(3600);
    builder.delete_secret("demo", "KEY").await.unwrap();
    server.pass(30 * DAY - expires);
    // Tokens have expired by now.
    let builder = server.builder().await;
    builder.undelete_secret("demo", "KEY").await.unwrap();

    builder.delete_secret("demo", "KEY").await.unwrap();
    server.pass(30 * DAY);
    let builder = server.builder().await;
    let answer = builder.undelete_secret("demo", "KEY").await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
    drop(runtime);
    let runtime = server.runtime().await;
    let view = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
    assert!(view.secrets.is_empty() && view.unset.is_empty());
}

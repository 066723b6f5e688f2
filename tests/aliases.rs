//! A renamed secret keeps what it is and what it was: only its name is another, and the old one
//! goes on to be understood.

mod names;
mod running;
mod tampered;

use crate::support::client::{shown, values};
use crate::support::{Client, Server, default_slot, override_slot, refused};
use tonic::{Code, Status};
use waxseal_proto::v1::{self, Origin, Stage, Visibility};

/// `OLD`, with a default and an override; and others to be in the way.
async fn demo() -> (Server, Client, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client, Client) {
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "OLD", Visibility::Masked, Some("default")).await.unwrap();
    builder.set("demo", "OLD", override_slot("main", Stage::Live), "override").await.unwrap();
    for name in ["OTHER", "GONE"] {
        builder.create_secret("demo", name, Visibility::Masked, Some(name)).await.unwrap();
    }
    builder.delete_secret("demo", "GONE").await.unwrap();
    (server, builder, runtime)
}

type Named = Vec<(String, String, Origin, i64)>;

/// What a named resolve answers in `main`, live.
async fn named(runtime: &Client, names: &[&str]) -> Result<Named, Status> {
    let answer = runtime.resolve_named("demo", "main", Stage::Live, names, false).await?;
    let owned = values(&answer.secrets).into_iter();
    Ok(owned
        .map(|(name, value, origin, version)| (name.to_owned(), value.to_owned(), origin, version))
        .collect())
}

/// `OLD`'s override, as it is answered under a name.
fn is_override(name: &str) -> (String, String, Origin, i64) {
    (name.to_owned(), "override".to_owned(), Origin::Override, 1)
}

async fn unknown(runtime: &Client, name: &str) {
    refused(named(runtime, &[name]).await).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn the_old_name_is_answered_under_itself_and_the_new_one_too() {
    let (_server, builder, runtime) = demo().await;
    assert_eq!(named(&runtime, &["OLD"]).await.unwrap(), [is_override("OLD")]);
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    for name in ["OLD", "NEW"] {
        assert_eq!(named(&runtime, &[name]).await.unwrap(), [is_override(name)]);
    }
    let other = ("OTHER".to_owned(), "OTHER".to_owned(), Origin::Default, 1);
    let mut all = named(&runtime, &["OTHER", "NEW", "OLD", "NEW"]).await.unwrap();
    all.sort();
    assert_eq!(all, [is_override("NEW"), is_override("OLD"), other]);
    // Exactly as it was written, as every name.
    for name in ["old", "new", "Old"] {
        unknown(&runtime, name).await;
    }
    let answer = named(&runtime, &["OLD", "NEVER", "NEW"]).await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn views_and_lists_know_the_current_name_only() {
    let (server, builder, runtime) = demo().await;
    let viewer = server.viewer().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    builder.rename("demo", "NEW", "NEWER").await.unwrap();
    for environment in ["main", "staging"] {
        for stage in [Stage::Draft, Stage::Live] {
            let view = runtime.resolve("demo", environment, stage).await.unwrap();
            let names: Vec<_> = view.secrets.iter().map(|entry| entry.secret.as_str()).collect();
            assert_eq!(names, ["NEWER", "OTHER"]);
            assert!(view.unset.is_empty());
            let explained = viewer.explain("demo", environment, stage).await.unwrap();
            let names: Vec<_> = explained.iter().map(|entry| entry.secret.as_str()).collect();
            assert_eq!(names, ["NEWER", "OTHER"]);
        }
    }
    assert_eq!(viewer.secret_ids("demo", false).await.unwrap(), ["NEWER", "OTHER"]);
    assert_eq!(viewer.secret_ids("demo", true).await.unwrap(), ["GONE", "NEWER", "OTHER"]);
    let overrides = viewer.overrides("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(overrides[0].secret, "NEWER");
    for (prefix, found) in [("O", "OTHER"), ("OLD", ""), ("NEW", "NEWER"), ("NEWER", "NEWER")] {
        let request = v1::ListSecretsRequest {
            parent: "projects/demo".to_owned(),
            prefix: prefix.to_owned(),
            ..Default::default()
        };
        let answer = viewer.secrets.clone().list_secrets(request).await.unwrap().into_inner();
        let names: Vec<_> = answer.secrets.iter().map(|secret| secret.name.as_str()).collect();
        let expected = format!("projects/demo/secrets/{found}");
        let expected: Vec<_> =
            Some(expected.as_str()).filter(|_| !found.is_empty()).into_iter().collect();
        assert_eq!(names, expected, "{prefix}");
    }
    let name = "projects/demo".to_owned();
    let request = v1::ExportProjectRequest { name };
    let document = builder.projects.clone().export_project(request).await.unwrap();
    let document = document.into_inner().document;
    assert!(document.contains("NEWER") && !document.contains("OLD"), "{document}");
}

#[tokio::test]
async fn it_keeps_its_identity_its_values_and_its_history() {
    let (server, builder, runtime) = demo().await;
    builder.set("demo", "OLD", default_slot(), "second").await.unwrap();
    let before = builder.get_secret("demo", "OLD").await.unwrap();
    let versions = builder.versions("demo", "OLD", default_slot()).await.unwrap();
    server.pass(std::time::Duration::from_secs(60));
    let keys = server.key_operations();
    let renamed = builder.rename("demo", "OLD", "NEW").await.unwrap();
    assert_eq!(server.key_operations(), keys, "nothing is opened");

    assert_eq!(renamed.name, "projects/demo/secrets/NEW");
    assert_eq!(renamed.aliases, ["OLD"]);
    assert_ne!(renamed.etag, before.etag);
    assert_ne!(renamed.update_time, before.update_time);
    let v1::Secret { name, aliases, etag, update_time, .. } = before.clone();
    assert_eq!(v1::Secret { name, aliases, etag, update_time, ..renamed.clone() }, before);
    assert_eq!(builder.get_secret("demo", "NEW").await.unwrap(), renamed);
    assert_eq!(builder.versions("demo", "NEW", default_slot()).await.unwrap(), versions);
    for (version, value) in [(1, "default"), (2, "second")] {
        let revealed = builder.reveal_version("demo", "NEW", default_slot(), version).await;
        assert_eq!(shown(revealed.unwrap().payload.as_ref()), value);
    }
    assert!(builder.verify("demo", "NEW", default_slot(), "second").await.unwrap());
    builder.roll_back("demo", "NEW", default_slot(), 1).await.unwrap();
    let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    assert_eq!(values(&view.secrets)[0], ("NEW", "default", Origin::Default, 1));
    assert_eq!(builder.set("demo", "NEW", default_slot(), "third").await.unwrap().version, 3);
    // The ratchet turns under any name.
    builder.restrict("demo", "NEW").await.unwrap();
    assert_eq!(named(&runtime, &["OLD"]).await.unwrap(), [is_override("OLD")]);
}

#[tokio::test]
async fn to_the_methods_that_manage_it_the_old_name_is_nobody() {
    let (server, builder, _runtime) = demo().await;
    let admin = server.admin().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    let nobody = |refusal: crate::support::Refusal| refusal.is(Code::NotFound, "SECRET_NOT_FOUND");
    let slot = default_slot;
    nobody(refused(builder.get_secret("demo", "OLD").await));
    nobody(refused(builder.set("demo", "OLD", slot(), "x").await));
    nobody(refused(builder.batch_set("demo", "main", Stage::Draft, &[("OLD", "x")]).await));
    nobody(refused(builder.clear("demo", "OLD", slot()).await));
    nobody(refused(builder.reveal("demo", "OLD", slot()).await));
    nobody(refused(builder.verify("demo", "OLD", slot(), "default").await));
    nobody(refused(builder.versions("demo", "OLD", slot()).await));
    nobody(refused(builder.roll_back("demo", "OLD", slot(), 1).await));
    nobody(refused(builder.restrict("demo", "OLD").await));
    nobody(refused(builder.rename("demo", "OLD", "NEWER").await));
    nobody(refused(builder.release_alias("demo", "OLD", "OLD").await));
    nobody(refused(builder.delete_secret("demo", "OLD").await));
    nobody(refused(builder.undelete_secret("demo", "OLD").await));
    nobody(refused(admin.purge("demo", "OLD").await));
    nobody(refused(admin.destroy("demo", "OLD", slot(), 1).await));
}

#[tokio::test]
async fn an_unset_secret_is_unset_under_every_name() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "EMPTY", Visibility::Restricted, None).await.unwrap();
    builder.rename("demo", "EMPTY", "PLACE").await.unwrap();
    for name in ["EMPTY", "PLACE"] {
        let answer = named(&runtime, &[name]).await;
        refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
        let answer = runtime.resolve_named("demo", "main", Stage::Live, &[name], true).await;
        let unset = answer.unwrap().unset;
        assert_eq!((unset.len(), unset[0].secret.as_str()), (1, name));
    }
    builder.set("demo", "PLACE", default_slot(), "set").await.unwrap();
    assert_eq!(named(&runtime, &["EMPTY"]).await.unwrap()[0].1, "set");
}

#[tokio::test]
async fn an_alias_of_a_deleted_secret_is_reserved_and_does_not_resolve() {
    let (server, builder, runtime) = demo().await;
    let admin = server.admin().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    builder.delete_secret("demo", "NEW").await.unwrap();
    for name in ["OLD", "NEW"] {
        unknown(&runtime, name).await;
    }
    for name in ["OLD", "old"] {
        let answer = builder.create_secret("demo", name, Visibility::Masked, None).await;
        refused(answer).is(Code::AlreadyExists, "NAME_HELD_BY_ALIAS");
        let answer = builder.rename("demo", "OTHER", name).await;
        refused(answer).is(Code::AlreadyExists, "NAME_HELD_BY_ALIAS");
    }
    let answer = builder.release_alias("demo", "NEW", "OLD").await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_DELETED");
    let answer = builder.rename("demo", "NEW", "OLD").await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_DELETED");
    assert_eq!(builder.get_secret("demo", "NEW").await.unwrap().aliases, ["OLD"]);

    let restored = builder.undelete_secret("demo", "NEW").await.unwrap();
    assert_eq!(restored.aliases, ["OLD"]);
    for name in ["OLD", "NEW"] {
        assert_eq!(named(&runtime, &[name]).await.unwrap(), [is_override(name)]);
    }
    builder.delete_secret("demo", "NEW").await.unwrap();
    admin.purge("demo", "NEW").await.unwrap();
    for name in ["OLD", "NEW"] {
        unknown(&runtime, name).await;
        let made = builder.create_secret("demo", name, Visibility::Masked, Some("new")).await;
        assert!(made.unwrap().secret.unwrap().aliases.is_empty());
        assert_eq!(named(&runtime, &[name]).await.unwrap()[0].1, "new");
    }
}

#[tokio::test]
async fn a_released_alias_is_free_at_once() {
    let (_server, builder, runtime) = demo().await;
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    builder.rename("demo", "NEW", "NEWER").await.unwrap();
    let before = builder.get_secret("demo", "NEWER").await.unwrap();
    assert_eq!(before.aliases, ["NEW", "OLD"]);
    for never in ["NEVER", "NEWER", "old", "OTHER"] {
        let answer = builder.release_alias("demo", "NEWER", never).await;
        refused(answer).is(Code::NotFound, "ALIAS_NOT_FOUND");
    }
    let answer = builder.release_alias("demo", "OTHER", "OLD").await;
    refused(answer).is(Code::NotFound, "ALIAS_NOT_FOUND");
    assert_eq!(builder.get_secret("demo", "NEWER").await.unwrap(), before);

    let released = builder.release_alias("demo", "NEWER", "OLD").await.unwrap();
    assert_eq!(released.aliases, ["NEW"]);
    assert_ne!(released.etag, before.etag);
    assert_eq!(released.uid, before.uid);
    unknown(&runtime, "OLD").await;
    assert_eq!(named(&runtime, &["NEW"]).await.unwrap(), [is_override("NEW")]);
    builder.create_secret("demo", "old", Visibility::Masked, Some("taken")).await.unwrap();
    unknown(&runtime, "OLD").await;
    builder.rename("demo", "OTHER", "Old").await.unwrap_err();
    builder.rename("demo", "old", "OLD").await.unwrap();
    assert_eq!(named(&runtime, &["OLD"]).await.unwrap()[0].1, "taken");
}

//! A protected environment: only an admin changes or removes what its live view resolves.

use crate::support::{Client, Refusal, Server, default_slot, override_slot, refused};
use tonic::Code;
use waxseal_proto::v1::{self, Fallback, Stage, Visibility};

/// `guarded` is protected; `strict` too, and it refuses defaults. The secrets are named for what
/// the live stage of `guarded` resolves.
async fn demo() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    for name in ["ON_DEFAULT", "ON_OVERRIDE", "ON_BOTH"] {
        let value = (name != "ON_OVERRIDE").then_some("default");
        builder.create_secret("demo", name, Visibility::Masked, value).await.unwrap();
    }
    builder.create_secret("demo", "UNSET", Visibility::Masked, None).await.unwrap();
    let settings = v1::Environment { protected: true, ..Default::default() };
    admin.create_environment_as("demo", "guarded", settings).await.unwrap();
    for name in ["ON_OVERRIDE", "ON_BOTH"] {
        admin.set("demo", name, live(), "override").await.unwrap();
    }
    (server, admin, builder)
}

fn live() -> Option<v1::Slot> {
    override_slot("guarded", Stage::Live)
}

fn draft() -> Option<v1::Slot> {
    override_slot("guarded", Stage::Draft)
}

#[track_caller]
fn protected(answer: Refusal) {
    answer.is(Code::PermissionDenied, "ENVIRONMENT_PROTECTED");
}

#[tokio::test]
async fn a_builder_writes_no_override_of_its_live_stage() {
    let (server, _admin, builder) = demo().await;
    let runtime = server.runtime().await;
    let before = runtime.resolve("demo", "guarded", Stage::Live).await.unwrap();
    for name in ["ON_DEFAULT", "ON_OVERRIDE", "ON_BOTH", "UNSET"] {
        protected(refused(builder.set("demo", name, live(), "x").await));
        protected(refused(builder.batch_set("demo", "guarded", Stage::Live, &[(name, "x")]).await));
    }
    for name in ["ON_OVERRIDE", "ON_BOTH"] {
        protected(refused(builder.clear("demo", name, live()).await));
    }
    // Not within a batch either.
    let batch = [("UNSET", "x"), ("ON_DEFAULT", "x")];
    protected(refused(builder.batch_set("demo", "guarded", Stage::Live, &batch).await));
    let after = runtime.resolve("demo", "guarded", Stage::Live).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_builder_touches_no_default_that_its_live_stage_resolves() {
    let (_server, _admin, builder) = demo().await;
    protected(refused(builder.set("demo", "ON_DEFAULT", default_slot(), "x").await));
    protected(refused(builder.clear("demo", "ON_DEFAULT", default_slot()).await));
    // Where an override hides the default, nothing that is live changes.
    builder.set("demo", "ON_BOTH", default_slot(), "hidden").await.unwrap();
    builder.clear("demo", "ON_BOTH", default_slot()).await.unwrap();
    builder.set("demo", "ON_OVERRIDE", default_slot(), "hidden").await.unwrap();
}

#[tokio::test]
async fn a_builder_deletes_no_secret_that_its_live_stage_resolves() {
    let (_server, _admin, builder) = demo().await;
    for name in ["ON_DEFAULT", "ON_OVERRIDE", "ON_BOTH"] {
        protected(refused(builder.delete_secret("demo", name).await));
    }
    builder.delete_secret("demo", "UNSET").await.unwrap();
    builder.undelete_secret("demo", "UNSET").await.unwrap();
}

#[tokio::test]
async fn a_builder_adds_to_it_and_works_in_its_draft_and_elsewhere() {
    let (_server, _admin, builder) = demo().await;
    builder.create_secret("demo", "NEW", Visibility::Masked, Some("default")).await.unwrap();
    builder.create_secret("demo", "NEW_PLACE", Visibility::Restricted, None).await.unwrap();
    builder.set("demo", "NEW_PLACE", default_slot(), "first default").await.unwrap();
    builder.set("demo", "UNSET", default_slot(), "first default").await.unwrap();
    for name in ["ON_DEFAULT", "ON_OVERRIDE", "ON_BOTH", "UNSET", "NEW"] {
        builder.set("demo", name, draft(), "draft").await.unwrap();
        builder.batch_set("demo", "guarded", Stage::Draft, &[(name, "draft")]).await.unwrap();
        builder.clear("demo", name, draft()).await.unwrap();
        for stage in [Stage::Draft, Stage::Live] {
            builder.set("demo", name, override_slot("staging", stage), "elsewhere").await.unwrap();
        }
    }
    // What was added is live now, and so protected.
    protected(refused(builder.set("demo", "NEW", default_slot(), "second").await));
    protected(refused(builder.set("demo", "UNSET", default_slot(), "second").await));
    protected(refused(builder.delete_secret("demo", "NEW").await));
    // The metadata is not what the live stage resolves.
    builder.restrict("demo", "ON_OVERRIDE").await.unwrap();
}

#[tokio::test]
async fn where_defaults_are_refused_they_are_not_protected() {
    let (_server, admin, builder) = demo().await;
    let none = v1::Environment::default();
    admin.update_environment("demo", "guarded", none, &["protected"]).await.unwrap();
    let strict =
        v1::Environment { fallback: Fallback::Deny.into(), protected: true, ..Default::default() };
    admin.create_environment_as("demo", "strict", strict).await.unwrap();
    builder.set("demo", "ON_DEFAULT", default_slot(), "another").await.unwrap();
    builder.delete_secret("demo", "ON_DEFAULT").await.unwrap();
    let slot = || override_slot("strict", Stage::Live);
    protected(refused(builder.set("demo", "ON_BOTH", slot(), "x").await));
    admin.set("demo", "ON_BOTH", slot(), "x").await.unwrap();
    builder.set("demo", "ON_BOTH", default_slot(), "another").await.unwrap();
    protected(refused(builder.delete_secret("demo", "ON_BOTH").await));
}

#[tokio::test]
async fn an_admin_does_all_of_that() {
    let (_server, admin, _builder) = demo().await;
    for name in ["ON_DEFAULT", "ON_OVERRIDE", "ON_BOTH", "UNSET"] {
        admin.set("demo", name, live(), "x").await.unwrap();
        admin.batch_set("demo", "guarded", Stage::Live, &[(name, "y")]).await.unwrap();
        admin.clear("demo", name, live()).await.unwrap();
        admin.set("demo", name, default_slot(), "x").await.unwrap();
        admin.set("demo", name, default_slot(), "y").await.unwrap();
        admin.clear("demo", name, default_slot()).await.unwrap();
        admin.set("demo", name, default_slot(), "z").await.unwrap();
        admin.delete_secret("demo", name).await.unwrap();
    }
    let settings = v1::Environment { display_name: "Mine".to_owned(), ..Default::default() };
    admin.update_environment("demo", "guarded", settings, &["display_name"]).await.unwrap();
    admin.delete_environment("demo", "guarded", true).await.unwrap();
}

#[tokio::test]
async fn protection_holds_from_when_it_is_turned_on_until_it_is_turned_off() {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    for (round, protects) in [false, true, false, true].into_iter().enumerate() {
        let settings = v1::Environment { protected: protects, ..Default::default() };
        admin.update_environment("demo", "main", settings, &["protected"]).await.unwrap();
        let value = format!("round {round}");
        let answer = builder.set("demo", "KEY", default_slot(), &value).await;
        if protects {
            protected(refused(answer));
        } else {
            answer.unwrap();
        }
    }
}

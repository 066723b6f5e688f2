//! The story: what an operator and an agent runtime do with a project, from its first secret on.

mod batch;
mod deletion;
mod exact;
mod projects;
mod rule;

use crate::support::client::values;
use crate::support::{Server, default_slot, override_slot, refused};
use tonic::Code;
use waxseal_proto::v1::{Origin, Stage, UnsetReason, Visibility};

#[tokio::test]
async fn a_default_is_seen_everywhere_and_an_override_in_its_own_view_only() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    let view = |environment, stage| runtime.resolve("demo", environment, stage);

    for (environment, stage) in
        [("main", Stage::Draft), ("main", Stage::Live), ("staging", Stage::Live)]
    {
        let answer = view(environment, stage).await.unwrap();
        assert_eq!(values(&answer.secrets), [("KEY", "default", Origin::Default, 1)]);
    }

    builder.set("demo", "KEY", override_slot("main", Stage::Draft), "draft only").await.unwrap();
    let draft = view("main", Stage::Draft).await.unwrap();
    assert_eq!(values(&draft.secrets), [("KEY", "draft only", Origin::Override, 1)]);
    let live = view("main", Stage::Live).await.unwrap();
    assert_eq!(values(&live.secrets), [("KEY", "default", Origin::Default, 1)]);

    builder.set("demo", "KEY", override_slot("staging", Stage::Live), "live only").await.unwrap();
    let live = view("staging", Stage::Live).await.unwrap();
    assert_eq!(values(&live.secrets), [("KEY", "live only", Origin::Override, 1)]);
    let draft = view("staging", Stage::Draft).await.unwrap();
    assert_eq!(values(&draft.secrets), [("KEY", "default", Origin::Default, 1)]);

    builder.set("demo", "KEY", default_slot(), "another default").await.unwrap();
    let draft = view("staging", Stage::Draft).await.unwrap();
    assert_eq!(values(&draft.secrets), [("KEY", "another default", Origin::Default, 2)]);
}

#[tokio::test]
async fn a_masked_value_is_revealed_and_a_restricted_one_is_only_used() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "MASKED", Visibility::Masked, Some("shown")).await.unwrap();
    builder.create_secret("demo", "TIGHT", Visibility::Restricted, Some("used")).await.unwrap();

    let revealed = builder.reveal("demo", "MASKED", default_slot()).await.unwrap();
    assert_eq!(crate::support::client::shown(revealed.payload.as_ref()), "shown");
    assert_eq!(revealed.version, 1);
    let answer = builder.reveal("demo", "TIGHT", default_slot()).await;
    refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");

    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets)[1], ("TIGHT", "used", Origin::Default, 1));
}

#[tokio::test]
async fn a_placeholder_is_unset_and_named() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let created = builder.create_secret("demo", "LATER", Visibility::Masked, None).await.unwrap();
    assert!(!created.secret.unwrap().has_value);

    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert!(answer.secrets.is_empty());
    assert_eq!(answer.unset[0].secret, "LATER");
    assert_eq!(answer.unset[0].reason(), UnsetReason::NoValue);
    let answer = runtime.resolve_named("demo", "main", Stage::Live, &["LATER"], false).await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
    let answer =
        runtime.resolve_named("demo", "main", Stage::Live, &["LATER"], true).await.unwrap();
    assert_eq!(answer.unset.len(), 1);
    let answer =
        runtime.resolve_named("demo", "main", Stage::Live, &["LATER", "NEVER"], true).await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn clearing_an_override_lets_the_default_through_again() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let over = || override_slot("main", Stage::Live);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    builder.set("demo", "KEY", over(), "override").await.unwrap();

    let cleared = builder.clear("demo", "KEY", over()).await.unwrap();
    assert_eq!(cleared.version, 2, "a clearing is a version of its own");
    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets), [("KEY", "default", Origin::Default, 1)]);
    let answer = builder.reveal("demo", "KEY", over()).await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");

    builder.set("demo", "KEY", over(), "override again").await.unwrap();
    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets), [("KEY", "override again", Origin::Override, 3)]);
}

#[tokio::test]
async fn where_there_is_nothing_to_clear_that_is_said() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let slots = [default_slot(), override_slot("staging", Stage::Draft)];
    for slot in &slots {
        let answer = builder.clear("demo", "KEY", slot.clone()).await;
        refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
    }
    for slot in &slots {
        builder.set("demo", "KEY", slot.clone(), "value").await.unwrap();
        builder.clear("demo", "KEY", slot.clone()).await.unwrap();
        let answer = builder.clear("demo", "KEY", slot.clone()).await;
        refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
        // A refusal is no version.
        let set = builder.set("demo", "KEY", slot.clone(), "value").await.unwrap();
        assert_eq!(set.version, 3);
    }
}

#[tokio::test]
async fn unknown_wins_over_unset_and_each_is_named() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for (name, value) in [("SET", Some("value")), ("LATER", None), ("LATER_TOO", None)] {
        builder.create_secret("demo", name, Visibility::Restricted, value).await.unwrap();
    }
    let named = async |names: &[&str]| {
        let answer = runtime.resolve_named("demo", "main", Stage::Draft, names, false).await;
        let status = answer.unwrap_err();
        let refusal = crate::support::refusal::read(&status);
        let details = tonic_types::StatusExt::get_error_details(&status);
        let metadata = &details.error_info().unwrap().metadata;
        (refusal.code, refusal.reason, metadata["secrets"].clone(), metadata["total"].clone())
    };
    let is = |code, reason: &str, secrets: &str, total: &str| {
        (code, reason.to_owned(), secrets.to_owned(), total.to_owned())
    };
    assert_eq!(
        named(&["LATER", "SET", "LATER_TOO"]).await,
        is(Code::FailedPrecondition, "SECRET_UNSET", "LATER,LATER_TOO", "2")
    );
    assert_eq!(
        named(&["LATER", "SET", "NEVER", "LATER_TOO"]).await,
        is(Code::NotFound, "SECRET_NOT_FOUND", "NEVER", "1")
    );
}

#[tokio::test]
async fn the_same_names_in_two_projects_are_strangers() {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let runtime = server.runtime().await;
    admin.create_project("other").await.unwrap();
    for project in ["demo", "other"] {
        builder.create_secret(project, "KEY", Visibility::Masked, Some(project)).await.unwrap();
    }
    builder.set("other", "KEY", override_slot("main", Stage::Live), "elsewhere").await.unwrap();
    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets), [("KEY", "demo", Origin::Default, 1)]);
    let answer = runtime.resolve("other", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets), [("KEY", "elsewhere", Origin::Override, 1)]);
}

//! The end of an environment, and what one made anew under the same id does not inherit.

use crate::support::client::values;
use crate::support::{Client, Server, override_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Fallback, Origin, Stage, Visibility};

#[tokio::test]
async fn an_environment_without_overrides_goes_without_force() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    // A cleared override holds no value.
    let slot = || override_slot("staging", Stage::Live);
    admin.set("demo", "KEY", slot(), "override").await.unwrap();
    admin.clear("demo", "KEY", slot()).await.unwrap();
    admin.delete_environment("demo", "staging", false).await.unwrap();

    let gone = |answer: crate::support::Refusal| answer.is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
    gone(refused(admin.get_environment("demo", "staging").await));
    gone(refused(admin.delete_environment("demo", "staging", true).await));
    gone(refused(admin.set("demo", "KEY", slot(), "x").await));
    gone(refused(admin.batch_set("demo", "staging", Stage::Live, &[("KEY", "x")]).await));
    gone(refused(admin.overrides("demo", "staging", Stage::Live).await));
    gone(refused(admin.explain("demo", "staging", Stage::Live).await));
    gone(refused(runtime.resolve("demo", "staging", Stage::Live).await));
    gone(refused(runtime.resolve_named("demo", "staging", Stage::Live, &["KEY"], true).await));
}

#[tokio::test]
async fn one_with_overrides_goes_only_by_force_and_takes_them_along() {
    let server = Server::demo_on_sqlite().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        admin.create_environment("demo", "extra").await.unwrap();
        admin.set("demo", "KEY", override_slot("extra", stage), "override").await.unwrap();
        let answer = admin.delete_environment("demo", "extra", false).await;
        refused(answer).is(Code::FailedPrecondition, "ENVIRONMENT_HAS_OVERRIDES");
        let view = runtime.resolve("demo", "extra", stage).await.unwrap();
        assert_eq!(values(&view.secrets), [("KEY", "override", Origin::Override, 1)]);
        admin.delete_environment("demo", "extra", true).await.unwrap();
        let left: i64 = server
            .setup
            .database()
            .query_row("SELECT count(*) FROM value WHERE stage != 0", (), |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn an_override_of_a_deleted_secret_is_still_one() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    admin.set("demo", "KEY", override_slot("staging", Stage::Live), "override").await.unwrap();
    admin.delete_secret("demo", "KEY").await.unwrap();
    let answer = admin.delete_environment("demo", "staging", false).await;
    refused(answer).is(Code::FailedPrecondition, "ENVIRONMENT_HAS_OVERRIDES");
}

#[tokio::test]
async fn main_stays() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for force in [false, true] {
        let answer = admin.delete_environment("demo", "main", force).await;
        refused(answer).is(Code::FailedPrecondition, "ENVIRONMENT_IS_MAIN");
    }
    admin.get_environment("demo", "main").await.unwrap();
}

/// `staging` with settings and overrides, deleted and made anew.
async fn made_anew(server: &Server) -> (v1::Environment, v1::Environment) {
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        admin.set("demo", "KEY", override_slot("staging", stage), "override").await.unwrap();
    }
    let settings = v1::Environment {
        display_name: "Old".to_owned(),
        fallback: Fallback::Deny.into(),
        protected: true,
        ..Default::default()
    };
    let old = admin.update_environment("demo", "staging", settings, &["*"]).await.unwrap();
    admin.delete_environment("demo", "staging", true).await.unwrap();
    (old, admin.create_environment("demo", "staging").await.unwrap())
}

#[tokio::test]
async fn one_made_anew_inherits_nothing() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let (old, new) = made_anew(&server).await;
    assert_eq!(old.name, new.name);
    assert_ne!((&old.uid, &old.etag), (&new.uid, &new.etag));
    assert_eq!((new.fallback(), new.protected), (Fallback::Allow, false));
    assert_eq!(new.display_name, "");
    for stage in [Stage::Draft, Stage::Live] {
        let view = runtime.resolve("demo", "staging", stage).await.unwrap();
        assert_eq!(values(&view.secrets), [("KEY", "default", Origin::Default, 1)]);
        let slot = override_slot("staging", stage);
        let answer = builder.reveal("demo", "KEY", slot.clone()).await;
        refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
        // The numbers begin anew.
        assert_eq!(builder.set("demo", "KEY", slot, "new").await.unwrap().version, 1);
    }
    let admin = server.admin().await;
    let request = v1::DeleteEnvironmentRequest {
        name: new.name,
        force: true,
        etag: old.etag,
        ..Default::default()
    };
    let answer = admin.environments.clone().delete_environment(request).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn a_token_for_the_old_one_opens_nothing_of_the_new_one() {
    let server = Server::with_demo().await;
    let scope = "projects/demo/environments/staging/stages/live";
    let scoped: Client = server.client(Role::Runtime, false, scope).await;
    scoped.resolve("demo", "staging", Stage::Live).await.unwrap();
    for (environment, stage) in [("staging", Stage::Draft), ("main", Stage::Live)] {
        let answer = scoped.resolve("demo", environment, stage).await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
    made_anew(&server).await;
    let answer = scoped.resolve("demo", "staging", Stage::Live).await;
    refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    let answer = scoped.resolve_named("demo", "staging", Stage::Live, &["KEY"], false).await;
    refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    // A token that is issued now is one for the new environment.
    let scoped = server.client(Role::Runtime, false, scope).await;
    scoped.resolve("demo", "staging", Stage::Live).await.unwrap();
}

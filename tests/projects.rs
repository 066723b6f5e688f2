//! The life of a project: changed, deleted, brought back; and who is told what of it meanwhile.

mod told;

use crate::support::client::values;
use crate::support::{Client, Refusal, Server, default_slot, override_slot, refused};
use std::time::Duration;
use tonic::{Code, Response, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Fallback, Stage, Visibility};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A project with something of everything.
async fn demo() -> (Server, Client, Client, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client, Client, Client) {
    let (admin, builder) = (server.admin().await, server.builder().await);
    let settings =
        v1::Environment { fallback: Fallback::Deny.into(), protected: true, ..Default::default() };
    admin.create_environment_as("demo", "denied", settings).await.unwrap();
    for (name, visibility) in [("KEY", Visibility::Masked), ("TIGHT", Visibility::Restricted)] {
        builder.create_secret("demo", name, visibility, Some("first")).await.unwrap();
        builder.set("demo", name, default_slot(), "default").await.unwrap();
        builder.set("demo", name, override_slot("main", Stage::Live), "override").await.unwrap();
    }
    builder.create_secret("demo", "GONE", Visibility::Masked, Some("gone")).await.unwrap();
    builder.delete_secret("demo", "GONE").await.unwrap();
    builder.create_secret("demo", "WAS", Visibility::Masked, Some("renamed")).await.unwrap();
    builder.rename("demo", "WAS", "NOW").await.unwrap();
    let runtime = server.runtime().await;
    (server, admin, builder, runtime)
}

/// What can be told of it, to those who may ask.
async fn state(builder: &Client, runtime: &Client) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut views = Vec::new();
    for environment in ["main", "staging", "denied"] {
        for stage in [Stage::Draft, Stage::Live] {
            let view = runtime.resolve("demo", environment, stage).await.unwrap();
            views.push((view.secrets, view.unset));
        }
    }
    let named = runtime.resolve_named("demo", "main", Stage::Live, &["WAS", "NOW"], false).await;
    let request = v1::ListSecretsRequest {
        parent: "projects/demo".to_owned(),
        show_deleted: true,
        ..Default::default()
    };
    let secrets = builder.secrets.clone().list_secrets(request).await.unwrap().into_inner();
    let parent = "projects/demo".to_owned();
    let request = v1::ListEnvironmentsRequest { parent, ..Default::default() };
    let environments = builder.environments.clone().list_environments(request).await.unwrap();
    let versions = builder.versions("demo", "TIGHT", default_slot()).await.unwrap();
    let overrides = builder.overrides("demo", "main", Stage::Live).await.unwrap();
    (
        views,
        named.unwrap().secrets,
        secrets,
        environments.into_inner().environments,
        versions,
        overrides,
    )
}

async fn delete(client: &Client, etag: &str) -> Result<v1::Project, Status> {
    let request = v1::DeleteProjectRequest {
        name: "projects/demo".to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let answer = client.projects.clone().delete_project(request).await?;
    Ok(answer.into_inner().project.unwrap())
}

#[tokio::test]
async fn a_deleted_project_resolves_nothing_at_once_and_comes_back_whole() {
    let (server, admin, builder, runtime) = demo().await;
    let before = state(&builder, &runtime).await;
    let stood = admin.get_project("demo").await.unwrap();
    let deleted = admin.delete_project("demo").await.unwrap();
    let (at, purge) = (deleted.delete_time.unwrap(), deleted.purge_time.unwrap());
    assert_eq!(purge.seconds - at.seconds, 30 * DAY.as_secs() as i64);
    for environment in ["main", "staging", "denied"] {
        for stage in [Stage::Draft, Stage::Live] {
            let answer = runtime.resolve("demo", environment, stage).await;
            refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
            for allow_unset in [false, true] {
                let answer =
                    runtime.resolve_named("demo", environment, stage, &["KEY"], allow_unset).await;
                refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
            }
        }
    }

    let restored = admin.undelete_project("demo").await.unwrap();
    assert!(restored.delete_time.is_none() && restored.purge_time.is_none());
    assert_eq!((&restored.uid, &restored.create_time), (&stood.uid, &stood.create_time));
    assert_eq!(state(&builder, &runtime).await, before);
    let answer = runtime.resolve_named("demo", "main", Stage::Live, &["GONE"], true).await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
    builder.undelete_secret("demo", "GONE").await.unwrap();
    builder.roll_back("demo", "TIGHT", default_slot(), 1).await.unwrap();
    let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    assert!(values(&view.secrets).contains(&("TIGHT", "first", v1::Origin::Default, 1)));
    drop(server);
}

#[tokio::test]
async fn a_token_of_an_older_view_does_not_get_around_a_deletion() {
    let (_server, admin, _builder, runtime) = demo().await;
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    let at_least = |revision: &str| v1::Consistency {
        mode: Some(v1::consistency::Mode::AtLeast(v1::consistency::AtLeast {
            revision: revision.to_owned(),
        })),
    };
    let ask = |consistency, if_revision_not: &str| v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        consistency,
        if_revision_not: if_revision_not.to_owned(),
    };
    let asks = [
        ask(None, &view.revision),
        ask(Some(at_least(&view.revision)), ""),
        ask(Some(at_least(&view.revision)), &view.revision),
    ];
    let mut service = runtime.runtime.clone();
    admin.delete_project("demo").await.unwrap();
    for ask in asks.clone() {
        let answer = service.resolve_environment(ask).await;
        refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
    }
    admin.undelete_project("demo").await.unwrap();
    // What the caller holds is from before; a deletion and a return could have changed it.
    for ask in asks {
        let answer = service.resolve_environment(ask).await.unwrap().into_inner();
        assert!(!answer.not_modified);
        assert_eq!(answer.secrets, view.secrets);
    }
}

#[tokio::test]
async fn a_restart_brings_nothing_back() {
    let (server, admin, builder, runtime) = demo().await;
    let before = state(&builder, &runtime).await;
    admin.delete_project("demo").await.unwrap();
    drop((admin, builder, runtime));
    let server = server.stop().await.start().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let runtime = server.runtime().await;
    let answer = runtime.resolve("demo", "main", Stage::Live).await;
    refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
    assert!(admin.get_project("demo").await.unwrap().delete_time.is_some());
    admin.undelete_project("demo").await.unwrap();
    assert_eq!(state(&builder, &runtime).await, before);
}

#[tokio::test]
async fn a_deletion_cannot_be_made_or_undone_by_hand() {
    let (server, admin, builder, runtime) = demo_on(Server::demo_on_sqlite().await).await;
    drop((admin, builder, runtime));
    let stopped = server.stop().await;
    let deleting = "UPDATE project SET deleted = updated, purge = updated + 2592000000000";
    let undeleting = "UPDATE project SET deleted = NULL, purge = NULL";
    for (deleted, sql) in [(false, deleting), (true, undeleting)] {
        let mut setup = stopped.copied();
        if deleted {
            let server = setup.start().await;
            server.admin().await.delete_project("demo").await.unwrap();
            setup = server.stop().await;
        }
        setup.database().execute(sql, []).unwrap();
        let server = setup.start().await;
        let lost = |refusal: Refusal| refusal.is(Code::DataLoss, "DATA_LOSS");
        let (admin, builder) = (server.admin().await, server.builder().await);
        let runtime = server.runtime().await;
        lost(refused(runtime.resolve("demo", "main", Stage::Live).await));
        lost(refused(builder.set("demo", "KEY", default_slot(), "x").await));
        lost(refused(admin.undelete_project("demo").await));
        lost(refused(admin.delete_project("demo").await));
    }
}

#[tokio::test]
async fn a_project_is_brought_back_for_thirty_days_and_no_longer() {
    let (server, admin, ..) = demo().await;
    admin.delete_project("demo").await.unwrap();
    server.pass(30 * DAY - Duration::from_secs(60));
    server.admin().await.undelete_project("demo").await.unwrap();
    let admin = server.admin().await;
    admin.delete_project("demo").await.unwrap();
    server.pass(30 * DAY);
    let admin = server.admin().await;
    refused(admin.undelete_project("demo").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn its_display_name_changes_and_no_view_with_it() {
    let (server, admin, builder, runtime) = demo().await;
    let before = admin.get_project("demo").await.unwrap();
    let stood = state(&builder, &runtime).await;
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    server.pass(Duration::from_secs(60));
    let renamed = admin.rename_project("demo", "Die erste").await.unwrap();
    assert_eq!(renamed.display_name, "Die erste");
    assert_ne!((&renamed.etag, &renamed.update_time), (&before.etag, &before.update_time));
    assert_eq!((&renamed.uid, &renamed.create_time), (&before.uid, &before.create_time));
    assert_eq!(admin.get_project("demo").await.unwrap(), renamed);
    assert_eq!(state(&builder, &runtime).await, stood);
    let request = v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: view.revision,
        ..Default::default()
    };
    let answer = runtime.runtime.clone().resolve_environment(request).await.unwrap();
    assert!(answer.into_inner().not_modified);

    assert_eq!(admin.rename_project("demo", "Die erste").await.unwrap(), renamed, "no change");
    let emptied = admin.rename_project("demo", "").await.unwrap();
    assert_eq!(emptied.display_name, "");
    let long = "ü".repeat(64);
    assert_eq!(admin.rename_project("demo", &long).await.unwrap().display_name, long);
    for malformed in [&"l".repeat(129), "two\nlines", "nul\0"] {
        let answer = admin.rename_project("demo", malformed).await;
        refused(answer).is_about("INVALID_FIELD", "project.display_name");
    }
    assert_eq!(admin.get_project("demo").await.unwrap().display_name, long);
}

#[tokio::test]
async fn each_can_be_based_on_the_etag_of_the_project() {
    let (_server, admin, builder, _runtime) = demo().await;
    let first = admin.get_project("demo").await.unwrap().etag;
    // What is in it is no part of it.
    builder.set("demo", "KEY", default_slot(), "more").await.unwrap();
    assert_eq!(admin.get_project("demo").await.unwrap().etag, first);
    let second = admin.rename_project("demo", "other").await.unwrap().etag;
    let update = |etag: &str| v1::UpdateProjectRequest {
        project: Some(v1::Project {
            name: "projects/demo".to_owned(),
            display_name: "again".to_owned(),
            ..Default::default()
        }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let stale = admin.projects.clone().update_project(update(&first)).await;
    refused(stale).is(Code::Aborted, "ETAG_MISMATCH");
    refused(delete(&admin, &first).await).is(Code::Aborted, "ETAG_MISMATCH");
    let third = delete(&admin, &second).await.unwrap().etag;
    let undelete = |etag: &str| v1::UndeleteProjectRequest {
        name: "projects/demo".to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let stale = admin.projects.clone().undelete_project(undelete(&second)).await;
    refused(stale).is(Code::Aborted, "ETAG_MISMATCH");
    let answer = admin.projects.clone().undelete_project(undelete(&third)).await;
    let fourth = answer.map(Response::into_inner).unwrap().project.unwrap().etag;
    assert!(fourth != first && fourth != second && fourth != third);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_and_returns_are_on_record() {
    let (server, admin, ..) = demo_on(Server::demo_on_sqlite().await).await;
    let database = server.setup.database();
    let count = |action: &str| -> i64 {
        let sql = "SELECT count(*) FROM audit WHERE action = ?1
                   AND project = (SELECT uid FROM project WHERE id = 'demo')";
        database.query_row(sql, [action], |row| row.get(0)).unwrap()
    };
    admin.rename_project("demo", "other").await.unwrap();
    admin.delete_project("demo").await.unwrap();
    refused(admin.delete_project("demo").await);
    admin.undelete_project("demo").await.unwrap();
    refused(admin.undelete_project("demo").await);
    for action in ["UpdateProject", "DeleteProject", "UndeleteProject"] {
        assert_eq!(count(action), 1, "{action}");
    }
    let trigger = "CREATE TRIGGER no_record BEFORE INSERT ON audit
                   BEGIN SELECT RAISE(ABORT, 'the disk of the audit trail is gone'); END";
    database.execute_batch(trigger).unwrap();
    assert!(admin.delete_project("demo").await.is_err());
    database.execute_batch("DROP TRIGGER no_record").unwrap();
    let runtime = server.client(Role::Runtime, false, "projects/demo").await;
    runtime.resolve("demo", "main", Stage::Live).await.unwrap();
}

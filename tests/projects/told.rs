//! What is said of a deleted project, and to whom.

use super::demo;
use crate::support::raw::Raw;
use crate::support::{Client, Server, default_slot, override_slot, refused};
use futures::future::BoxFuture;
use prost::Message as _;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, RenderContext, Stage, Visibility};

type Call<'a> = (&'static str, BoxFuture<'a, Result<(), Status>>);

macro_rules! calls {
    ($($name:literal: $call:expr,)*) => {
        vec![$(($name, Box::pin(async move { $call.await.map(drop) })),)*]
    };
}

/// What a builder may do in a project, to what there is in it.
fn of_a_builder<'a>(client: &'a Client, project: &'a str) -> Vec<Call<'a>> {
    let live = || override_slot("main", Stage::Live);
    let parent = || format!("projects/{project}");
    let list_secrets = v1::ListSecretsRequest { parent: parent(), ..Default::default() };
    let list_environments = v1::ListEnvironmentsRequest { parent: parent(), ..Default::default() };
    let export = v1::ExportProjectRequest { name: parent() };
    let references = v1::ParseReferencesRequest {
        parent: parent(),
        text: "{secret:KEY}".to_owned(),
        ..Default::default()
    };
    let describe = v1::UpdateSecretRequest {
        secret: Some(v1::Secret {
            name: format!("projects/{project}/secrets/KEY"),
            description: "described".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    calls! {
        "create": client.create_secret(project, "NEW", Visibility::Masked, Some("v")),
        "get": client.get_secret(project, "KEY"),
        "list": client.secrets.clone().list_secrets(list_secrets),
        "describe": client.secrets.clone().update_secret(describe),
        "restrict": client.restrict(project, "KEY"),
        "rename": client.rename(project, "KEY", "OTHER"),
        "release": client.release_alias(project, "NOW", "WAS"),
        "delete": client.delete_secret(project, "KEY"),
        "undelete": client.undelete_secret(project, "GONE"),
        "set": client.set(project, "KEY", live(), "v"),
        "clear": client.clear(project, "KEY", live()),
        "reveal": client.reveal(project, "KEY", live()),
        "verify": client.verify(project, "TIGHT", live(), "v"),
        "versions": client.versions(project, "KEY", live()),
        "roll back": client.roll_back(project, "KEY", default_slot(), 1),
        "overrides": client.overrides(project, "main", Stage::Live),
        "batch": client.batch_set(project, "main", Stage::Live, &[("KEY", "v")]),
        "references": client.secrets.clone().parse_references(references),
        "environment": client.get_environment(project, "main"),
        "environments": client.environments.clone().list_environments(list_environments),
        "explain": client.explain(project, "main", Stage::Live),
        "clone": client.clone_environment(project, "main", "copy", ""),
        "export": client.projects.clone().export_project(export),
    }
}

/// What an admin may do there besides.
fn of_an_admin<'a>(client: &'a Client, project: &'a str) -> Vec<Call<'a>> {
    let settings = || v1::Environment { protected: true, ..Default::default() };
    calls! {
        "rename the project": client.rename_project(project, "other"),
        "delete the project": client.delete_project(project),
        "new environment": client.create_environment(project, "new"),
        "protect": client.update_environment(project, "main", settings(), &["protected"]),
        "delete environment": client.delete_environment(project, "staging", true),
        "purge": client.purge(project, "GONE"),
        "destroy": client.destroy(project, "KEY", default_slot(), 1),
    }
}

/// What a runtime may do there.
fn of_a_runtime<'a>(client: &'a Client, project: &'a str) -> Vec<Call<'a>> {
    let request = v1::RenderTemplatesRequest {
        name: format!("projects/{project}/environments/main"),
        stage: Stage::Live.into(),
        templates: vec![v1::Template {
            text: "{secret:KEY}".to_owned(),
            context: RenderContext::Text.into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    calls! {
        "resolve": client.resolve(project, "main", Stage::Live),
        "resolve names": client.resolve_named(project, "main", Stage::Live, &["KEY"], false),
        "resolve an unknown environment": client.resolve(project, "nowhere", Stage::Live),
        "render": client.runtime.clone().render_templates(request),
    }
}

async fn all_are(calls: Vec<Call<'_>>, who: &str, code: Code, reason: &str) {
    for (what, call) in calls {
        let Err(status) = call.await else { panic!("{who}: {what} is done") };
        let refusal = crate::support::refusal::read(&status);
        assert_eq!((refusal.code, refusal.reason.as_str()), (code, reason), "{who}: {what}");
    }
}

#[tokio::test]
async fn those_with_the_right_are_told_that_it_is_deleted() {
    let (server, admin, ..) = demo().await;
    admin.delete_project("demo").await.unwrap();
    let deleted = (Code::FailedPrecondition, "PROJECT_DELETED");
    for scope in ["deployment", "projects/demo"] {
        let builder = server.client(Role::Builder, true, scope).await;
        all_are(of_a_builder(&builder, "demo"), "a builder", deleted.0, deleted.1).await;
        let admin = server.client(Role::Admin, false, scope).await;
        all_are(of_an_admin(&admin, "demo"), "an admin", deleted.0, deleted.1).await;
        let runtime = server.client(Role::Runtime, false, scope).await;
        let unknown = (Code::NotFound, "PROJECT_NOT_FOUND");
        all_are(of_a_runtime(&runtime, "demo"), "a runtime", unknown.0, unknown.1).await;
    }
    // Once it is not deleted, each gets further.
    admin.undelete_project("demo").await.unwrap();
    let builder = server.builder().await;
    for (what, call) in of_a_builder(&builder, "demo") {
        if let Err(status) = call.await {
            let reason = crate::support::refusal::read(&status).reason;
            assert_ne!(reason, "PROJECT_DELETED", "{what}");
        }
    }
}

#[tokio::test]
async fn those_without_it_are_not() {
    let (server, admin, ..) = demo().await;
    admin.create_project("other").await.unwrap();
    let strangers = [
        ("a builder elsewhere", server.client(Role::Builder, true, "projects/other").await),
        ("an admin elsewhere", server.client(Role::Admin, false, "projects/other").await),
        ("an auditor", server.client(Role::Auditor, false, "deployment").await),
        ("a keyholder", server.client(Role::Keyholder, false, "deployment").await),
    ];
    admin.delete_project("demo").await.unwrap();
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED");
    for (who, client) in &strangers {
        for project in ["demo", "never"] {
            all_are(of_a_builder(client, project), who, denied.0, denied.1).await;
            all_are(of_an_admin(client, project), who, denied.0, denied.1).await;
            all_are(of_a_runtime(client, project), who, denied.0, denied.1).await;
            for answer in [
                client.get_project(project).await.map(drop),
                client.undelete_project(project).await.map(drop),
            ] {
                refused(answer).is(denied.0, denied.1);
            }
        }
    }
}

#[tokio::test]
async fn to_who_resolves_it_is_as_if_it_had_never_been() {
    let (server, admin, ..) = demo().await;
    admin.delete_project("demo").await.unwrap();
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Runtime, false, "deployment").await;
    let request = |project: &str| v1::ResolveEnvironmentRequest {
        name: format!("projects/{project}/environments/main"),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let mut answers = Vec::new();
    for project in ["demo", "never"] {
        let message = request(project).encode_to_vec();
        let status = raw.call("ResolveEnvironment", &token, message).await.unwrap_err();
        answers.push((status.code(), status.message().to_owned(), status.details().to_vec()));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn it_is_shown_and_listed_to_who_asks_for_it() {
    let (server, admin, ..) = demo().await;
    admin.create_project("other").await.unwrap();
    let deleted = admin.delete_project("demo").await.unwrap();
    for role in [Role::Admin, Role::Builder, Role::Viewer] {
        let everywhere = server.client(role, false, "deployment").await;
        assert_eq!(everywhere.get_project("demo").await.unwrap(), deleted);
        assert_eq!(everywhere.project_names(false).await.unwrap(), ["projects/other"]);
        let both = ["projects/demo", "projects/other"];
        assert_eq!(everywhere.project_names(true).await.unwrap(), both);
        let here = server.client(role, false, "projects/demo").await;
        assert_eq!(here.get_project("demo").await.unwrap(), deleted);
        assert!(here.project_names(false).await.unwrap().is_empty());
        assert_eq!(here.project_names(true).await.unwrap(), ["projects/demo"]);
    }
}

#[tokio::test]
async fn only_an_admin_changes_deletes_and_brings_back() {
    let (server, admin, ..) = demo().await;
    for deleted in [false, true] {
        if deleted {
            admin.delete_project("demo").await.unwrap();
        }
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            let client = server.client(role, role == Role::Builder, "deployment").await;
            for answer in [
                client.rename_project("demo", "other").await,
                client.delete_project("demo").await,
                client.undelete_project("demo").await,
            ] {
                refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
            }
        }
    }
    let here = server.client(Role::Admin, false, "projects/demo").await;
    here.undelete_project("demo").await.unwrap();
    let answer = here.undelete_project("demo").await;
    refused(answer).is(Code::FailedPrecondition, "PROJECT_NOT_DELETED");
    for answer in [
        admin.rename_project("never", "other").await,
        admin.delete_project("never").await,
        admin.undelete_project("never").await,
    ] {
        refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_deleted_project_holds_its_id() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let name = "projects/demo".to_owned();
    let export = v1::ExportProjectRequest { name };
    let document = admin.projects.clone().export_project(export).await.unwrap().into_inner();
    admin.create_project("other").await.unwrap();
    admin.delete_project("demo").await.unwrap();
    let project_id = "demo".to_owned();
    let import = v1::ImportProjectRequest {
        project_id: project_id.clone(),
        document: document.document,
        ..Default::default()
    };
    let duplicate = |from: &str, id: &str| v1::DuplicateProjectRequest {
        name: format!("projects/{from}"),
        project_id: id.to_owned(),
        ..Default::default()
    };
    let mut projects = admin.projects.clone();
    for answer in [
        admin.create_project("demo").await.map(drop),
        projects.import_project(import).await.map(drop),
        projects.duplicate_project(duplicate("other", "demo")).await.map(drop),
    ] {
        refused(answer).is(Code::AlreadyExists, "ID_HELD_BY_DELETED");
    }
    let answer = projects.duplicate_project(duplicate("demo", "copy")).await;
    refused(answer).is(Code::FailedPrecondition, "PROJECT_DELETED");
    admin.undelete_project("demo").await.unwrap();
    let answer = admin.create_project("demo").await;
    refused(answer).is(Code::AlreadyExists, "PROJECT_EXISTS");
}

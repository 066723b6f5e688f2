//! Environments: their settings, clones of them, and their end.

mod clones;
mod protected;
mod removal;

use crate::support::{Server, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Fallback};

#[tokio::test]
async fn settings_are_kept_and_only_those_named_are_changed() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let settings = v1::Environment {
        display_name: "Für Versuche".to_owned(),
        fallback: Fallback::Deny.into(),
        protected: true,
        ..Default::default()
    };
    let made = admin.create_environment_as("demo", "tries", settings).await.unwrap();
    assert_eq!(made.name, "projects/demo/environments/tries");
    assert_eq!(uuid::Uuid::parse_str(&made.uid).unwrap().get_version_num(), 7);
    assert_eq!((made.display_name.as_str(), made.protected), ("Für Versuche", true));
    assert_eq!(made.fallback(), Fallback::Deny);
    assert_eq!(admin.get_environment("demo", "tries").await.unwrap(), made);

    let other = v1::Environment { display_name: "Other".to_owned(), ..Default::default() };
    let named = ["display_name"];
    let updated = admin.update_environment("demo", "tries", other, &named).await.unwrap();
    assert_eq!((updated.display_name.as_str(), updated.protected), ("Other", true));
    assert_eq!(updated.fallback(), Fallback::Deny);
    assert_eq!((&updated.uid, updated.create_time), (&made.uid, made.create_time));
    assert_ne!(updated.etag, made.etag);

    let all = v1::Environment { fallback: Fallback::Allow.into(), ..Default::default() };
    let updated = admin.update_environment("demo", "tries", all, &["*"]).await.unwrap();
    assert_eq!((updated.display_name.as_str(), updated.protected), ("", false));
    assert_eq!(updated.fallback(), Fallback::Allow);
}

#[tokio::test]
async fn environments_are_listed_by_id() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for id in ["zoo", "alpha"] {
        admin.create_environment("demo", id).await.unwrap();
    }
    let parent = "projects/demo".to_owned();
    let request = v1::ListEnvironmentsRequest { parent, ..Default::default() };
    let answer = admin.environments.clone().list_environments(request).await.unwrap();
    let answer = answer.into_inner();
    let names: Vec<_> = answer.environments.iter().map(|found| found.name.as_str()).collect();
    let expected = ["alpha", "main", "staging", "zoo"];
    assert_eq!(names, expected.map(|id| format!("projects/demo/environments/{id}")));
    assert!(answer.next_page_token.is_empty());
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for id in ["main", "staging"] {
        let answer = admin.create_environment("demo", id).await;
        refused(answer).is(Code::AlreadyExists, "ENVIRONMENT_EXISTS");
        let answer = admin.clone_environment("demo", "main", id, "").await;
        refused(answer).is(Code::AlreadyExists, "ENVIRONMENT_EXISTS");
    }
}

#[tokio::test]
async fn only_an_admin_makes_changes_and_deletes_them() {
    let server = Server::with_demo().await;
    for role in [Role::Builder, Role::Runtime, Role::Viewer, Role::Auditor, Role::Keyholder] {
        let client = server.client(role, false, "deployment").await;
        let denied = |answer: crate::support::Refusal| {
            answer.is(Code::PermissionDenied, "PERMISSION_DENIED");
        };
        denied(refused(client.create_environment("demo", "new").await));
        let settings = v1::Environment::default();
        let answer = client.update_environment("demo", "staging", settings, &["protected"]).await;
        denied(refused(answer));
        denied(refused(client.delete_environment("demo", "staging", true).await));
    }
}

//! Duplicates and imports: who may make them, under which id, and once.

use super::{SECRETS, all_unset, full};
use crate::support::stored::audited;
use crate::support::{Client, Server, refused};
use tonic::Code;
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

const DOCUMENT: &str =
    r#"{"format": "waxseal.project", "version": 1, "environments": [], "secrets": []}"#;

#[tokio::test]
async fn a_duplicate_has_the_outline_and_no_value() {
    let server = Server::on_sqlite().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    full(&admin, "full").await;
    let before = server.key_operations();
    let made = builder.duplicate("full", "copy").await.unwrap();
    let after = server.key_operations();
    assert_eq!(after.unwrap, before.unwrap, "no value was opened");
    assert_eq!(made.secrets_needing_value, ["_LATER", "A_MASKED", "b_restricted", "NOW_SO"]);
    let project = made.project.unwrap();
    assert_eq!((&*project.name, &*project.display_name), ("projects/copy", ""));
    assert_ne!(project.uid, admin.get_project("full").await.unwrap().uid);
    let document = admin.export("full").await.unwrap();
    assert_eq!(admin.export("copy").await.unwrap(), document);
    for (name, visibility) in SECRETS {
        let secret = admin.get_secret("copy", name).await.unwrap();
        assert_eq!((secret.visibility(), &*secret.description), (visibility, ""), "{name}");
    }
    all_unset(&server, "copy").await;
    // What is done to the one is not done to the other.
    admin.delete_secret("copy", "A_MASKED").await.unwrap();
    admin.restrict("copy", "_LATER").await.unwrap();
    admin.delete_project("copy").await.unwrap();
    assert_eq!(admin.export("full").await.unwrap(), document);
}

/// Importing and duplicating, as one.
async fn make(
    client: &Client,
    duplicate: bool,
    source: &str,
    id: &str,
) -> Result<(), tonic::Status> {
    if duplicate {
        client.duplicate(source, id).await.map(drop)
    } else {
        client.import(id, DOCUMENT).await.map(drop)
    }
}

#[tokio::test]
async fn an_id_is_free_or_it_is_said_who_has_it() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_project("taken").await.unwrap();
    admin.create_project("held").await.unwrap();
    admin.delete_project("held").await.unwrap();
    for duplicate in [false, true] {
        let taken = make(&admin, duplicate, "demo", "taken").await;
        refused(taken).is(Code::AlreadyExists, "PROJECT_EXISTS");
        let itself = make(&admin, duplicate, "demo", "demo").await;
        refused(itself).is(Code::AlreadyExists, "PROJECT_EXISTS");
        let held = make(&admin, duplicate, "demo", "held").await;
        refused(held).is(Code::AlreadyExists, "ID_HELD_BY_DELETED");
        for id in ["", "Demo", "a-", "projects/new"] {
            let answer = make(&admin, duplicate, "demo", id).await;
            refused(answer).is_about("INVALID_NAME", "project_id");
        }
    }
    let none = make(&admin, true, "none", "new").await;
    refused(none).is(Code::NotFound, "PROJECT_NOT_FOUND");
    let deleted = make(&admin, true, "held", "new").await;
    refused(deleted).is(Code::FailedPrecondition, "PROJECT_DELETED");
    refused(admin.get_project("new").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn an_import_is_an_admins_and_a_duplicate_a_builders_too_of_the_whole_deployment() {
    let server = Server::with_demo().await;
    let mut number = 0;
    for role in Role::ALL {
        for scope in ["deployment", "projects/demo", "projects/demo/environments/main/stages/draft"]
        {
            let client = server.client(role, role == Role::Builder, scope).await;
            for duplicate in [false, true] {
                number += 1;
                let answer = make(&client, duplicate, "demo", &format!("new-{number}")).await;
                let may = role == Role::Admin || duplicate && role == Role::Builder;
                if may && scope == "deployment" {
                    answer.unwrap();
                } else {
                    refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_repetition_makes_nothing_more_and_another_request_is_refused() {
    let server = Server::demo_on_sqlite().await;
    let admin = server.admin().await;
    let (one, two) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let import = async |document: &str| {
        let request = v1::ImportProjectRequest {
            project_id: "imported".to_owned(),
            document: document.to_owned(),
            request_id: one.clone(),
        };
        admin.projects.clone().import_project(request).await.map(tonic::Response::into_inner)
    };
    let duplicate = async |name: &str| {
        let request = v1::DuplicateProjectRequest {
            name: name.to_owned(),
            project_id: "copy".to_owned(),
            request_id: two.clone(),
        };
        admin.projects.clone().duplicate_project(request).await.map(tonic::Response::into_inner)
    };
    let imported = import(DOCUMENT).await.unwrap();
    let copied = duplicate("projects/demo").await.unwrap();
    let records = audited(&server.setup.database());
    assert_eq!(import(DOCUMENT).await.unwrap(), imported);
    assert_eq!(duplicate("projects/demo").await.unwrap(), copied);
    assert_eq!(audited(&server.setup.database()), records);
    // The same document, written otherwise, is another request.
    let other = import(&format!("{DOCUMENT} ")).await;
    refused(other).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
    let other = duplicate("projects/imported").await;
    refused(other).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
    // Also when what was made is gone, and so is what it was made from.
    admin.delete_project("imported").await.unwrap();
    admin.delete_project("demo").await.unwrap();
    assert_eq!(import(DOCUMENT).await.unwrap(), imported);
    assert_eq!(duplicate("projects/demo").await.unwrap(), copied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_make_one_project_one_does() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let calls = (0..20).map(|number| make(&admin, number % 2 == 0, "demo", "new"));
    let answers = futures::future::join_all(calls).await;
    let (made, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    others.into_iter().for_each(|other| refused(other).is(Code::AlreadyExists, "PROJECT_EXISTS"));
}

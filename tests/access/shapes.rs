//! What scopes, identities and methods have to look like.

use super::caller;
use crate::support::{Server, refused, token_of};
use tonic::Status;
use waxseal_proto::v1::{self, Role, identity::Identity as Known};

#[tokio::test]
async fn a_scope_is_read_exactly() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_principal("ann").await.unwrap();
    for scope in [
        "",
        "Deployment",
        "deployment ",
        "projects",
        "projects/",
        "projects/-",
        "projects/demo/",
        "projects/demo/environments/main",
        "projects/demo/environments/main/stages/Live",
        "projects/demo/environments/main/stages/",
        "projects/demo/stages/live",
        "principals/ann",
    ] {
        let answers: [(&str, Result<(), Status>); 3] = [
            ("binding.scope", admin.bind("ann", Role::Viewer, scope).await.map(drop)),
            ("api_token.scope", admin.issue("ann", token_of(Role::Viewer, scope)).await.map(drop)),
            ("scope", admin.may(scope, &["GetSecret"]).await.map(drop)),
        ];
        for (field, answer) in answers {
            refused(answer).is_about("INVALID_FIELD", field);
        }
    }
}

#[tokio::test]
async fn an_identity_is_read_exactly() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let create = async |identities: Vec<v1::Identity>| {
        let request = v1::CreatePrincipalRequest {
            principal_id: "ann".to_owned(),
            principal: Some(v1::Principal { identities, ..Default::default() }),
            ..Default::default()
        };
        admin.access.clone().create_principal(request).await
    };
    let spiffe = |id: &str| Some(Known::SpiffeId(id.to_owned()));
    let workload = |issuer: &str, subject: &str| {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        Some(Known::Workload(v1::Workload { issuer, subject }))
    };
    for (identity, rest) in [
        (None, ""),
        (spiffe("spiffe://Example.org/a"), ".spiffe_id"),
        (spiffe("spiffe://example.org/a/"), ".spiffe_id"),
        (spiffe("spiffe://example.org/%61"), ".spiffe_id"),
        (spiffe("spiffe://example.org/a/../b"), ".spiffe_id"),
        (workload("", "a"), ".workload.issuer"),
        (workload("https://issuer", "a\0"), ".workload.subject"),
    ] {
        let answer = create(vec![v1::Identity { identity }]).await;
        refused(answer).is_about("INVALID_FIELD", &format!("principal.identities[0]{rest}"));
    }
    let one = v1::Identity { identity: spiffe("spiffe://example.org/a") };
    let twice = create(vec![one.clone(), one.clone()]).await;
    refused(twice).is_about("INVALID_FIELD", "principal.identities");
    let many = (0..21)
        .map(|number| v1::Identity { identity: workload("https://issuer", &number.to_string()) });
    refused(create(many.collect()).await).is_about("INVALID_FIELD", "principal.identities");
    create(vec![one]).await.unwrap();
}

#[tokio::test]
async fn methods_are_asked_for_by_their_names() {
    let server = Server::with_demo().await;
    let (_, ann) = caller(&server, "ann", Role::Viewer, "projects/demo").await;
    for wrong in ["", "getSecret", "SecretService.GetSecret", "Nothing"] {
        let answer = ann.may("projects/demo", &["GetSecret", wrong]).await;
        refused(answer).is_about("INVALID_FIELD", "permissions[1]");
    }
    refused(ann.may("projects/demo", &[]).await).is_about("INVALID_FIELD", "permissions");
    let many = ["GetSecret"; 101];
    refused(ann.may("projects/demo", &many).await).is_about("INVALID_FIELD", "permissions");
    assert_eq!(ann.may("projects/demo", &many[..100]).await.unwrap().len(), 100);
}

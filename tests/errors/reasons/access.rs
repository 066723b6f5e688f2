//! What changes of access are refused with.

use super::Given;
use crate::access::first;
use crate::support::{Server, token_of};
use uuid::Uuid;
use waxseal_proto::v1::{self, Role};

pub(super) async fn of_access(given: &mut Given) {
    const ONE: &str = "spiffe://example.org/one";
    let server = Server::on_sqlite().await;
    let admin = server.admin().await;
    admin.create_project("demo").await.unwrap();
    given.by("PRINCIPAL_NOT_FOUND", admin.get_principal("gone").await);
    admin.create_principal_known_by("ann", &[ONE]).await.unwrap();
    given.by("PRINCIPAL_EXISTS", admin.create_principal("ann").await);
    given.by("IDENTITY_TAKEN", admin.create_principal_known_by("ben", &[ONE]).await);
    let binding = admin.bind("ann", Role::Builder, "projects/demo").await.unwrap();
    let both = admin.bind("ann", Role::Runtime, "projects/demo").await;
    given.by("SEPARATION_OF_DUTIES", both);
    admin.unbind(&binding.name).await.unwrap();
    given.by("BINDING_NOT_FOUND", admin.unbind(&binding.name).await);
    let token = token_of(Role::Viewer, "projects/demo");
    given.by("BINDING_MISSING", admin.issue("ann", token.clone()).await);
    for _ in 0..100 {
        admin.bind("ann", Role::Viewer, "projects/demo").await.unwrap();
    }
    given.by("BINDING_LIMIT", admin.bind("ann", Role::Viewer, "projects/demo").await);
    given.by("API_TOKEN_NOT_FOUND", admin.revoke("principals/ann/tokens/000000000000").await);
    let request = v1::CreateApiTokenRequest {
        parent: "principals/ann".to_owned(),
        api_token: Some(token),
        request_id: Uuid::now_v7().to_string(),
    };
    admin.access.clone().create_api_token(request.clone()).await.unwrap();
    given.by("TOKEN_SHOWN_ONCE", admin.access.clone().create_api_token(request).await);
    let first = v1::InitializeRequest::default();
    given.by("ALREADY_INITIALIZED", first::local(&server).await.initialize(first).await);
}

//! The first admin.

use crate::support::client::channel;
use crate::support::raw::{Raw, bearer, path};
use crate::support::{Client, Server, Setup, refused};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::access_service_client::AccessServiceClient;
use waxseal_proto::v1::{self, InitializeRequest};

pub async fn local(server: &Server) -> AccessServiceClient<Channel> {
    let socket = server.setup.data_dir().join("waxseal.sock");
    AccessServiceClient::new(channel(&format!("unix://{}", socket.display())).await)
}

async fn initialize(
    local: &AccessServiceClient<Channel>,
    id: &str,
) -> Result<Response<v1::InitializeResponse>, Status> {
    let request = InitializeRequest { principal_id: id.to_owned(), ..Default::default() };
    local.clone().initialize(request).await
}

#[tokio::test]
async fn whoever_stands_at_the_machine_makes_the_first_admin_once() {
    let server = Server::on_sqlite().await;
    let first = local(&server).await;
    for id in ["-", "A", "a b"] {
        refused(initialize(&first, id).await).is_about("INVALID_NAME", "principal_id");
    }
    let life = prost_types::Duration { seconds: 367 * 86_400, nanos: 0 };
    let request = InitializeRequest { token_life: Some(life), ..Default::default() };
    assert_eq!(refused(first.clone().initialize(request).await).reason, "INVALID_FIELD");

    let made = initialize(&first, "").await.unwrap().into_inner();
    assert_eq!(made.principal.clone().unwrap().name, "principals/admin");
    assert!(!format!("{made:?}").contains(&made.token));
    let admin = Client::connect(&server.address, &made.token).await;
    admin.create_project("demo").await.unwrap();
    for id in ["", "another"] {
        refused(initialize(&first, id).await).is(Code::FailedPrecondition, "ALREADY_INITIALIZED");
    }
    // Nor once nobody is left, nor after a start anew.
    admin.delete_principal("admin").await.unwrap();
    let server = server.stop().await.start().await;
    refused(initialize(&local(&server).await, "").await)
        .is(Code::FailedPrecondition, "ALREADY_INITIALIZED");
}

#[tokio::test]
async fn it_is_nobodys_right_over_the_network() {
    let server = Server::on_sqlite().await;
    let raw = Raw::connect(&server.address).await;
    let call = async |metadata| raw.send(path("Initialize"), metadata, Vec::new()).await;
    refused(call(MetadataMap::new()).await).is(Code::Unauthenticated, "CREDENTIALS_MISSING");
    refused(call(bearer("x")).await).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    initialize(&local(&server).await, "").await.unwrap();
    let token = server.token(Role::Admin, false, "deployment").await;
    refused(call(bearer(&token)).await).is(Code::PermissionDenied, "PERMISSION_DENIED");
}

#[tokio::test]
async fn every_other_method_wants_credentials_on_the_socket_too() {
    let server = Server::on_sqlite().await;
    let mut local = local(&server).await;
    refused(local.who_am_i(v1::WhoAmIRequest {}).await)
        .is(Code::Unauthenticated, "CREDENTIALS_MISSING");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_at_once_one_wins() {
    let server = Setup::sqlite().start().await;
    let local = local(&server).await;
    let ids: Vec<_> = (0..8).map(|number| format!("first-{number}")).collect();
    let answers = futures::future::join_all(ids.iter().map(|id| initialize(&local, id))).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    for answer in lost {
        refused(answer).is(Code::FailedPrecondition, "ALREADY_INITIALIZED");
    }
    let token = won.into_iter().next().unwrap().unwrap().into_inner().token;
    let admin = Client::connect(&server.address, &token).await;
    let request = v1::ListPrincipalsRequest::default();
    let listed = admin.access.clone().list_principals(request).await.unwrap().into_inner();
    assert_eq!(listed.principals.len(), 1);
}

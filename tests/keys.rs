//! Wrapping keys: their status, and moving every data key from one to another.

mod broken;
mod carried;
mod copied;
mod failing;
mod lines;
mod moved;
mod moves;
mod world;

use crate::support::raw::Raw;
use crate::support::refusal::read;
use crate::support::{Server, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, KeyHealth};
use world::{keyholder, status};

#[tokio::test]
async fn the_status_of_a_new_deployment_is_one_key() {
    let server = Server::start().await;
    let status = status(&server).await;
    assert_eq!(status.health(), KeyHealth::Good);
    let only = v1::WrappingKey { key_id: status.active_key_id.clone(), data_keys: 2, active: true };
    assert_eq!(status.wrapping_keys, [only]);
    assert_eq!(status.rewrap_due, 0);
}

#[tokio::test]
async fn where_nothing_is_due_a_rewrap_says_so_and_asks_no_key_provider() {
    let server = Server::with_demo().await;
    let before = server.key_operations();
    let told = world::rewrap(&keyholder(&server).await).await.unwrap();
    assert_eq!(server.key_operations(), before);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|told| (told.total, told.done, told.failed) == (0, 0, 0)));
    assert_eq!(told.iter().map(|told| told.finished).collect::<Vec<_>>(), [false, true]);
    assert_eq!(told[1].eta, None);
}

#[tokio::test]
async fn keys_are_for_a_keyholder_of_the_deployment_and_nobody_else() {
    let server = Server::with_demo().await;
    let raw = Raw::connect(&server.address).await;
    for role in Role::ALL {
        for scope in ["deployment", "projects/demo", "projects/demo/environments/main/stages/live"]
        {
            let token = server.token(role, false, scope).await;
            for method in ["GetKeyStatus", "RewrapDataKeys"] {
                let answer = raw.call(method, &token, vec![]).await;
                if role == Role::Keyholder && scope == "deployment" {
                    answer.unwrap();
                } else {
                    refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_refused_has_a_reason() {
    let server = Server::start().await;
    let client = server.admin().await;
    let status = client.keys.clone().rewrap_data_keys(v1::RewrapDataKeysRequest {}).await;
    read(&status.unwrap_err()).is(Code::PermissionDenied, "PERMISSION_DENIED");
}

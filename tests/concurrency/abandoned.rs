//! A caller who goes away in the middle of a call: what they asked for is done all the same, and
//! once.

use super::mutations::{Body, Mutation, WITH_KEYS, demo_on};
use crate::support::{Client, Server, refused};
use futures::future::{Either, select};
use std::pin::pin;
use std::time::Duration;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1;

/// How often a method was carried out.
fn done(server: &Server, mutation: Mutation) -> i64 {
    let sql = "SELECT count(DISTINCT revision) FROM audit WHERE action = ?1 AND request NOT NULL";
    let action = format!("{mutation:?}");
    server.setup.database().query_row(sql, [action], |row| row.get(0)).unwrap()
}

/// An answer from the server that needs no key: whatever was sent before on this connection has
/// arrived, the end of a call too.
async fn round_trip(client: &Client) {
    let request = v1::GetProjectRequest { name: "projects/demo".to_owned() };
    client.projects.clone().get_project(request).await.unwrap();
}

/// Waits until something holds that has to, some time.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect(what);
}

#[tokio::test]
async fn what_an_absent_caller_asked_for_is_done_once() {
    for mutation in WITH_KEYS {
        let server = demo_on(Server::demo_on_sqlite().await).await;
        let token = server.token(Role::Admin, false, "deployment").await;
        let one = Client::connect(&server.address, &token).await;
        let two = Client::connect(&server.address, &token).await;
        let id = uuid::Uuid::new_v4().to_string();
        let paused = server.pause_keys().await;
        {
            // One of two calls is under way when the other one is told so; then it is dropped.
            let first = pin!(mutation.call(&one, Body::One, &id));
            let second = pin!(mutation.call(&two, Body::One, &id));
            let told = match select(first, second).await {
                Either::Left((told, _dropped)) | Either::Right((told, _dropped)) => told,
            };
            refused(told).is(Code::Aborted, "REQUEST_IN_PROGRESS");
        }
        round_trip(&one).await;
        round_trip(&two).await;
        assert_eq!(done(&server, mutation), 0, "{mutation:?}");

        drop(paused);
        until("it is carried out", || done(&server, mutation) == 1).await;
        let answer = mutation.call(&one, Body::One, &id).await.unwrap();
        assert_eq!(mutation.call(&two, Body::One, &id).await.unwrap(), answer);
        assert_eq!(done(&server, mutation), 1, "{mutation:?}");
    }
}

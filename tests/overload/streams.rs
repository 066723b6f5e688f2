//! How many streams there may be.

use super::PATIENCE;
use crate::frames::wire::{Call, Wire};
use crate::support::{Client, Server, Setup, refused};
use crate::watch::{next, watch};
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::Stage;
use waxseal_server::config::Limits;

/// Streams that one connection carries.
const EACH: usize = 200;

#[tokio::test]
async fn a_connection_carries_two_hundred_and_says_so() {
    let server = Server::start().await;
    let wire = Wire::connect(&server.address).await;
    // What a connection begins with comes before any answer.
    wire.call(Call::new("/none", &[])).await.unwrap();
    assert_eq!(wire.most_streams(), EACH);
}

#[tokio::test]
async fn a_principal_has_a_thousand() {
    let server = Server::with_demo().await;
    let token = server.token(Role::Runtime, false, "deployment").await;
    let most = Limits::default().max_streams;
    assert_eq!(most, 1_000);
    let mut streams = Vec::new();
    for _ in 0..most / EACH {
        let client = Client::connect(&server.address, &token).await;
        for _ in 0..EACH {
            let mut views = watch(&client, Stage::Live, "").await.unwrap();
            next(&mut views).await.unwrap();
            streams.push(views);
        }
    }
    let one_more = Client::connect(&server.address, &token).await;
    let refused_one = watch(&one_more, Stage::Live, "").await;
    refused(refused_one).is(Code::ResourceExhausted, "STREAM_LIMIT");
    one_more.resolve("demo", "main", Stage::Live).await.expect("calls are no streams");
    let other = server.runtime().await;
    next(&mut watch(&other, Stage::Live, "").await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn one_that_has_ended_makes_room() {
    let mut setup = Setup::new();
    setup.config.limits.max_streams = 2;
    setup.config.watch_max_age = Duration::from_secs(2);
    let server = setup.start().await;
    server.make_demo().await;
    let runtime = server.runtime().await;
    let mut first = watch(&runtime, Stage::Live, "").await.unwrap();
    next(&mut first).await.unwrap();
    let begun = Instant::now();
    // Two are refused for what they ask, and hold nothing.
    for _ in 0..2 {
        refused(watch(&runtime, Stage::Live, "x").await)
            .is_about("INVALID_REVISION", "if_revision_not");
    }
    let again = async || loop {
        match watch(&runtime, Stage::Live, "").await {
            Ok(views) => return views,
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}"),
        }
        assert!(begun.elapsed() < PATIENCE, "there is room again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let _second = again().await;
    // The reader goes away.
    drop(first);
    let mut third = again().await;
    // The stream's time is over.
    while next(&mut third).await.is_ok() {}
    let _fourth = again().await;
}

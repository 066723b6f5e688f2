//! Reasons of calls of which there are too many.

use super::Given;
use crate::support::{Client, Setup};
use crate::watch::watch;
use futures::future::join_all;
use std::time::{Duration, Instant};
use tonic::Status;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

async fn list(client: &Client) -> Result<(), Status> {
    let request = v1::ListProjectsRequest::default();
    client.projects.clone().list_projects(request).await.map(drop)
}

/// What a caller is told once there is no place for it.
async fn once_full(client: &Client) -> Result<(), Status> {
    let begun = Instant::now();
    while list(client).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "all places are taken");
    }
    list(client).await
}

/// A change that waits for the key provider, and comes again where there is no place for it.
fn create(client: &Client, id: &str) -> tokio::task::JoinHandle<()> {
    let (client, id) = (client.clone(), id.to_owned());
    tokio::spawn(async move {
        while client.create_secret("demo", &id, Visibility::Masked, Some("v")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

pub async fn of_load(given: &mut Given) {
    let mut setup = Setup::new();
    setup.config.limits.rate_limit = 1;
    let server = setup.start().await;
    let viewer = server.viewer().await;
    let answers = join_all((0..20).map(|_| list(&viewer))).await;
    given.by("RATE_LIMITED", answers.into_iter().find(Result::is_err).unwrap());

    let mut setup = Setup::new();
    setup.config.limits.max_streams = 1;
    // One for each principal.
    setup.config.limits.max_calls = 2;
    let server = setup.start().await;
    server.make_demo().await;
    let runtime = server.runtime().await;
    let _first = watch(&runtime, Stage::Live, "").await.unwrap();
    given.by("STREAM_LIMIT", watch(&runtime, Stage::Live, "").await.map(drop));

    let token = server.token(Role::Builder, false, "deployment").await;
    let (one, same) = (
        Client::connect(&server.address, &token).await,
        Client::connect(&server.address, &token).await,
    );
    let (two, three) = (server.builder().await, server.builder().await);
    let paused = server.pause_keys().await;
    let mut waiting = vec![create(&one, "ONE")];
    given.by("CALL_LIMIT", once_full(&same).await);
    waiting.push(create(&two, "TWO"));
    given.by("OVERLOADED", once_full(&three).await);
    drop(paused);
    for change in waiting {
        change.await.unwrap();
    }
}

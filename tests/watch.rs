//! `WatchEnvironment`: a view at once, again whenever it changes, and a reason at the end.

mod ends;

use crate::support::{Client, Server, default_slot, override_slot};
use std::time::Duration;
use tokio::time::timeout;
use tonic::{Status, Streaming};
use waxseal_proto::v1::{self, Stage, Visibility};

type Views = Streaming<v1::WatchEnvironmentResponse>;

/// Far more than a change takes to be seen.
const SOON: Duration = Duration::from_secs(10);
/// Long enough for a message that must not come.
const QUIET: Duration = Duration::from_millis(700);

pub async fn watch(client: &Client, stage: Stage, if_revision_not: &str) -> Result<Views, Status> {
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: stage.into(),
        if_revision_not: if_revision_not.to_owned(),
    };
    client.runtime.clone().watch_environment(request).await.map(tonic::Response::into_inner)
}

pub async fn next(views: &mut Views) -> Result<v1::WatchEnvironmentResponse, Status> {
    let next = timeout(SOON, views.message()).await.expect("a message in time");
    next.map(|view| view.expect("a stream ends with a reason"))
}

async fn is_quiet(views: &mut Views) -> bool {
    timeout(QUIET, views.message()).await.is_err()
}

/// The value of the one secret of a view.
fn value(view: &v1::WatchEnvironmentResponse) -> &str {
    assert_eq!(view.secrets.len(), 1, "a whole view");
    crate::support::client::shown(view.secrets[0].payload.as_ref())
}

pub async fn demo() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
    (server, builder, runtime)
}

#[tokio::test]
async fn a_view_comes_at_once_and_whole_and_again_when_it_changes() {
    let (_server, builder, runtime) = demo().await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    let first = next(&mut views).await.unwrap();
    assert_eq!((value(&first), first.not_modified), ("first", false));
    for changed in ["second", "third"] {
        builder.set("demo", "KEY", default_slot(), changed).await.unwrap();
        let view = next(&mut views).await.unwrap();
        assert_eq!(value(&view), changed);
        assert_ne!(view.revision, first.revision);
    }
    builder.delete_secret("demo", "KEY").await.unwrap();
    assert!(next(&mut views).await.unwrap().secrets.is_empty());
}

#[tokio::test]
async fn what_does_not_alter_the_view_wakes_nobody() {
    let (_server, builder, runtime) = demo().await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    next(&mut views).await.unwrap();
    builder.set("demo", "KEY", override_slot("main", Stage::Draft), "draft").await.unwrap();
    builder.set("demo", "KEY", override_slot("staging", Stage::Live), "other").await.unwrap();
    assert!(is_quiet(&mut views).await);
    builder.set("demo", "KEY", override_slot("main", Stage::Live), "live").await.unwrap();
    assert_eq!(value(&next(&mut views).await.unwrap()), "live");
}

#[tokio::test]
async fn changes_arrive_in_order_and_the_last_one_always() {
    const CHANGES: usize = 200;
    let (_server, builder, runtime) = demo().await;
    let mut views = watch(&runtime, Stage::Draft, "").await.unwrap();
    next(&mut views).await.unwrap();
    let writer = tokio::spawn(async move {
        for change in 1..=CHANGES {
            builder.set("demo", "KEY", default_slot(), &change.to_string()).await.unwrap();
        }
    });
    let mut seen = 0;
    while seen < CHANGES {
        let change = value(&next(&mut views).await.unwrap()).parse().unwrap();
        assert!(change > seen, "{change} after {seen}");
        seen = change;
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn a_stream_is_taken_up_where_another_ended() {
    let (_server, builder, runtime) = demo().await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    let held = next(&mut views).await.unwrap().revision;
    drop(views);
    // Nothing has happened but elsewhere.
    builder.set("demo", "KEY", override_slot("main", Stage::Draft), "draft").await.unwrap();
    let mut views = watch(&runtime, Stage::Live, &held).await.unwrap();
    let same = next(&mut views).await.unwrap();
    assert!(same.not_modified && same.secrets.is_empty());
    drop(views);
    builder.set("demo", "KEY", default_slot(), "missed").await.unwrap();
    let mut views = watch(&runtime, Stage::Live, &held).await.unwrap();
    assert_eq!(value(&next(&mut views).await.unwrap()), "missed");
    assert!(is_quiet(&mut views).await);
}

#[tokio::test]
async fn a_revision_of_another_project_matches_nothing() {
    let (server, builder, runtime) = demo().await;
    let admin = server.admin().await;
    admin.create_project("other").await.unwrap();
    builder.create_secret("other", "KEY", Visibility::Masked, Some("x")).await.unwrap();
    let other = runtime.resolve("other", "main", Stage::Live).await.unwrap().revision;
    let mut views = watch(&runtime, Stage::Live, &other).await.unwrap();
    assert_eq!(value(&next(&mut views).await.unwrap()), "first");
}

#[tokio::test]
async fn many_streams_cost_one_fill() {
    let (server, builder, runtime) = demo().await;
    let mut streams = Vec::new();
    for _ in 0..50 {
        let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
        next(&mut views).await.unwrap();
        streams.push(views);
    }
    builder.set("demo", "KEY", default_slot(), "changed").await.unwrap();
    let before = server.key_operations();
    for views in &mut streams {
        assert_eq!(value(&next(views).await.unwrap()), "changed");
    }
    assert!(server.key_operations().unwrap - before.unwrap <= 1);
}

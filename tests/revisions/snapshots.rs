//! One answer is one snapshot: what was written together is never seen apart, and what was
//! acknowledged is never missed, however many read meanwhile.

use crate::support::client::shown;
use crate::support::{Client, Server};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use waxseal_proto::v1::{ResolvedSecret, Stage, Visibility};

const BATCHES: u64 = 150;
const READERS: usize = 4;
const SECRETS: [&str; 7] = ["A", "B", "C", "D", "E", "F", "G"];

/// The one counter that all values of an answer show.
fn counter(view: &[ResolvedSecret]) -> u64 {
    let counters: Vec<u64> =
        view.iter().map(|entry| shown(entry.payload.as_ref()).parse().unwrap()).collect();
    assert_eq!(counters.len(), SECRETS.len());
    assert!(counters.iter().all(|counter| *counter == counters[0]), "{counters:?}");
    counters[0]
}

/// Reads until the last batch is seen.
async fn read(runtime: Client, acknowledged: Arc<AtomicU64>, by_name: bool) {
    let mut last = 0;
    while last < BATCHES {
        let before = acknowledged.load(Ordering::SeqCst);
        let secrets = if by_name {
            let view = runtime.resolve_named("demo", "main", Stage::Live, &SECRETS, false).await;
            view.unwrap().secrets
        } else {
            runtime.resolve("demo", "main", Stage::Live).await.unwrap().secrets
        };
        let now = counter(&secrets);
        assert!(now >= before, "{before} was acknowledged before the read that says {now}");
        assert!(now >= last, "{last} was read before {now}");
        last = now;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_written_together_is_seen_together() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    for secret in SECRETS {
        builder.create_secret("demo", secret, Visibility::Masked, Some("0")).await.unwrap();
    }
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut readers = Vec::new();
    for reader in 0..READERS {
        let runtime = server.runtime().await;
        readers.push(tokio::spawn(read(runtime, acknowledged.clone(), reader % 2 == 1)));
    }
    for batch in 1..=BATCHES {
        let value = batch.to_string();
        let overrides = SECRETS.map(|secret| (secret, value.as_str()));
        builder.batch_set("demo", "main", Stage::Live, &overrides).await.unwrap();
        acknowledged.store(batch, Ordering::SeqCst);
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_and_a_return_are_seen_by_every_read_that_begins_after_them() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    for _ in 0..50 {
        builder.delete_secret("demo", "KEY").await.unwrap();
        let views: Vec<_> =
            (0..READERS).map(|_| runtime.resolve("demo", "main", Stage::Live)).collect();
        for view in futures::future::join_all(views).await {
            assert!(view.unwrap().secrets.is_empty());
        }
        builder.undelete_secret("demo", "KEY").await.unwrap();
        let views: Vec<_> =
            (0..READERS).map(|_| runtime.resolve("demo", "main", Stage::Live)).collect();
        for view in futures::future::join_all(views).await {
            assert_eq!(view.unwrap().secrets.len(), 1);
        }
    }
}

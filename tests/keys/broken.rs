//! Rewraps that are broken off, that overlap, and that a server is stopped under.

use super::carried::many;
use super::world::{SMALL, keyholder, reads, rewrap, rewrapped, rotate, small, status, trail};
use crate::support::refusal::read;
use crate::support::{Server, Setup};
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_proto::v1::{self, Stage};

/// Starts a rewrap, breaks it off at the provider's n-th call, and waits until it has ended.
async fn broken_off_at(server: &Server, call: usize) {
    // The first one asks for the id of the active key.
    let _held = server.hold_key_after(call + 1);
    let before = server.key_operations().rewrap;
    let keyholder = keyholder(server).await;
    let request = v1::RewrapDataKeysRequest {};
    let mut stream = keyholder.keys.clone().rewrap_data_keys(request).await.unwrap().into_inner();
    let listening = async {
        while let Some(progress) = stream.message().await.unwrap() {
            assert!(!progress.finished, "it was not held: {progress:?}");
        }
    };
    let held = async {
        // Others that are asked at the same time get their answers; the page lacks only this one.
        while server.waiting_for_keys() == 0
            || server.key_operations().rewrap < before + call as u64
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = listening => panic!("the stream ended"),
        () = held => {}
    }
    drop(stream);
    let ends = async {
        while !trail(&server.setup).iter().any(|(_, action)| action == "StopRewrapDataKeys") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ends)
        .await
        .expect("it hears that nobody listens");
}

async fn rotated(server: Server) -> Setup {
    let setup = server.stop().await;
    rotate(&setup);
    setup
}

#[tokio::test]
async fn broken_off_at_any_call_it_leaves_everything_readable_and_goes_on_the_next_time() {
    let setup = rotated(small().await).await;
    for call in 0..usize::try_from(SMALL).unwrap() {
        let server = setup.copied().start().await;
        broken_off_at(&server, call).await;
        // Of the one page nothing was exchanged.
        assert_eq!(status(&server).await.rewrap_due, SMALL, "{call}");
        reads(&server).await;
        let last = rewrapped(&server).await;
        assert_eq!((last.done, last.failed), (SMALL, 0), "{call}");
        let server = server.stop().await.start().await;
        assert_eq!(status(&server).await.rewrap_due, 0);
        reads(&server).await;
    }
}

#[tokio::test]
async fn what_was_done_before_it_was_broken_off_stays_done() {
    let setup = rotated(many().await).await;
    for (call, left) in [(0, 114), (99, 114), (100, 14), (113, 14)] {
        let server = setup.copied().start().await;
        broken_off_at(&server, call).await;
        assert_eq!(status(&server).await.rewrap_due, left, "{call}");
        let view = server.runtime().await.resolve("demo", "main", Stage::Live).await.unwrap();
        assert_eq!(view.secrets.len(), 110);
        let last = rewrapped(&server).await;
        assert_eq!((last.total, last.done, last.failed), (left, left, 0), "{call}");
    }
}

#[tokio::test]
async fn two_at_the_same_time_do_no_harm() {
    let setup = rotated(many().await).await;
    let server = setup.start().await;
    let (one, two) = (keyholder(&server).await, keyholder(&server).await);
    let (one, two) = tokio::join!(rewrap(&one), rewrap(&two));
    let (one, two) = (one.unwrap().pop().unwrap(), two.unwrap().pop().unwrap());
    assert!(one.finished && two.finished);
    assert_eq!(one.done + two.done, 114, "each is done once: {one:?} {two:?}");
    assert_eq!(one.failed + two.failed, 0);
    assert_eq!(status(&server).await.rewrap_due, 0);
    let view = server.runtime().await.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(view.secrets.len(), 110);
}

#[tokio::test]
async fn what_somebody_else_changes_meanwhile_is_skipped() {
    let setup = rotated(small().await).await;
    let server = setup.start().await;
    let held = server.hold_key_after(1);
    let holder = keyholder(&server).await;
    let job = tokio::spawn(async move { rewrap(&holder).await });
    while server.waiting_for_keys() == 0 {
        tokio::task::yield_now().await;
    }
    // Reseals the three versions of the secret under data keys of their own.
    server.builder().await.restrict("demo", "KEY").await.unwrap();
    drop(held);
    let last = job.await.unwrap().unwrap().pop().unwrap();
    assert_eq!((last.done, last.skipped, last.failed), (SMALL - 3, 3, 0));
    assert_eq!(status(&server).await.rewrap_due, 0);
    let view = server.runtime().await.resolve("demo", "staging", Stage::Live).await.unwrap();
    assert_eq!(view.secrets.len(), 2);
}

#[tokio::test]
async fn a_server_that_stops_ends_it_and_says_so() {
    let setup = rotated(small().await).await;
    let server = setup.start().await;
    let _held = server.hold_key_after(1);
    let keyholder = keyholder(&server).await;
    let request = v1::RewrapDataKeysRequest {};
    let mut stream = keyholder.keys.clone().rewrap_data_keys(request).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().total, SMALL);
    while server.waiting_for_keys() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let status = stream.message().await.unwrap_err();
    read(&status).is(Code::Unavailable, "SHUTTING_DOWN");
    let setup = stopping.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "it did not hold up the stop");
    let actions: Vec<_> = trail(&setup).into_iter().map(|(_, action)| action).collect();
    assert_eq!(actions, ["RewrapDataKeys", "StopRewrapDataKeys"]);
    assert_eq!(rewrapped(&setup.start().await).await.done, SMALL);
}

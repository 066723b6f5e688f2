//! What was taken away is gone: for calls at once, for streams within a second.

use super::{LIVE, caller};
use crate::support::{Client, Server, refused};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::{Code, Streaming};
use waxseal_proto::v1::{self, Role, Stage};

/// Long enough for a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(20);

async fn watch(runtime: &Client) -> Streaming<v1::WatchEnvironmentResponse> {
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let mut views = runtime.runtime.clone().watch_environment(request).await.unwrap().into_inner();
    views.message().await.unwrap().unwrap();
    views
}

/// What a right can be taken away by, and what is said then.
#[derive(Clone, Copy, Debug)]
enum By {
    Revoking,
    Disabling,
    Deleting,
    Unbinding,
}

impl By {
    const ALL: [Self; 4] = [Self::Revoking, Self::Disabling, Self::Deleting, Self::Unbinding];

    async fn take(self, admin: &Client, token: &str) {
        match self {
            Self::Revoking => drop(admin.revoke(token).await.unwrap()),
            Self::Disabling => drop(admin.disable("ann", true).await.unwrap()),
            Self::Deleting => admin.delete_principal("ann").await.unwrap(),
            Self::Unbinding => {
                for binding in admin.bindings("ann").await.unwrap() {
                    admin.unbind(&binding.name).await.unwrap();
                }
            }
        }
    }

    const fn said(self) -> (Code, &'static str) {
        match self {
            Self::Unbinding => (Code::PermissionDenied, "PERMISSION_DENIED"),
            _ => (Code::Unauthenticated, "CREDENTIALS_INVALID"),
        }
    }
}

#[tokio::test]
async fn whoever_lost_a_right_is_refused_from_the_answer_on_and_their_streams_end() {
    for by in By::ALL {
        let server = Server::with_demo().await;
        let admin = server.admin().await;
        let (token, ann) = caller(&server, "ann", Role::Runtime, LIVE).await;
        ann.resolve("demo", "main", Stage::Live).await.unwrap();
        let mut views = watch(&ann).await;
        by.take(&admin, &token).await;
        let ended = Instant::now();
        let (code, reason) = by.said();
        refused(ann.resolve("demo", "main", Stage::Live).await).is(code, reason);
        refused(ann.who_am_i().await).is(code, reason);
        let end = tokio::time::timeout(PATIENCE, views.message()).await.unwrap();
        refused(end).is(code, reason);
        println!("{by:?}: a stream ended after {:?}", ended.elapsed());
    }
}

#[tokio::test]
async fn another_binding_keeps_what_it_gives() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let (_, ann) = caller(&server, "ann", Role::Runtime, LIVE).await;
    admin.bind("ann", Role::Runtime, "projects/demo").await.unwrap();
    let narrow = admin.bindings("ann").await.unwrap();
    let narrow = narrow.iter().find(|binding| binding.scope == LIVE).unwrap();
    admin.unbind(&narrow.name).await.unwrap();
    ann.resolve("demo", "main", Stage::Live).await.unwrap();
}

/// Strong reads while a principal is disabled and enabled again: none that begins after the answer
/// is let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_that_begins_after_the_answer_is_let_in() {
    const ROUNDS: usize = 60;
    const READERS: usize = 8;
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let (_, ann) = caller(&server, "ann", Role::Runtime, LIVE).await;
    let reads = AtomicUsize::new(0);
    for round in 0..ROUNDS {
        let gone = AtomicBool::new(false);
        let read = async |_: usize| {
            let mut refusals = 0;
            while refusals < 10 {
                let after = gone.load(Ordering::SeqCst);
                let answer = ann.resolve("demo", "main", Stage::Live).await;
                reads.fetch_add(1, Ordering::SeqCst);
                assert!(!(after && answer.is_ok()), "round {round}: let in after the answer");
                refusals += usize::from(answer.is_err());
            }
        };
        let take = async {
            // At another moment of the readers each time.
            tokio::time::sleep(Duration::from_micros(200 * (round as u64 % 20))).await;
            admin.disable("ann", true).await.unwrap();
            gone.store(true, Ordering::SeqCst);
        };
        futures::join!(futures::future::join_all((0..READERS).map(read)), take);
        admin.disable("ann", false).await.unwrap();
    }
    assert!(reads.into_inner() >= ROUNDS * READERS * 10);
}

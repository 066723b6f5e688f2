//! One of three servers is cut off from the database: it alone answers nothing that has to be
//! new, and it is as good as the others once it is back.

use super::{RECOVERY, SLACK};
use crate::support::client::values;
use crate::support::production::Production;
use crate::support::proxy::Fault;
use crate::support::replicas::Replicas;
use crate::support::{Client, default_slot, refused};
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_proto::v1::{Stage, Visibility};

/// What a statement that nobody answers takes, at most.
const GIVEN_UP: Duration = Duration::from_secs(5);

/// The value that a server shows.
async fn shown(runtime: &Client) -> String {
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    values(&view.secrets)[0].1.to_owned()
}

#[tokio::test]
async fn it_alone_answers_unavailable() {
    let replicas = Replicas::start(Production::create().await, 3, |_| {}).await;
    replicas[0].server.make_demo().await;
    let (mut builders, mut runtimes) = (Vec::new(), Vec::new());
    for i in 0..3 {
        builders.push(replicas[i].server.builder().await);
        runtimes.push(replicas[i].server.runtime().await);
    }
    builders[0].create_secret("demo", "key", Visibility::Masked, Some("whole")).await.unwrap();
    for runtime in &runtimes {
        assert_eq!(shown(runtime).await, "whole");
    }

    replicas[0].postgres.set(Fault::BlackHole);
    for turn in 0..3 {
        let value = format!("apart {turn}");
        builders[1 + turn % 2].set("demo", "key", default_slot(), &value).await.unwrap();
        for runtime in &runtimes[1..] {
            assert_eq!(shown(runtime).await, value);
        }
        // What it has in memory is not good enough, be it the view or the caller's token.
        let begin = Instant::now();
        let answer = runtimes[0].resolve("demo", "main", Stage::Live).await;
        refused(answer).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
        assert!(begin.elapsed() <= GIVEN_UP + SLACK, "after {:?}", begin.elapsed());
    }
    let answer = builders[0].set("demo", "key", default_slot(), "never").await;
    refused(answer).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    for runtime in &runtimes[1..] {
        assert_eq!(shown(runtime).await, "apart 2");
    }

    replicas[0].postgres.set(Fault::Pass);
    let healed = Instant::now();
    while let Err(status) = runtimes[0].resolve("demo", "main", Stage::Live).await {
        assert!(healed.elapsed() < RECOVERY, "{status:?}");
    }
    assert_eq!(shown(&runtimes[0]).await, "apart 2");
    builders[0].set("demo", "key", default_slot(), "whole again").await.unwrap();
    for runtime in &runtimes {
        assert_eq!(shown(runtime).await, "whole again");
    }
}

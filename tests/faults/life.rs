//! What a server says of itself, what its streams hear and how it stops while its engines fail.

use super::{RECOVERY, SLACK};
use crate::support::client::{channel, values};
use crate::support::production::Production;
use crate::support::proxy::Fault;
use crate::support::replicas::{Replica, Replicas};
use crate::support::{default_slot, refused};
use crate::watch::{next, watch};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use waxseal_proto::v1::{Stage, Visibility};

/// Two looks at the database, each with its pause, that both fail.
const NOTICED: Duration = Duration::from_secs(3);
/// A graceful stop is over after this time in any case.
const STOPPED: Duration = Duration::from_secs(30);

/// What a server says of its health.
pub struct Health(HealthClient<Channel>);

impl Health {
    pub async fn of(replica: &Replica) -> Self {
        Self(HealthClient::new(channel(&replica.server.address).await))
    }

    pub async fn now(&mut self) -> ServingStatus {
        let answer = self.0.check(HealthCheckRequest::default()).await.unwrap();
        answer.into_inner().status()
    }

    /// Waits until it is this.
    pub async fn becomes(&mut self, status: ServingStatus, within: Duration) {
        let begin = Instant::now();
        while self.now().await != status {
            assert!(begin.elapsed() < within, "health is not {status:?} after {within:?}");
            sleep(Duration::from_millis(20)).await;
        }
        println!("{status:?} after {:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn health_follows_the_database() {
    let replicas = Replicas::start(Production::create().await, 2, |_| {}).await;
    let (mut spoiled, mut healthy) =
        (Health::of(&replicas[0]).await, Health::of(&replicas[1]).await);
    for fault in [Fault::BlackHole, Fault::Refuse] {
        println!("{fault:?}");
        spoiled.becomes(ServingStatus::Serving, RECOVERY).await;
        replicas[0].postgres.set(fault);
        spoiled.becomes(ServingStatus::NotServing, NOTICED + SLACK).await;
        assert_eq!(healthy.now().await, ServingStatus::Serving);
        replicas[0].postgres.set(Fault::Pass);
        spoiled.becomes(ServingStatus::Serving, RECOVERY).await;
    }
}

#[tokio::test]
async fn health_does_not_follow_what_it_can_do_without() {
    let replicas = Replicas::start(Production::create().await, 2, |_| {}).await;
    let (spoiled, healthy) = (&replicas[0], &replicas[1].server);
    healthy.make_demo().await;
    let builder = healthy.builder().await;
    builder.create_secret("demo", "key", Visibility::Masked, Some("value")).await.unwrap();
    let known = spoiled.server.runtime().await;
    known.resolve("demo", "main", Stage::Live).await.unwrap();
    builder.create_secret("demo", "other", Visibility::Masked, Some("value")).await.unwrap();
    let mut health = Health::of(spoiled).await;
    spoiled.kms.set(Fault::BlackHole);
    spoiled.redis.set(Fault::BlackHole);
    // It finds out that both are away, and says nothing.
    let unknown = spoiled.server.runtime().await;
    let asked =
        tokio::spawn(async move { refused(unknown.resolve("demo", "main", Stage::Live).await) });
    let begin = Instant::now();
    while begin.elapsed() < NOTICED + SLACK || !asked.is_finished() {
        assert_eq!(health.now().await, ServingStatus::Serving);
        sleep(Duration::from_millis(50)).await;
    }
    asked.await.unwrap().is(Code::Unavailable, "KEY_UNAVAILABLE");
}

#[tokio::test]
async fn a_stream_outlives_an_outage_of_the_database() {
    const OUTAGE: Duration = Duration::from_secs(2);
    let replicas = Replicas::start(Production::create().await, 2, |_| {}).await;
    let (spoiled, healthy) = (&replicas[0], &replicas[1].server);
    healthy.make_demo().await;
    let builder = healthy.builder().await;
    builder.create_secret("demo", "key", Visibility::Masked, Some("before")).await.unwrap();
    let runtime = spoiled.server.runtime().await;
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    let first = next(&mut views).await.unwrap();
    assert_eq!(values(&first.secrets)[0].1, "before");
    for fault in [Fault::BlackHole, Fault::Refuse] {
        println!("{fault:?}");
        spoiled.postgres.set(fault);
        let meanwhile = format!("{fault:?}");
        builder.set("demo", "key", default_slot(), &meanwhile).await.unwrap();
        let early = timeout(OUTAGE, views.message()).await;
        assert!(early.is_err(), "nothing is heard without the database: {early:?}");
        spoiled.postgres.set(Fault::Pass);
        let healed = Instant::now();
        let view = timeout(RECOVERY, views.message()).await.expect("a view in time");
        let view = view.unwrap().expect("the stream stays open");
        assert_eq!(values(&view.secrets)[0].1, meanwhile);
        println!("heard after {:?}", healed.elapsed());
    }
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_database_that_is_silent() {
    let mut replicas = Replicas::start(Production::create().await, 2, |_| {}).await;
    let healthy = &replicas[0].server;
    healthy.make_demo().await;
    let builder = healthy.builder().await;
    builder.create_secret("demo", "key", Visibility::Masked, Some("value")).await.unwrap();
    let Replica { server, postgres, redis: _redis, kms: _kms } = replicas.pop();
    let (reader, writer) = (server.runtime().await, server.builder().await);
    reader.resolve("demo", "main", Stage::Live).await.unwrap();
    let mut views = watch(&reader, Stage::Live, "").await.unwrap();
    next(&mut views).await.unwrap();

    postgres.set(Fault::BlackHole);
    // Both are under way when it begins to stop.
    let reading =
        tokio::spawn(async move { refused(reader.resolve("demo", "main", Stage::Live).await) });
    let writing =
        tokio::spawn(
            async move { refused(writer.set("demo", "key", default_slot(), "late").await) },
        );
    sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    server.stop().await;
    let took = begin.elapsed();
    println!("stopped after {took:?}");
    assert!(took < STOPPED, "it stops after {took:?}");
    reading.await.unwrap().is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    writing.await.unwrap().is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    refused(next(&mut views).await).is(Code::Unavailable, "SHUTTING_DOWN");
    drop(postgres);
    // Nothing is held that others wait for.
    builder.set("demo", "key", default_slot(), "later").await.unwrap();
}

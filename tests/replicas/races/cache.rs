//! Races around what is kept in memory and in Redis.

use super::super::{SECOND, SOON, World, bounded, strong};
use crate::support::client::shown;
use crate::support::proxy::Fault;
use crate::support::redis::Redis;
use crate::support::{Client, override_slot};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use waxseal_proto::v1::{Stage, Visibility};

/// What is in Redis, once that is so many views: they are put there while nobody waits.
pub(super) async fn views(redis: &Redis, count: usize) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let begun = Instant::now();
    loop {
        let dump = redis.dump().await;
        if dump.len() == count {
            return dump;
        }
        assert!(begun.elapsed() < SOON, "{} views in Redis, not {count}", dump.len());
        sleep(Duration::from_millis(10)).await;
    }
}

/// The value of a secret in an environment, live.
pub(super) async fn value_in(runtime: &Client, environment: &str) -> Result<String, tonic::Status> {
    let view = runtime.resolve("demo", environment, Stage::Live).await?;
    Ok(shown(view.secrets[0].payload.as_ref()).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fill_that_a_write_overtakes_is_nobody_elses_answer() {
    let world = World::with_demo(3).await;
    // It has read the rows, and waits for the key of what they hold.
    let late = &world.replicas[1].server;
    let held = late.hold_next_key();
    let runtime = world.runtime(1).clone();
    let filling =
        tokio::spawn(async move { super::super::resolve(&runtime, "demo", strong()).await });
    while late.waiting_for_keys() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    world.set(0, "second").await;
    assert_eq!(world.value(0, strong()).await, "second");
    drop(held);
    let overtaken = filling.await.unwrap().unwrap();
    assert_eq!(super::super::value(&overtaken), "first", "it began before the write");
    // It is in memory there and in Redis by now, under its own revision.
    views(&world.redis, 2).await;
    for replica in [1, 2, 0] {
        assert_eq!(world.value(replica, strong()).await, "second");
    }
    sleep(SECOND).await;
    assert_eq!(world.value(1, bounded(SECOND)).await, "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_with_the_content_of_yesterday_answers_nothing_old() {
    let world = World::with_demo(3).await;
    assert_eq!(world.value(0, strong()).await, "first");
    let yesterday = views(&world.redis, 1).await;
    world.set(0, "second").await;
    assert_eq!(world.value(0, strong()).await, "second");
    views(&world.redis, 2).await;

    world.redis.flush().await;
    for (key, sealed) in &yesterday {
        world.redis.set(key, sealed).await;
    }
    // One that knows the old view, and one that knows none.
    for replica in [1, 2] {
        assert_eq!(world.value(replica, strong()).await, "second");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_of_a_cold_view_cost_one_fill() {
    let world = World::with_demo(3).await;
    let admin = world.admin(0);
    for number in 0..5 {
        let secret = format!("SECRET_{number}");
        admin.create_secret("demo", &secret, Visibility::Masked, Some("x")).await.unwrap();
    }
    let fill = async |replica: usize, callers: usize| {
        let server = &world.replicas[replica].server;
        let before = server.key_operations().unwrap;
        let gate = server.pause_keys().await;
        let calls: Vec<_> = (0..callers)
            .map(|_| world.runtime(replica).clone())
            .map(|runtime| tokio::spawn(async move { value_in(&runtime, "main").await.unwrap() }))
            .collect();
        while server.waiting_for_keys() == 0 {
            sleep(Duration::from_millis(5)).await;
        }
        // For the others to arrive.
        sleep(Duration::from_millis(500)).await;
        drop(gate);
        for value in join_all(calls).await {
            assert_eq!(value.unwrap(), "first");
        }
        views(&world.redis, 1).await;
        world.redis.flush().await;
        server.key_operations().unwrap - before
    };
    let (one, hundred) = (fill(1, 1).await, fill(2, 100).await);
    assert!(one >= 6, "{one} keys for six values");
    assert_eq!(one, hundred);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_redis_that_nobody_waits_for_any_more_is_nobody_elses() {
    const CALLERS: usize = 8;
    const CALLS: usize = 60;
    // Without views in memory, every call asks Redis.
    let world = World::configured(2, |config| config.view_cache = 0).await;
    world.make_demo().await;
    for environment in ["main", "staging"] {
        let slot = override_slot(environment, Stage::Live);
        world.admin(0).set("demo", "KEY", slot, environment).await.unwrap();
        assert_eq!(value_in(world.runtime(0), environment).await.unwrap(), environment);
    }
    views(&world.redis, 2).await;
    // Some answers come in time, some too late, and some callers do not wait at all.
    let to_client = Duration::from_millis(8);
    let slow = Fault::Delay { to_server: Duration::ZERO, to_client, jitter: to_client * 2 };
    world.replicas[1].redis.set(slow);
    let (_, before) = world.redis.put_and_found().await;
    let round = async || {
        let callers = (0..CALLERS).map(|caller| {
            let runtime = world.runtime(1).clone();
            tokio::spawn(async move {
                let mut answered = 0;
                for call in 0..CALLS {
                    let environment = if (caller + call) % 2 == 0 { "main" } else { "staging" };
                    let asked = value_in(&runtime, environment);
                    let patience = Duration::from_millis([5, 15, 2_000][call % 3]);
                    if let Ok(value) = tokio::time::timeout(patience, asked).await {
                        assert_eq!(value.unwrap(), environment);
                        answered += 1;
                    }
                }
                answered
            })
        });
        join_all(callers).await.into_iter().map(Result::unwrap).sum::<usize>()
    };
    // A busy machine lets few answers come in time: as many rounds as it takes.
    let (mut asked, mut answered, mut found) = (0, 0, 0);
    for _ in 0..20 {
        asked += CALLERS * CALLS;
        answered += round().await;
        found = world.redis.put_and_found().await.1 - before;
        if answered < asked && found > 10 {
            break;
        }
    }
    println!("{answered} of {asked} answered, {found} found in Redis");
    assert!(answered < asked, "everybody waited");
    assert!(found > 10, "{found}");
}

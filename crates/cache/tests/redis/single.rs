use crate::support::{PATIENT, beside, cache, fresh, name, put, sealed, settings, single, until};
use bytes::Bytes;
use redis::AsyncCommands as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use waxseal_cache::{Redis, RedisSettings, SharedCache as _, ViewKey};

const LARGEST: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn what_one_puts_another_gets() {
    let (one, other) = (cache(&single(), PATIENT), cache(&single(), PATIENT));
    let key = fresh();
    put(&one, &key, &sealed("view")).await;
    until("the other has it", async || other.get(&key).await == Some(sealed("view"))).await;
    for absent in [ViewKey { revision: 2, ..key }, fresh()] {
        assert_eq!(other.get(&absent).await, None);
    }
    let counts = other.counts();
    assert_eq!(counts.hits, 1);
    assert!(counts.misses >= 2);
    assert_eq!((counts.failures, counts.timeouts), (0, 0));
}

#[tokio::test]
async fn the_second_put_changes_nothing() {
    let (one, other) = (cache(&single(), PATIENT), cache(&single(), PATIENT));
    let key = fresh();
    put(&one, &key, &sealed("first")).await;
    until("the second was put", async || {
        other.put(&key, sealed("second")).await;
        other.counts().puts > 0
    })
    .await;
    assert_eq!(one.get(&key).await, Some(sealed("first")));
}

#[tokio::test]
async fn views_expire_at_different_times_around_the_one_asked_for() {
    let ttl = Duration::from_secs(1000);
    let cache = Redis::new(&RedisSettings { ttl, ..settings(&single(), PATIENT) }).unwrap();
    let mut beside = beside(&single()).await;
    let mut left = Vec::new();
    for _ in 0..50 {
        let key = fresh();
        put(&cache, &key, &sealed("view")).await;
        left.push(beside.pttl::<_, i64>(name(&key)).await.unwrap());
    }
    let (least, most) = (*left.iter().min().unwrap(), *left.iter().max().unwrap());
    assert!(least > 800_000 - 30_000 && most <= 1_200_000, "{least} to {most}");
    assert!(most - least > 100_000, "{least} to {most}");
}

#[tokio::test]
async fn views_that_are_too_large_are_neither_put_nor_taken() {
    let cache = cache(&single(), PATIENT);
    let key = fresh();
    put(&cache, &key, &Bytes::from(vec![7; LARGEST])).await;

    let too_large = fresh();
    let skipped = cache.counts().skipped;
    cache.put(&too_large, Bytes::from(vec![7; LARGEST + 1])).await;
    assert_eq!(cache.counts().skipped, skipped + 1);

    let mut beside = beside(&single()).await;
    let absent: bool = beside.exists(name(&too_large)).await.unwrap();
    assert!(!absent);
    let () = beside.set_ex(name(&too_large), vec![7; LARGEST + 1], 60).await.unwrap();
    assert_eq!(cache.get(&too_large).await, None);
    assert!(cache.get(&key).await.is_some(), "the connection goes on");
}

#[tokio::test]
async fn a_name_that_holds_something_else_is_a_miss() {
    let cache = cache(&single(), PATIENT);
    let (good, wrong) = (fresh(), fresh());
    put(&cache, &good, &sealed("view")).await;
    let mut beside = beside(&single()).await;
    let () = beside.rpush(name(&wrong), "item").await.unwrap();
    let () = beside.expire(name(&wrong), 60).await.unwrap();
    assert_eq!(cache.get(&wrong).await, None);
    assert_eq!(cache.counts().failures, 1);
    assert_eq!(cache.get(&good).await, Some(sealed("view")));
}

#[tokio::test]
async fn a_view_that_was_dropped_is_a_miss_and_can_be_put_again() {
    let cache = cache(&single(), PATIENT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;
    let () = beside(&single()).await.del(name(&key)).await.unwrap();
    assert_eq!(cache.get(&key).await, None);
    put(&cache, &key, &sealed("again")).await;
}

/// Replies follow one another on a connection. A call that was given up must not leave its reply
/// to the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_were_given_up_leave_no_reply_to_others() {
    const CALLS: usize = 10_000;
    let cache = Arc::new(cache(&single(), PATIENT));
    let keys: Vec<_> = (0..100).map(|_| fresh()).collect();
    let view = |at: usize| sealed(&format!("view {at}"));
    for (at, key) in keys.iter().enumerate() {
        put(&cache, key, &view(at)).await;
    }
    let mut calls = JoinSet::new();
    for call in 0..CALLS {
        let (cache, at) = (cache.clone(), call % keys.len());
        let key = keys[at];
        calls.spawn(async move {
            // Nine of ten are given up, at different times: before they are sent, or on their way.
            if call % 10 == 0 {
                return Some((at, cache.get(&key).await));
            }
            let patience = Duration::from_micros((call % 97) as u64 * 20);
            tokio::time::timeout(patience, cache.get(&key)).await.ok().map(|reply| (at, reply))
        });
    }
    let (mut given_up, mut right) = (0, 0);
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            Some((at, Some(reply))) => {
                assert_eq!(reply, view(at), "a reply to another call");
                right += 1;
            }
            Some((_, None)) => {}
            None => given_up += 1,
        }
    }
    assert!(given_up > CALLS / 4, "only {given_up} were given up");
    assert!(right > CALLS / 20, "only {right} were answered");
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(cache.get(key).await, Some(view(at)));
    }
}

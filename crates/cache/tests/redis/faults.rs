use crate::proxy::{Mode, Proxy};
use crate::support::{
    PATIENT, SHORT, SHORT_ON_A_BUSY_MACHINE, cache, fresh, nothing_soon, put, sealed, single, until,
};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use waxseal_cache::SharedCache as _;

#[tokio::test]
async fn without_a_server_there_is_nothing_at_once_and_it_is_used_once_it_is_there() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let start = Instant::now();
    let cache = cache(&format!("redis://{address}"), SHORT);
    let key = fresh();
    nothing_soon(&cache, &key).await;
    cache.put(&key, sealed("view")).await;
    assert!(start.elapsed() < SHORT_ON_A_BUSY_MACHINE);
    until("connecting failed three times", async || {
        nothing_soon(&cache, &key).await;
        cache.counts().failures >= 3
    })
    .await;
    let proxy = Proxy::at(address, &single()).await;
    put(&cache, &key, &sealed("view")).await;
    assert!(proxy.gets() > 0);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_alone_and_tried_again() {
    let proxy = Proxy::to(&single()).await;
    let cache = cache(&proxy.url(), SHORT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;

    proxy.set(Mode::Hole);
    let (gets, before) = (proxy.gets(), cache.counts());
    let start = Instant::now();
    for _ in 0..200 {
        nothing_soon(&cache, &key).await;
    }
    let took = start.elapsed();
    // Five in a row, and one more for each second that went by.
    let most = 5 + took.as_secs() + 1;
    let sent = proxy.gets() - gets;
    assert!((1..=most).contains(&sent), "{sent} sent in {took:?}");
    let after = cache.counts();
    assert!((5..=most).contains(&(after.timeouts - before.timeouts)), "{after:?}");
    assert_eq!(after.misses - before.misses, 200);
    assert!(after.skipped - before.skipped >= 200 - most);
    assert!(took < 10 * most as u32 * SHORT, "200 reads took {took:?}");

    proxy.set(Mode::Pass);
    until("it answers again", async || cache.get(&key).await.is_some()).await;
}

#[tokio::test]
async fn slow_answers_are_not_waited_for() {
    let proxy = Proxy::to(&single()).await;
    let cache = cache(&proxy.url(), SHORT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;
    proxy.set(Mode::Slow(Duration::from_millis(1000)));
    let before = cache.counts();
    for _ in 0..20 {
        nothing_soon(&cache, &key).await;
    }
    let after = cache.counts();
    assert!(after.timeouts >= before.timeouts + 5 && after.hits == before.hits, "{after:?}");
    proxy.set(Mode::Pass);
    until("it answers again", async || cache.get(&key).await.is_some()).await;
}

#[tokio::test]
async fn a_connection_that_is_closed_is_made_again() {
    let proxy = Proxy::to(&single()).await;
    let cache = cache(&proxy.url(), PATIENT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;
    proxy.set(Mode::Reset);
    let failures = cache.counts().failures;
    assert_eq!(cache.get(&key).await, None);
    assert_eq!(cache.counts().failures, failures + 1);
    proxy.set(Mode::Pass);
    until("it answers again", async || cache.get(&key).await.is_some()).await;
    let counts = cache.counts();
    assert_eq!((counts.failures, counts.timeouts), (failures + 1, 0), "nobody asked in vain");
}

#[tokio::test]
async fn garbage_for_an_answer_is_a_miss() {
    let proxy = Proxy::to(&single()).await;
    for garbage in [
        "garbage\r\n",
        "$99999999999999999999\r\n",
        "$-7\r\n",
        "*3\r\n:1\r\n:2\r\n:3\r\n",
        ":7\r\n",
        "+OK\r\n",
        "-ERR canary\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let cache = cache(&proxy.url(), SHORT);
        let key = fresh();
        put(&cache, &key, &sealed("view")).await;
        let hits = cache.counts().hits;
        proxy.set(Mode::Answer(garbage));
        nothing_soon(&cache, &key).await;
        assert_eq!(cache.counts().hits, hits, "{garbage:?}");
        proxy.set(Mode::Pass);
        until(garbage, async || cache.get(&key).await == Some(sealed("view"))).await;
    }
}

#[tokio::test]
async fn puts_are_never_waited_for_and_few_are_on_their_way() {
    let proxy = Proxy::to(&single()).await;
    let cache = cache(&proxy.url(), SHORT);
    put(&cache, &fresh(), &sealed("view")).await;
    let settled = async || {
        let counts = cache.counts();
        counts.puts + counts.skipped + counts.timeouts
    };
    sleep(Duration::from_millis(100)).await;
    proxy.set(Mode::Hole);
    let before = settled().await;
    let skipped = cache.counts().skipped;
    let start = Instant::now();
    for _ in 0..100 {
        cache.put(&fresh(), sealed("view")).await;
    }
    assert!(start.elapsed() < SHORT_ON_A_BUSY_MACHINE, "{:?}", start.elapsed());
    assert_eq!(cache.counts().skipped - skipped, 100 - 64);
    until("the others were given up", async || settled().await - before == 100).await;
    proxy.set(Mode::Pass);
    put(&cache, &fresh(), &sealed("view")).await;
}

use crate::server::Server;
use crate::support::{
    PATIENT, SHORT, beside, cache, fresh, nothing_soon, put, sealed, settings, until,
};
use bytes::Bytes;
use waxseal_cache::SharedCache as _;

#[tokio::test]
async fn a_server_that_was_killed_is_used_again_when_it_is_back() {
    let mut server = Server::start(&[]).await;
    let cache = cache(&server.url(), PATIENT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;
    server.kill();
    assert_eq!(cache.get(&key).await, None);
    nothing_soon(&cache, &key).await;
    server.start_again().await;
    put(&cache, &key, &sealed("again")).await;
    assert!(cache.counts().failures > 0);
}

#[tokio::test]
async fn a_server_that_forgets_everything_costs_misses() {
    let server = Server::start(&[]).await;
    let cache = cache(&server.url(), PATIENT);
    let key = fresh();
    put(&cache, &key, &sealed("view")).await;
    let () = redis::cmd("FLUSHALL").query_async(&mut beside(&server.url()).await).await.unwrap();
    let before = cache.counts();
    assert_eq!(cache.get(&key).await, None);
    let after = cache.counts();
    assert_eq!((after.misses, after.failures), (before.misses + 1, before.failures));
    put(&cache, &key, &sealed("again")).await;
}

#[tokio::test]
async fn a_server_that_is_full_takes_no_more_and_answers_what_it_has() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let cache = cache(&server.url(), PATIENT);
    let (key, refused) = (fresh(), fresh());
    put(&cache, &key, &sealed("view")).await;
    let () = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "1"])
        .query_async(&mut beside(&server.url()).await)
        .await
        .unwrap();
    for failures in 1..=10 {
        cache.put(&refused, Bytes::from(vec![7; 1000])).await;
        until("the put was refused", async || cache.counts().failures == failures).await;
    }
    assert_eq!(cache.get(&refused).await, None);
    assert_eq!(cache.get(&key).await, Some(sealed("view")), "the server is not left alone");
}

#[tokio::test]
async fn a_replica_takes_nothing_and_answers_what_it_has() {
    let server = Server::start(&[]).await;
    let cache = cache(&server.url(), PATIENT);
    let (key, refused) = (fresh(), fresh());
    put(&cache, &key, &sealed("view")).await;
    let () = redis::cmd("REPLICAOF")
        .arg(&["127.0.0.1", "1"])
        .query_async(&mut beside(&server.url()).await)
        .await
        .unwrap();
    cache.put(&refused, sealed("view")).await;
    until("the put was refused", async || cache.counts().failures == 1).await;
    assert_eq!(cache.get(&refused).await, None);
    assert_eq!(cache.get(&key).await, Some(sealed("view")));
}

#[tokio::test]
async fn a_wrong_password_costs_misses_and_the_right_one_works() {
    let server = Server::start(&["--requirepass", "right"]).await;
    let wrong = cache(&format!("{}?pass=wrong", server.url()), SHORT);
    until("the password was refused", async || {
        nothing_soon(&wrong, &fresh()).await;
        wrong.counts().failures >= 2
    })
    .await;
    assert_eq!(wrong.counts().timeouts, 0);
    let right = cache(&format!("{}?pass=right", server.url()), PATIENT);
    put(&right, &fresh(), &sealed("view")).await;
}

/// A user who may do nothing but read and write the names of views.
#[tokio::test]
async fn get_and_set_are_all_that_it_takes() {
    let server =
        Server::start(&["--user", "views", "on", ">word", "~wxs:*", "-@all", "+get", "+set"]).await;
    let cache = waxseal_cache::Redis::new(&settings(
        &format!("{}?user=views&pass=word", server.url()),
        PATIENT,
    ))
    .unwrap();
    put(&cache, &fresh(), &sealed("view")).await;
    assert_eq!((cache.counts().failures, cache.counts().timeouts), (0, 0));
}

use super::{Redis, cluster, connect, dump, shared};
use std::time::Duration;
use tokio::time::timeout;

async fn pong(url: &str) -> String {
    redis::cmd("PING").query_async(&mut connect(url).await).await.unwrap()
}

#[tokio::test]
async fn the_shared_server_and_each_node_of_the_cluster_answer() {
    let nodes = cluster();
    assert_eq!(nodes.len(), 3);
    for url in nodes.iter().chain([&shared()]) {
        assert_eq!(pong(url).await, "PONG", "{url}");
    }
    let client = redis::cluster::ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    // Keys of every master.
    for n in 0..20 {
        let key = format!("test:{}:{n}", uuid::Uuid::new_v4());
        let set = redis::cmd("SET").arg(&key).arg(n).arg("EX").arg(60).to_owned();
        set.exec_async(&mut connection).await.unwrap();
        let got: i32 = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
        assert_eq!(got, n);
    }
}

#[tokio::test]
async fn a_dump_holds_every_key_of_every_type() {
    let redis = Redis::start().await;
    assert!(redis.dump().await.is_empty());
    redis.set(b"text\xff", b"value\x00").await;
    let mut connection = connect(&redis.url()).await;
    let push = redis::cmd("RPUSH").arg("list").arg("element").to_owned();
    push.exec_async(&mut connection).await.unwrap();
    let dumped = dump(&redis.url()).await;
    assert_eq!(dumped.len(), 2);
    assert_eq!(dumped[&b"text\xff"[..]], b"value\x00");
    let list = &dumped[&b"list"[..]];
    assert!(list.windows(7).any(|window| window == b"element"));
    redis.flush().await;
    assert!(redis.dump().await.is_empty());
}

#[tokio::test]
async fn a_server_of_a_tests_own_is_killed_paused_and_comes_back() {
    let mut redis = Redis::start().await;
    redis.set(b"key", b"value").await;
    let url = redis.url();
    redis.pause();
    let client = redis::Client::open(&*url).unwrap();
    let quiet =
        timeout(Duration::from_millis(200), client.get_multiplexed_async_connection()).await;
    assert!(!matches!(quiet, Ok(Ok(_))));
    redis.resume();
    assert_eq!(pong(&url).await, "PONG");
    redis.kill();
    assert!(client.get_multiplexed_async_connection().await.is_err());
    redis.restart().await;
    assert_eq!(redis.url(), url);
    assert!(redis.dump().await.is_empty());
}

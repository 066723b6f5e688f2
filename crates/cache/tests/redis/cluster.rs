use crate::support::{PATIENT, beside, cluster, fresh, name, put, sealed};
use std::time::Duration;
use waxseal_cache::{Redis, RedisSettings, SharedCache as _, ViewKey};

fn cache(urls: Vec<String>) -> Redis {
    let budget = PATIENT;
    Redis::new(&RedisSettings { cluster: true, budget, ..RedisSettings::new(urls) }).unwrap()
}

#[tokio::test]
async fn views_of_one_project_are_spread_and_found() {
    let one = cache(cluster());
    let project = fresh();
    let keys: Vec<_> = (0..30).map(|revision| ViewKey { revision, ..project }).collect();
    for key in &keys {
        put(&one, key, &sealed(&name(key))).await;
    }
    // One node is enough to find the others.
    let other = cache(cluster().into_iter().take(1).collect());
    put(&other, &keys[0], &sealed(&name(&keys[0]))).await;
    for key in &keys {
        assert_eq!(other.get(key).await, Some(sealed(&name(key))));
    }
    let prefix = name(&project).rsplit_once(':').unwrap().0.to_owned();
    let mut held = Vec::new();
    for url in cluster() {
        let mut node = beside(&url).await;
        let names: Vec<String> =
            redis::cmd("KEYS").arg(format!("{prefix}:*")).query_async(&mut node).await.unwrap();
        held.push(names.len());
    }
    assert_eq!(held.iter().sum::<usize>(), keys.len());
    assert!(held.iter().all(|held| *held > 0), "spread as {held:?}");
}

#[tokio::test]
async fn the_second_put_changes_nothing() {
    let cache = cache(cluster());
    let key = fresh();
    put(&cache, &key, &sealed("first")).await;
    let puts = cache.counts().puts;
    cache.put(&key, sealed("second")).await;
    crate::support::until("the second was put", async || cache.counts().puts > puts).await;
    assert_eq!(cache.get(&key).await, Some(sealed("first")));
}

#[tokio::test]
async fn a_server_that_is_no_cluster_is_left_alone() {
    let url = crate::support::single();
    let settings = RedisSettings::new(vec![url.clone(), url]);
    let cache = Redis::new(&settings).unwrap();
    crate::support::until("connecting failed", async || {
        crate::support::nothing_soon(&cache, &fresh()).await;
        cache.counts().failures > 0
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(cache.counts().hits, 0);
}

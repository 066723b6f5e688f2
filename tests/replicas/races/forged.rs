//! A Redis that somebody else writes to.

use super::super::children::{Child, logging, serve};
use super::super::{SOON, World};
use super::cache::{value_in, views};
use crate::support::{Client, override_slot};
use std::collections::BTreeMap;
use std::time::Instant;
use waxseal_proto::v1::Stage;

const ENVIRONMENTS: [&str; 2] = ["main", "staging"];

type Views = BTreeMap<Vec<u8>, Vec<u8>>;

/// Two views of other content, and both of them in Redis.
async fn two_views() -> (World, Views) {
    // Without views in memory, every call asks Redis.
    let world = World::configured(2, |config| config.view_cache = 0).await;
    world.make_demo().await;
    for environment in ENVIRONMENTS {
        let slot = override_slot(environment, Stage::Live);
        world.admin(0).set("demo", "KEY", slot, environment).await.unwrap();
        assert_eq!(value_in(world.runtime(0), environment).await.unwrap(), environment);
    }
    let views = views(&world.redis, ENVIRONMENTS.len()).await;
    (world, views)
}

/// Returns once a view has come from Redis: the connection is made when it is needed first, and
/// nobody waits for that.
async fn comes_from_redis(world: &World, runtime: &Client) {
    let (_, before) = world.redis.put_and_found().await;
    let begun = Instant::now();
    while world.redis.put_and_found().await.1 == before {
        assert_eq!(value_in(runtime, "main").await.unwrap(), "main");
        assert!(begun.elapsed() < SOON, "nothing comes from Redis");
    }
}

/// What one who may write to Redis makes of a view, given its own bytes and those of the other.
type Forgery = fn(own: &[u8], other: &[u8]) -> Vec<u8>;

const FORGERIES: [(&str, Forgery); 6] = [
    ("the other view", |_, other| other.to_vec()),
    ("its first bit flipped", |own, _| flipped(own, 0)),
    ("a bit in the middle flipped", |own, _| flipped(own, own.len() / 2)),
    ("its last bit flipped", |own, _| flipped(own, own.len() - 1)),
    ("cut short", |own, _| own[..own.len() - 1].to_vec()),
    ("not one byte", |_, _| Vec::new()),
];

fn flipped(bytes: &[u8], place: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[place] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_views_are_noticed_told_of_and_not_answered() {
    let (world, genuine) = two_views().await;
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = logging(serve(&world.replicas.production.engines()), log.path());
    command.env("WAXSEAL_VIEW_CACHE", "0");
    let child = Child::start(command, &world.tokens).await;
    let told = || {
        let log = std::fs::read_to_string(log.path()).unwrap();
        assert!(ENVIRONMENTS.iter().all(|value| !log.contains(&format!("\"{value}\""))));
        log.matches("a view in the shared cache does not open").count()
    };
    comes_from_redis(&world, &child.callers.runtime).await;
    assert_eq!(told(), 0, "genuine ones open");

    let others: Vec<_> = genuine.values().rev().collect();
    let mut forged = 0;
    for (what, forge) in FORGERIES {
        for ((key, own), other) in genuine.iter().zip(&others) {
            world.redis.set(key, &forge(own, other)).await;
        }
        for environment in ENVIRONMENTS {
            let begun = Instant::now();
            // On a busy machine Redis may not be waited for.
            while told() == forged {
                let value = value_in(&child.callers.runtime, environment).await.unwrap();
                assert_eq!(value, environment, "{what}");
                assert!(begun.elapsed() < SOON, "nobody is told of {what}");
            }
            forged += 1;
            assert_eq!(told(), forged, "{what}");
        }
    }
    for (key, own) in &genuine {
        world.redis.set(key, own).await;
    }
    assert_eq!(value_in(&child.callers.runtime, "main").await.unwrap(), "main");
    assert_eq!(told(), forged, "genuine ones open again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_another_schema_are_not_looked_at() {
    let (world, genuine) = two_views().await;
    let schema = |key: &[u8], change: fn(u32) -> u32| {
        let key = String::from_utf8(key.to_vec()).unwrap();
        let (schema, rest) = key.strip_prefix("wxs:v").unwrap().split_once(':').unwrap();
        format!("wxs:v{}:{rest}", change(schema.parse().unwrap())).into_bytes()
    };
    comes_from_redis(&world, world.runtime(1)).await;
    world.redis.flush().await;
    for (key, own) in &genuine {
        for change in [|schema| schema + 1, |schema| schema - 1] {
            world.redis.set(&schema(key, change), own).await;
        }
    }
    let (_, before) = world.redis.put_and_found().await;
    for environment in ENVIRONMENTS {
        assert_eq!(value_in(world.runtime(1), environment).await.unwrap(), environment);
    }
    let (_, found) = world.redis.put_and_found().await;
    assert_eq!(found, before, "there is nothing of this schema");
}

//! A Redis Cluster that loses a node: nobody who calls is told, and views are shared again once its
//! slots are served again, by itself or by another.

use crate::support::production::Production;
use crate::support::redis::Cluster;
use crate::support::server::{Server, Setup};
use crate::support::{Client, client::values, default_slot};
use std::time::{Duration, Instant};
use waxseal_proto::v1::{Stage, Visibility};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two servers on a cluster.
struct World {
    cluster: Cluster,
    admin: Client,
    /// A caller of each server.
    readers: [Client; 2],
    /// The number that was set last.
    last: u32,
    _servers: [Server; 2],
    _production: Production,
}

impl World {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let production = Production::with_redis(cluster.urls()).await;
        let setup = Setup::sqlite();
        let first = setup.beside(production.engines()).start().await;
        let second = setup.beside(production.engines()).start().await;
        first.make_demo().await;
        let admin = first.admin().await;
        admin.create_secret("demo", "KEY", Visibility::Masked, Some("0")).await.unwrap();
        let readers = [first.runtime().await, second.runtime().await];
        let _servers = [first, second];
        Self { cluster, admin, readers, last: 0, _servers, _production: production }
    }

    /// Changes the value, which makes a view that nobody knows, under a name of any slot; both
    /// servers answer it.
    async fn change(&mut self) {
        self.last += 1;
        let value = self.last.to_string();
        self.admin.set("demo", "KEY", default_slot(), &value).await.unwrap();
        for reader in &self.readers {
            let view = reader.resolve("demo", "main", Stage::Live).await.unwrap();
            let [(_, read, ..)] = &*values(&view.secrets) else { panic!("one secret") };
            assert_eq!(*read, value);
        }
    }

    /// What was put on each of these nodes and found there, so far.
    async fn used(&self, nodes: std::ops::Range<usize>) -> Vec<(u64, u64)> {
        let mut used = Vec::new();
        for node in &self.cluster.nodes[nodes] {
            used.push(node.put_and_found().await);
        }
        used
    }

    /// Goes on with changes until on every one of these nodes views were put and found anew.
    async fn shares_on(&mut self, nodes: std::ops::Range<usize>) {
        let (begun, before) = (Instant::now(), self.used(nodes.clone()).await);
        loop {
            self.change().await;
            let now = self.used(nodes.clone()).await;
            if now.iter().zip(&before).all(|(now, before)| now.0 > before.0 && now.1 > before.1) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "views are not shared: {before:?}, {now:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_lost_costs_nobody_an_answer_and_is_used_again_once_it_is_back() {
    let mut world = World::start().await;
    world.shares_on(0..3).await;
    world.cluster.nodes[0].kill();
    for _ in 0..10 {
        world.change().await;
    }
    // From now on the others refuse every command.
    world.cluster.first_is_missed().await;
    for _ in 0..10 {
        world.change().await;
    }
    world.cluster.nodes[0].restart().await;
    world.cluster.all_are("ok").await;
    world.shares_on(0..3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_moved_away_from_a_lost_node_are_used_where_they_are() {
    let mut world = World::start().await;
    world.shares_on(0..3).await;
    world.cluster.nodes[0].kill();
    world.cluster.first_is_missed().await;
    world.change().await;
    world.cluster.give_slots_of_first().await;
    world.shares_on(1..3).await;
    // Wherever the names of the next ten belong, they are put: none waits for the lost node.
    let sum = async |world: &World| -> u64 { world.used(1..3).await.iter().map(|one| one.0).sum() };
    let begun = Instant::now();
    loop {
        let before = sum(&world).await;
        for _ in 0..10 {
            world.change().await;
        }
        // Nobody waits for a view to be put; it is, or not, within a second.
        let put = async {
            while sum(&world).await < before + 10 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(2), put).await.is_ok() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "some views are still put nowhere");
    }
}

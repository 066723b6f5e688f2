//! A Redis Cluster of a test's own, whose nodes it can kill.

use super::{Redis, connect, free};
use std::time::{Duration, Instant};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The slots of each node.
const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// Three masters, each of a third of the slots.
pub struct Cluster {
    pub nodes: Vec<Redis>,
}

impl Cluster {
    pub async fn start() -> Self {
        let mut nodes = Vec::new();
        let settings = || {
            let bus = free().to_string();
            // How long a node is silent until the others take it for dead, in milliseconds.
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus]
                .map(str::to_owned)
                .to_vec()
        };
        for _ in SLOTS {
            nodes.push(Redis::start_with(settings).await);
        }
        let cluster = Self { nodes };
        for (node, (from, to)) in cluster.nodes.iter().zip(SLOTS) {
            ask(node, &["ADDSLOTSRANGE", &from.to_string(), &to.to_string()]).await;
            for other in &cluster.nodes {
                let (port, bus) = (other.port.to_string(), other.settings.last().unwrap());
                ask(node, &["MEET", "127.0.0.1", &port, bus]).await;
            }
        }
        cluster.all_are("ok").await;
        cluster
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Waits until every node says so of the cluster: `ok`, or `fail`.
    pub async fn all_are(&self, state: &str) {
        for node in &self.nodes {
            is(node, state).await;
        }
    }

    /// Waits until the nodes other than the first, which was killed, notice that.
    pub async fn first_is_missed(&self) {
        for node in &self.nodes[1..] {
            is(node, "fail").await;
        }
    }

    /// Gives the slots of the first node, which was killed, to the second.
    pub async fn give_slots_of_first(&self) {
        let (from, to) = (SLOTS[0].0.to_string(), SLOTS[0].1.to_string());
        for node in &self.nodes[1..] {
            ask(node, &["DELSLOTSRANGE", &from, &to]).await;
        }
        ask(&self.nodes[1], &["ADDSLOTSRANGE", &from, &to]).await;
        for node in &self.nodes[1..] {
            is(node, "ok").await;
        }
    }
}

async fn ask(node: &Redis, what: &[&str]) -> String {
    let mut connection = connect(&node.url()).await;
    redis::cmd("CLUSTER").arg(what).query_async(&mut connection).await.unwrap()
}

/// Waits until a node, which knows all slots or lacks some, is in this state.
async fn is(node: &Redis, state: &str) {
    let (begun, said) = (Instant::now(), format!("cluster_state:{state}\r\n"));
    loop {
        let info = ask(node, &["INFO"]).await;
        if info.contains(&said) && info.contains("cluster_known_nodes:3\r\n") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {said}: {info}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! Several servers of one deployment: they share PostgreSQL, Redis and the key, each by links of
//! its own that a test can spoil.

use super::kms;
use super::production::Production;
use super::proxy::{Fault, Proxy};
use super::server::{Server, Setup};
use std::ops::Index;
use waxseal_server::Config;

/// One of the servers.
pub struct Replica {
    pub server: Server,
    pub postgres: Proxy,
    pub redis: Proxy,
    pub kms: Proxy,
}

/// All of them, and what they run on.
pub struct Replicas {
    // Dropped in this order: the database goes when nobody needs it any more.
    each: Vec<Replica>,
    pub production: Production,
}

impl Replicas {
    /// So many servers on these engines, of which Redis is a single one, configured by `change`.
    pub async fn start(production: Production, count: usize, change: impl Fn(&mut Config)) -> Self {
        let shared = Setup::sqlite();
        let mut each = Vec::new();
        for _ in 0..count {
            each.push(Replica::start(&production, &shared, &change).await);
        }
        Self { each, production }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Replica> {
        self.each.iter()
    }

    /// Takes the last one away, to stop it.
    pub fn pop(&mut self) -> Replica {
        self.each.pop().unwrap()
    }
}

impl Index<usize> for Replicas {
    type Output = Replica;

    fn index(&self, index: usize) -> &Replica {
        &self.each[index]
    }
}

impl Replica {
    async fn start(production: &Production, shared: &Setup, change: impl Fn(&mut Config)) -> Self {
        let database = production.database.url();
        let [redis_url] = &*production.redis else { panic!("one Redis for {database}") };
        let endpoint = kms::endpoint();
        let postgres = Proxy::before(database).await;
        let redis = Proxy::before(redis_url).await;
        let kms = Proxy::before(&endpoint).await;
        let engines = production.reached_through(
            &postgres.within(database),
            &[redis.within(redis_url)],
            &kms.within(&endpoint),
        );
        let mut setup = shared.beside(engines);
        change(&mut setup.config);
        Self { server: setup.start().await, postgres, redis, kms }
    }

    /// Ends every fault.
    pub fn heal(&self) {
        for proxy in [&self.postgres, &self.redis, &self.kms] {
            proxy.set(Fault::Pass);
        }
    }
}

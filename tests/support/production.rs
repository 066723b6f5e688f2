//! The engines of a production deployment, a test's own of each: a PostgreSQL database, Redis, and
//! a key of the key management service.

use super::postgres::Database;
use super::{kms, redis};
use waxseal_server::config::Engines;

/// Whether the tests that could run on any engines are to run on these: `TEST_ENGINES=production`.
pub fn is_wanted() -> bool {
    match std::env::var("TEST_ENGINES").as_deref() {
        Ok("production") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("TEST_ENGINES is {other}, and neither sqlite nor production"),
    }
}

/// Where the engines are.
pub struct Production {
    pub database: Database,
    /// URLs of Redis: one, or the nodes of a cluster.
    pub redis: Vec<String>,
    /// The ARN of the key.
    pub key: String,
}

impl Production {
    /// An empty database and a new key, and the Redis that the tests share.
    pub async fn create() -> Self {
        Self::with_redis(vec![redis::shared()]).await
    }

    pub async fn with_redis(redis: Vec<String>) -> Self {
        Self { database: Database::create().await, redis, key: kms::create_key().await }
    }

    /// The configuration of a server that reaches them directly.
    pub fn engines(&self) -> Engines {
        self.reached_through(self.database.url(), &self.redis, &kms::endpoint())
    }

    /// The configuration of a server that reaches them at these addresses.
    pub fn reached_through(&self, database: &str, redis: &[String], kms: &str) -> Engines {
        Engines {
            database_url: Some(database.parse().unwrap()),
            // Many servers run at once, on one PostgreSQL.
            database_connections: 8,
            redis_url: redis.iter().map(|url| url.parse().unwrap()).collect(),
            kms_key: Some(self.key.clone()),
            kms_endpoint: Some(kms.to_owned()),
            ..Engines::default()
        }
    }
}

//! The PostgreSQL store against a real server.

#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::unwrap_used, reason = "tests")]

#[path = "postgres/faults.rs"]
mod faults;
#[path = "first/held.rs"]
mod first;
#[path = "postgres/heads.rs"]
mod heads;
#[path = "postgres/identity.rs"]
mod identity;
#[path = "postgres/order.rs"]
mod order;
#[path = "postgres/proxy.rs"]
mod proxy;
#[path = "postgres/schema.rs"]
mod schema;
#[path = "postgres/support.rs"]
mod support;
#[path = "postgres/tls.rs"]
mod tls;

use std::sync::Arc;
use support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_contract() {
    let database = Database::new().await;
    waxseal_storage::contract::contract(Arc::new(database.open().await)).await;
}

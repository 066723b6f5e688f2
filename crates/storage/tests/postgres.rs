//! The PostgreSQL store against a real server.

#[path = "postgres/faults.rs"]
mod faults;
#[path = "postgres/heads.rs"]
mod heads;
#[path = "postgres/identity.rs"]
mod identity;
#[path = "postgres/schema.rs"]
mod schema;
#[path = "postgres/support.rs"]
mod support;

use std::sync::Arc;
use support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_contract() {
    let database = Database::new().await;
    waxseal_storage::contract::contract(Arc::new(database.open().await)).await;
}

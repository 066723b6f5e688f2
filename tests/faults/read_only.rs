//! A database that takes no changes: after a failover, or because an operator says so. It may be a
//! standby, which lags behind, so that nothing is read there either; and nobody is told that this
//! server serves.

use super::life::Health;
use super::{AT_ONCE, RECOVERY, SLACK};
use crate::support::postgres::{self, Database};
use crate::support::production::Production;
use crate::support::replicas::Replicas;
use crate::support::{default_slot, refused};
use std::time::{Duration, Instant};
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use waxseal_proto::v1::{Stage, Visibility};

/// What new sessions may do. Those that stand keep what they have.
async fn takes_changes(database: &Database, changes: bool) {
    let name = database.name();
    let setting = if changes { "off" } else { "on" };
    let alter = format!("ALTER DATABASE {name} SET default_transaction_read_only = {setting}");
    postgres::server().await.batch_execute(&alter).await.unwrap();
}

/// Ends the sessions that stand.
async fn end_sessions(database: &Database) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.sql(end).await;
}

#[tokio::test]
async fn nothing_is_changed_or_read_until_it_takes_changes_again() {
    let replicas = Replicas::start(Production::create().await, 1, |_| {}).await;
    let (server, database) = (&replicas[0].server, &replicas.production.database);
    server.make_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let runtime = server.runtime().await;
    builder.create_secret("demo", "key", Visibility::Masked, Some("value")).await.unwrap();
    let mut health = Health::of(&replicas[0]).await;

    takes_changes(database, false).await;
    end_sessions(database).await;
    health.becomes(ServingStatus::NotServing, RECOVERY).await;
    let gone = (Code::Unavailable, "STORAGE_UNAVAILABLE");
    for _ in 0..5 {
        let begin = Instant::now();
        refused(builder.set("demo", "key", default_slot(), "never").await).is(gone.0, gone.1);
        refused(admin.create_environment("demo", "never").await).is(gone.0, gone.1);
        refused(builder.reveal("demo", "key", default_slot()).await).is(gone.0, gone.1);
        refused(runtime.resolve("demo", "main", Stage::Live).await).is(gone.0, gone.1);
        assert!(begin.elapsed() < 4 * AT_ONCE + SLACK, "four calls take {:?}", begin.elapsed());
    }

    takes_changes(database, true).await;
    let healed = Instant::now();
    while let Err(status) = builder.set("demo", "key", default_slot(), "again").await {
        assert!(healed.elapsed() < RECOVERY, "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("well after {:?}", healed.elapsed());
    let revealed = builder.reveal("demo", "key", default_slot()).await.unwrap();
    assert_eq!(revealed.version, 2, "no change was made meanwhile");
    runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    health.becomes(ServingStatus::Serving, RECOVERY + SLACK).await;
}

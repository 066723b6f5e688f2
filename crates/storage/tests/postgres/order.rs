//! Several statements in one round trip are carried out in the order in which they stand.

use crate::support::{Database, add, id, project, until};
use std::time::Duration;
use waxseal_storage::{Postgres, Store};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_under_a_lock_is_read_after_it_though_the_lock_is_asked_for_the_first_time() {
    let database = Database::new().await;
    drop(database.made().await);
    let mut settings = database.settings();
    settings.max_connections = 1;
    let store = Postgres::open(settings).await.unwrap();
    add(&store, &project(1, "ordered")).await;
    let beside = database.beside().await;
    beside
        .batch_execute(
            "INSERT INTO environment
             SELECT '\\x02020202020202020202020202020202', uid, 'main', 'old', 1, 0, 1, 1, 1,
                    1, catalogue, 1, catalogue
             FROM project",
        )
        .await
        .unwrap();
    // The connection knows the statement that reads environments, and not the one that locks.
    let mut snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.project_and_environments(&id("ordered")).await.unwrap().is_some());
    drop(snapshot);

    let change = "BEGIN; SELECT 1 FROM project FOR UPDATE;
                  UPDATE environment SET display_name = 'new'";
    beside.batch_execute(change).await.unwrap();
    let reading = tokio::spawn(async move {
        let mut tx = store.begin("test").await.unwrap();
        tx.project_and_environments(&id("ordered")).await.unwrap().unwrap().1
    });
    until("it waits for the lock", Duration::from_secs(15), async || {
        let waiting = "SELECT 1 FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        !database.beside().await.query(waiting, &[]).await.unwrap().is_empty()
    })
    .await;
    beside.batch_execute("COMMIT").await.unwrap();
    let environments = reading.await.unwrap();
    assert_eq!(environments[0].environment.settings.display_name, "new");
}

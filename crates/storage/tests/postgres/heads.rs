//! Heads, as several servers on one database see them.

use crate::support::{Database, add, id, project, raise, until};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use waxseal_storage::Store;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_head_asked_for_after_a_commit_shows_it_on_every_server() {
    let database = Database::new().await;
    let (a, b) = (database.made().await, Arc::new(database.open().await));
    add(&a, &project(1, "shared")).await;
    let noise = {
        // Others ask all the time, so that there is always a question under way to join wrongly.
        let b = b.clone();
        tokio::spawn(async move {
            loop {
                b.head(&id("shared")).await.unwrap();
            }
        })
    };
    for _ in 0..2000 {
        let revision = raise(&a, &id("shared")).await;
        let head = b.head(&id("shared")).await.unwrap().unwrap();
        assert!(head.revision >= revision, "{} is older than {revision}", head.revision);
    }
    noise.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_on_another_server_is_told_within_a_second() {
    let database = Database::new().await;
    let (a, b) = (database.made().await, database.open().await);
    add(&a, &project(1, "followed")).await;
    add(&a, &project(2, "other")).await;
    let mut following = b.follow(&id("followed"));
    // What moved a moment ago may still be told.
    drop(timeout(SECOND / 4, following.moved()).await);
    for _ in 0..10 {
        raise(&a, &id("other")).await;
        let told = timeout(SECOND / 5, following.moved()).await;
        assert!(told.is_err(), "not for another project");
        raise(&a, &id("followed")).await;
        timeout(SECOND, following.moved()).await.expect("told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_began_early_and_commits_late_is_not_missed() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "late")).await;
    add(&store, &project(2, "early")).await;
    assert_eq!(store.head(&id("late")).await.unwrap().unwrap().revision, 1);
    let beside = database.beside().await;
    beside
        .batch_execute(
            "BEGIN;
             UPDATE project SET revision = 2, last_xid = pg_current_xact_id() WHERE id = 'late'",
        )
        .await
        .unwrap();
    // Later transactions commit and are polled meanwhile.
    for _ in 0..10 {
        raise(&store, &id("early")).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let age = Duration::from_millis(500);
    let recent = async || store.recent_head(&id("late"), age).await.unwrap().unwrap().revision;
    assert_eq!(recent().await, 1);
    let mut following = store.follow(&id("late"));
    assert!(timeout(SECOND / 4, following.moved()).await.is_err());
    beside.batch_execute("COMMIT").await.unwrap();
    timeout(SECOND, following.moved()).await.expect("told");
    assert_eq!(recent().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recent_head_is_answered_here_and_never_older_than_asked() {
    let database = Database::new().await;
    let (a, b) = (database.made().await, database.open().await);
    add(&a, &project(1, "recent")).await;
    b.head(&id("recent")).await.unwrap();
    let age = Duration::from_millis(300);
    // Followed by polls, it is answered here long after the question for it.
    let asked = async || {
        let sql = "SELECT max(query_start)::text FROM pg_stat_activity
                   WHERE datname = current_database() AND query LIKE '-- heads()%'";
        database.beside().await.query_one(sql, &[]).await.unwrap().get::<_, String>(0)
    };
    let before = asked().await;
    for _ in 0..60 {
        b.recent_head(&id("recent"), 2 * SECOND).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(asked().await, before, "the database was not asked");
    for _ in 0..20 {
        let revision = raise(&a, &id("recent")).await;
        tokio::time::sleep(age).await;
        let head = b.recent_head(&id("recent"), age).await.unwrap().unwrap();
        assert_eq!(head.revision, revision);
    }
    let fresh = b.recent_head(&id("recent"), Duration::ZERO).await.unwrap();
    assert!(fresh.is_some());
    assert_ne!(asked().await, before, "for none that is older than now, it is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_while_the_feed_was_away() {
    let database = Database::new().await;
    let (a, b) = (database.made().await, database.open().await);
    add(&a, &project(1, "away")).await;
    b.head(&id("away")).await.unwrap();
    for _ in 0..5 {
        let mut following = b.follow(&id("away"));
        database.terminate().await;
        let revision = raise(&a, &id("away")).await;
        timeout(2 * SECOND, following.moved()).await.expect("told");
        until("it is followed again", 5 * SECOND, async || {
            let head = b.recent_head(&id("away"), Duration::from_millis(200)).await;
            head.is_ok_and(|head| head.is_some_and(|head| head.revision == revision))
        })
        .await;
    }
}

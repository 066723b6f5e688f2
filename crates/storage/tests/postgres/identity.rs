//! A database that is another than before, or an older one.

use crate::support::{Database, INCARNATION, add, id, project, raise, until};
use std::time::Duration;
use waxseal_domain::uid::Incarnation;
use waxseal_storage::{Error, Postgres, Store};

async fn incarnation(store: &Postgres) -> Incarnation {
    store.snapshot().await.unwrap().meta().await.unwrap().unwrap().incarnation
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_is_kept_with_the_first_row() {
    let database = Database::new().await;
    let _store = database.made().await;
    let same = "SELECT s.system_identifier = c.system_identifier::text AND s.timeline ~ '^0{7}'
                FROM store s, pg_control_system() c";
    let row = database.beside().await.query_one(same, &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_an_identity_takes_over_the_present_one() {
    let database = Database::new().await;
    drop(database.made().await);
    let beside = database.beside().await;
    let unknown = "UPDATE store SET system_identifier = NULL, timeline = NULL";
    beside.batch_execute(unknown).await.unwrap();
    let store = database.open().await;
    assert_eq!(incarnation(&store).await, INCARNATION, "no new life for that");
    let known = "SELECT system_identifier IS NOT NULL AND timeline IS NOT NULL FROM store";
    assert!(beside.query_one(known, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_or_timeline_begins_a_new_life() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "life")).await;
    let beside = database.beside().await;
    let mut before = store.head(&id("life")).await.unwrap().unwrap();
    for other in ["system_identifier = '7'", "timeline = '7'"] {
        let mut following = store.follow(&id("life"));
        beside.batch_execute(&format!("UPDATE store SET {other}")).await.unwrap();
        database.terminate().await;
        let after = store.head(&id("life")).await.unwrap().unwrap();
        assert_ne!(after.incarnation, before.incarnation, "{other}");
        assert_eq!(after.revision, before.revision);
        assert_eq!(incarnation(&store).await, after.incarnation);
        let told = tokio::time::timeout(Duration::from_secs(2), following.moved()).await;
        told.expect("everybody is told");
        before = after;
    }
    // And once only: the row holds the present identity again.
    database.terminate().await;
    assert_eq!(store.head(&id("life")).await.unwrap().unwrap(), before);
    assert_eq!(raise(&store, &id("life")).await, 2);
}

async fn is_stopped(store: &Postgres) -> bool {
    let rolled_back = |error: Option<Error>| matches!(error, Some(Error::RolledBack { .. }));
    rolled_back(store.head(&id("back")).await.err())
        && rolled_back(store.recent_head(&id("back"), Duration::MAX).await.err())
        && rolled_back(store.snapshot().await.err())
        && rolled_back(store.begin("test").await.err())
        && rolled_back(store.check().await.err())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_went_back_stops_the_store() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "back")).await;
    raise(&store, &id("back")).await;
    assert_eq!(store.head(&id("back")).await.unwrap().unwrap().revision, 2);
    let beside = database.beside().await;
    beside.batch_execute("UPDATE project SET revision = 1").await.unwrap();
    let error = store.head(&id("back")).await.unwrap_err();
    assert!(matches!(error, Error::RolledBack { .. }), "{error:?}");
    assert!(error.to_string().contains("WAXSEAL_ADOPT_RESTORED=true"), "{error}");
    assert!(is_stopped(&store).await);
    drop(store);

    // A server that has seen nothing goes on; one that is told to adopt takes a new incarnation.
    assert_eq!(incarnation(&database.open().await).await, INCARNATION);
    let mut settings = database.settings();
    settings.adopt = true;
    let adopted = Postgres::open(settings).await.unwrap();
    assert_ne!(incarnation(&adopted).await, INCARNATION);
    assert_eq!(adopted.head(&id("back")).await.unwrap().unwrap().revision, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster_with_an_older_state_stops_the_store_instead() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "back")).await;
    raise(&store, &id("back")).await;
    assert_eq!(store.head(&id("back")).await.unwrap().unwrap().revision, 2);
    let beside = database.beside().await;
    let restore = "UPDATE project SET revision = 1; UPDATE store SET system_identifier = '7'";
    beside.batch_execute(restore).await.unwrap();
    database.terminate().await;
    until("it is stopped", Duration::from_secs(5), async || is_stopped(&store).await).await;
    let row = beside.query_one("SELECT incarnation FROM store", &[]).await.unwrap();
    assert_eq!(row.get::<_, &[u8]>(0), INCARNATION.bytes(), "no new life was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_ask_for_the_identity_goes_without() {
    let database = Database::new().await;
    drop(database.made().await);
    let role = format!("{}_user", database.name());
    let beside = database.beside().await;
    let grant = format!(
        "CREATE ROLE {role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public;
         UPDATE store SET system_identifier = '7'"
    );
    beside.batch_execute(&grant).await.unwrap();
    let mut settings = database.settings();
    let (scheme, rest) = settings.url.split_once("://").unwrap();
    let (_, host) = rest.split_once('@').unwrap();
    settings.url = format!("{scheme}://{role}@{host}");
    let store = Postgres::open(settings).await.unwrap();
    assert_eq!(incarnation(&store).await, INCARNATION);
    drop(store);
    beside.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

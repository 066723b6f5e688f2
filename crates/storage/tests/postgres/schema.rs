//! The schema, how it comes about, and what does not read.

use crate::first;
use crate::support::{Database, add, id, make, project, until};
use std::sync::Arc;
use std::time::Duration;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::EnvironmentId;
use waxseal_storage::{Error, Postgres, Store};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_alone_is_so_on_every_connection() {
    let database = Database::new().await;
    let store = database.made().await;
    let alone = async || Postgres::attach_alone(database.settings()).await;
    let refused = |opened: waxseal_storage::Result<Postgres>| {
        assert!(matches!(opened.err(), Some(Error::Unavailable { .. })));
    };
    refused(alone().await);
    // What is beside the servers may stay.
    let _beside = Postgres::attach(database.settings()).await.unwrap();
    drop(store);
    let mut patient = None;
    until("it is alone", Duration::from_secs(20), async || {
        patient = alone().await.ok();
        patient.is_some()
    })
    .await;
    let lone = patient.unwrap();
    assert!(lone.snapshot().await.unwrap().meta().await.unwrap().is_some());
    let mut settings = database.settings();
    settings.lock_timeout = Duration::from_millis(100);
    refused(Postgres::open(settings).await);
    refused(alone().await);
    drop(lone);
    drop(database.open().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_the_same_time_migrate_once() {
    let database = Arc::new(Database::new().await);
    let open = |database: Arc<Database>| async move { Postgres::open(database.settings()).await };
    let opening: Vec<_> = (0..4).map(|_| tokio::spawn(open(database.clone()))).collect();
    let mut stores = Vec::new();
    for opened in opening {
        stores.push(opened.await.unwrap().unwrap());
    }
    make(&stores[0]).await;
    for store in &stores {
        assert!(store.snapshot().await.unwrap().meta().await.unwrap().is_some());
    }
    let beside = database.beside().await;
    let sql = "SELECT version FROM schema_migration ORDER BY version";
    let rows = beside.query(sql, &[]).await.unwrap();
    let versions: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
    let each_once: Vec<i32> = (1..).take(versions.len()).collect();
    assert!(!versions.is_empty() && versions == each_once, "{versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_opened_and_attached_to_only_at_a_version_that_fits() {
    let database = Database::new().await;
    assert!(matches!(Postgres::attach(database.settings()).await, Err(Error::TooOld { .. })));
    let store = database.made().await;
    let attached = Postgres::attach(database.settings()).await.unwrap();
    add(&attached, &project(1, "attached")).await;
    assert!(store.head(&id("attached")).await.unwrap().is_some());

    let beside = database.beside().await;
    beside.batch_execute("INSERT INTO schema_migration (version) VALUES (999)").await.unwrap();
    let (open, attach) = (
        Postgres::open(database.settings()).await.err().unwrap(),
        Postgres::attach(database.settings()).await.err().unwrap(),
    );
    assert!(matches!(open, Error::TooNew { .. }));
    assert!(matches!(attach, Error::TooNew { .. }));
    assert!(open.to_string().contains(database.name()), "{open}");
}

/// The rows of the tables that come along, each with the columns that it had at first.
async fn kept(beside: &tokio_postgres::Client, columns: &[(&str, String)]) -> Vec<String> {
    let mut rows = Vec::new();
    for (table, columns) in columns {
        let sql = format!("SELECT json_agg(t)::text FROM (SELECT {columns} FROM {table}) t");
        rows.push(beside.query_one(&sql, &[]).await.unwrap().get(0));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_schema_is_brought_up_to_date_with_what_it_holds() {
    const FIRST: &str = include_str!("../../migrations/postgres/0001_initial.sql");
    let database = Database::new().await;
    let beside = database.beside().await;
    beside.batch_execute(FIRST).await.unwrap();
    beside.batch_execute(&first::ROWS.replace("x'", "'\\x")).await.unwrap();
    let note = "CREATE TABLE schema_migration
                    (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now());
                INSERT INTO schema_migration (version) VALUES (1)";
    beside.batch_execute(note).await.unwrap();
    let mut columns = Vec::new();
    for table in first::KEPT {
        // A store that does not say which cluster it is on takes note of that when it is opened.
        let sql = "SELECT string_agg(column_name::text, ', ') FROM information_schema.columns
                   WHERE table_name = $1 AND column_name NOT IN ('system_identifier', 'timeline')";
        columns.push((table, beside.query_one(sql, &[&table]).await.unwrap().get(0)));
    }
    let before = kept(&beside, &columns).await;

    let store = database.open().await;
    first::is_read(&store).await;
    assert_eq!(kept(&beside, &columns).await, before);
    for table in first::GONE {
        let sql = format!("SELECT count(*) FROM {table}");
        assert_eq!(beside.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0), 0, "{table}");
    }
}

/// Everything of a failure that could reach a log or a caller.
fn shown(error: &Error) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        shown = format!("{shown} {cause} {cause:?}");
        source = cause.source();
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn no_failure_shows_a_row() {
    let database = Database::new().await;
    let store = database.made().await;
    add(&store, &project(1, "rows")).await;
    let beside = database.beside().await;
    let main = EnvironmentId::parse("main").unwrap();

    // What does not read names table and column.
    for (column, value) in
        [("uid", "'CANARY'::bytea"), ("revision", "-1"), ("integrity_key_kind", "7777")]
    {
        beside.batch_execute("BEGIN").await.unwrap();
        let update = format!("UPDATE project SET {column} = {value}, manifest = 'CANARY'");
        beside.batch_execute(&update).await.unwrap();
        beside.batch_execute("COMMIT").await.unwrap();
        let failures = [
            store.view_rows(&id("rows"), &main, Stage::Live).await.err().unwrap(),
            store.snapshot().await.unwrap().project(&id("rows")).await.err().unwrap(),
        ];
        for error in failures {
            assert!(matches!(error, Error::Malformed { table: "project", .. }), "{error:?}");
            assert!(!shown(&error).contains("CANARY"), "{error:?}");
        }
        beside
            .batch_execute(
                "UPDATE project SET uid = decode(repeat('01', 16), 'hex'), revision = 1,
                                    integrity_key_kind = 1",
            )
            .await
            .unwrap();
    }
    // What is refused quotes nothing: a twin, a row that refers to nothing, a column that is gone.
    let mut tx = store.begin("test").await.unwrap();
    let mut twin = project(2, "rows");
    twin.project.display_name = "CANARY".to_owned();
    let twin = tx.insert_project(&twin).await.unwrap_err();
    assert!(matches!(twin, Error::Conflict), "{twin:?}");
    assert!(matches!(tx.commit().await, Err(Error::Conflict)), "nor is it committed");
    beside.batch_execute("ALTER TABLE project ADD CHECK (display_name <> 'CANARY')").await.unwrap();
    let mut tx = store.begin("test").await.unwrap();
    let mut refused = project(3, "canary");
    refused.project.display_name = "CANARY".to_owned();
    let refused = tx.insert_project(&refused).await.unwrap_err();
    for error in [twin, refused] {
        assert!(!shown(&error).contains("CANARY"), "{error:?}");
    }
}

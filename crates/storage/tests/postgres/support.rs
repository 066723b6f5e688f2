//! A database for each test, and rows to put there.

use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use waxseal_domain::name::ProjectId;
use waxseal_domain::project::Project;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, Incarnation, ProjectUid};
use waxseal_storage::postgres::Settings;
use waxseal_storage::{Meta, Postgres, ProjectRow, Store, Wrapped};

/// An empty database, dropped at the end.
pub(crate) struct Database {
    name: String,
    url: String,
}

fn server() -> String {
    std::env::var("TEST_POSTGRES").expect("run tests/run, or set TEST_POSTGRES")
}

/// The same server, another database.
fn url_of(name: &str) -> String {
    let server = server();
    let (base, query) = server.split_once('?').map_or((&*server, ""), |(a, b)| (a, b));
    let (base, _) = base.rsplit_once('/').expect("TEST_POSTGRES names a database");
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{base}/{name}{query}")
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Database {
    pub(crate) async fn new() -> Self {
        let name = format!("waxseal_test_{}", Uuid::new_v4().simple());
        let server = connect(&server()).await;
        server.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self { url: url_of(&name), name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn settings(&self) -> Settings {
        // A machine that is busy with other tests is no fault; tests of faults say how long to wait.
        let long = Duration::from_secs(15);
        Settings {
            connect_timeout: long,
            acquire_timeout: long,
            statement_timeout: long,
            query_timeout: long,
            lock_timeout: long,
            head_timeout: long,
            ..Settings::new(&self.url)
        }
    }

    pub(crate) async fn open(&self) -> Postgres {
        Postgres::open(self.settings()).await.unwrap()
    }

    /// A store with its one row.
    pub(crate) async fn made(&self) -> Postgres {
        let store = self.open().await;
        make(&store).await;
        store
    }

    /// A connection beside the store's.
    pub(crate) async fn beside(&self) -> Client {
        connect(&self.url).await
    }

    /// How many connections of the store there are, and how many of them are not idle.
    pub(crate) async fn connections(&self) -> (i64, i64) {
        let row = self
            .beside()
            .await
            .query_one(
                "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity
                 WHERE datname = $1 AND application_name = 'waxseal'",
                &[&self.name],
            )
            .await
            .unwrap();
        (row.get(0), row.get(1))
    }

    /// Ends every connection of the store, as a server that restarts does.
    pub(crate) async fn terminate(&self) {
        self.beside()
            .await
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = $1 AND application_name = 'waxseal'",
                &[&self.name],
            )
            .await
            .unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let url = server();
        let done = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                connect(&url).await.batch_execute(&drop).await.unwrap();
            });
        });
        done.join().unwrap();
    }
}

pub(crate) fn wrapped(byte: u8) -> Wrapped {
    Wrapped { kind: 1, key_id: "key".to_owned(), bytes: vec![byte; 200] }
}

pub(crate) const INCARNATION: Incarnation = Incarnation::from_bytes([2; 16]);

pub(crate) async fn make(store: &Postgres) {
    let meta = Meta {
        deployment: Deployment::from_bytes([1; 16]),
        incarnation: INCARNATION,
        service_key: wrapped(3),
        created: Timestamp::from_micros(4),
        unscrubbed: false,
        epoch: 0,
    };
    let mut tx = store.begin("test").await.unwrap();
    tx.insert_meta(meta).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) fn id(project: &str) -> ProjectId {
    ProjectId::parse(project).unwrap()
}

pub(crate) fn project(byte: u8, project: &str) -> ProjectRow {
    ProjectRow {
        project: Project {
            uid: ProjectUid::from_bytes([byte; 16]),
            id: id(project),
            display_name: "A project".to_owned(),
            edition: 1,
            created: Timestamp::from_micros(1),
            updated: Timestamp::from_micros(2),
            deletion: None,
        },
        incarnation: INCARNATION,
        revision: 1,
        integrity_key: wrapped(byte),
        fingerprint_key: wrapped(byte),
        catalogue: [byte; 32],
        manifest: [byte; 32],
    }
}

pub(crate) async fn add(store: &Postgres, row: &ProjectRow) {
    let mut tx = store.begin("test").await.unwrap();
    tx.insert_project(row).await.unwrap();
    tx.commit().await.unwrap();
}

/// Raises a project's revision by one, and returns it.
pub(crate) async fn raise(store: &Postgres, project: &ProjectId) -> u64 {
    let mut tx = store.begin("test").await.unwrap();
    let mut row = tx.project(project).await.unwrap().unwrap();
    row.revision += 1;
    tx.update_project(&row).await.unwrap();
    tx.commit().await.unwrap();
    row.revision
}

/// Until it holds, at most this long.
pub(crate) async fn until(what: &str, time: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < time, "not within {time:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

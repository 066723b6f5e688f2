//! A server with something on record, and the ways to look at what is.

use super::calls::Callers;
use crate::support::postgres::Database;
use crate::support::{Client, Server, Setup, default_slot, override_slot};
use futures::StreamExt as _;
use serde_json::Value;
use std::io::Cursor;
use std::time::{Duration, Instant};
use waxseal_domain::caller::Role;
use waxseal_engine::{Hex, Verdict, verify_export};
use waxseal_proto::v1::{self, Stage, Visibility};
use waxseal_server::config::Engines;

/// How long a test waits for what comes by itself.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What every value holds that is disclosed, and nothing else does.
pub const MARK: &str = "CANARY";

pub fn marked(value: &str) -> String {
    format!("{MARK} {value}")
}

pub struct World {
    pub server: Server,
    pub database: Option<Database>,
    pub admin: Client,
    pub builder: Client,
    pub runtime: Client,
    pub auditor: Client,
}

/// A server's setup with checkpoints as often as can be.
pub fn setup() -> Setup {
    let mut setup = Setup::sqlite();
    setup.config.audit.audit_checkpoint_interval = Duration::from_millis(20);
    setup
}

/// The same in PostgreSQL, with wrapping keys in the data directory's key file.
pub async fn postgres(setup: &mut Setup) -> Database {
    let database = Database::create().await;
    setup.config.engines = Engines {
        database_url: Some(database.url().parse().unwrap()),
        database_connections: 4,
        allow_local_keys: true,
        ..Engines::default()
    };
    database
}

impl World {
    pub async fn sqlite() -> Self {
        Self::on(setup(), None).await
    }

    pub async fn postgres() -> Self {
        let mut setup = setup();
        let database = postgres(&mut setup).await;
        Self::on(setup, Some(database)).await
    }

    /// On this setup, with the project `demo`, the environment `staging` and the secret `KEY`.
    pub async fn on(setup: Setup, database: Option<Database>) -> Self {
        let server = setup.start().await;
        server.make_demo().await;
        let world = Self::around(server, database).await;
        let (builder, live) = (&world.builder, override_slot("staging", Stage::Live));
        builder
            .create_secret("demo", "KEY", Visibility::Masked, Some(&marked("one")))
            .await
            .unwrap();
        builder.set("demo", "KEY", default_slot(), &marked("two")).await.unwrap();
        builder.set("demo", "KEY", live, &marked("three")).await.unwrap();
        world
    }

    pub async fn around(server: Server, database: Option<Database>) -> Self {
        let (admin, builder) = (server.admin().await, server.builder().await);
        let auditor = server.client(Role::Auditor, false, "deployment").await;
        let runtime = server.runtime().await;
        Self { server, database, admin, builder, runtime, auditor }
    }

    /// Those who are shown something.
    pub fn callers(&self) -> Callers {
        Callers { builder: self.builder.clone(), runtime: self.runtime.clone() }
    }

    /// Discloses in two ways, and is denied once.
    pub async fn disclose(&self) {
        self.builder.reveal("demo", "KEY", default_slot()).await.unwrap();
        self.runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
        self.runtime.create_project("mine").await.unwrap_err();
    }

    pub async fn sql(&self, sql: &str) {
        run(&self.server.setup, self.database.as_ref(), sql).await;
    }

    pub async fn count(&self, action: &str, outcome: &str) -> i64 {
        count(&self.server.setup, self.database.as_ref(), action, outcome).await
    }

    /// Returns once there are as many.
    pub async fn until_count(&self, action: &str, outcome: &str, count: i64) {
        let begin = Instant::now();
        while self.count(action, outcome).await != count {
            assert!(begin.elapsed() < PATIENCE, "{action}: not {count} times {outcome}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn verify(&self) -> v1::VerifyAuditTrailResponse {
        let verify = v1::VerifyAuditTrailRequest {};
        self.auditor.audit.clone().verify_audit_trail(verify).await.unwrap().into_inner()
    }

    /// Returns once checkpoints sign every record.
    pub async fn until_signed(&self) -> v1::VerifyAuditTrailResponse {
        let begin = Instant::now();
        loop {
            let verdict = self.verify().await;
            assert_eq!(verdict.problem, None);
            if verdict.unsigned_records == 0 {
                return verdict;
            }
            assert!(begin.elapsed() < PATIENCE, "{verdict:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The lines of an export, as far as they come.
    pub async fn export(&self) -> Vec<String> {
        let export = v1::ExportAuditTrailRequest {};
        let lines = self.auditor.audit.clone().export_audit_trail(export).await.unwrap();
        let lines = lines.into_inner().take_while(|line| std::future::ready(line.is_ok()));
        lines.map(|line| line.unwrap().line).collect().await
    }

    /// The verdict on an export, with nothing but the key and what was kept elsewhere.
    pub async fn offline(&self, kept: Option<String>) -> Verdict {
        let export = self.export().await.join("\n");
        verify_export(self.key(), Cursor::new(export), kept.map(Cursor::new)).unwrap()
    }

    pub fn key(&self) -> Hex<32> {
        self.server.engine.audit_public_key()
    }

    /// Every record of the trail, in the order of its chain.
    pub async fn records(&self) -> Vec<Value> {
        let lines = self.export().await;
        let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["type"] == "record").collect()
    }

    /// The chain of the project.
    pub async fn project_chain(&self) -> String {
        let records = self.records().await;
        let mut chains = records.iter().filter_map(|record| record["chain"].as_str());
        chains.rfind(|chain| chain.starts_with("project:")).unwrap().to_owned()
    }

    /// Stops the server; what it ran on stays.
    pub async fn stop(self) -> (Setup, Option<Database>) {
        let Self { server, database, .. } = self;
        (server.stop().await, database)
    }
}

/// Runs statements that read the same to both databases; `{x:AB}` is a blob.
pub async fn run(setup: &Setup, database: Option<&Database>, sql: &str) {
    match database {
        Some(database) => {
            database.sql(&blobs(sql, "'\\x", "'::bytea")).await;
        }
        None => {
            let sql = blobs(sql, "x'", "'");
            let ran = setup.database().execute_batch(&sql);
            ran.unwrap_or_else(|error| panic!("{error}: {sql}"));
        }
    }
}

/// How many records there are of a method, with this outcome.
pub async fn count(setup: &Setup, database: Option<&Database>, action: &str, outcome: &str) -> i64 {
    let sql =
        format!("SELECT count(*) FROM audit WHERE action = '{action}' AND outcome = '{outcome}'");
    match database {
        Some(database) => database.number(&sql).await,
        None => setup.database().query_row(&sql, [], |row| row.get(0)).unwrap(),
    }
}

/// Blobs in the words of one database.
fn blobs(sql: &str, begin: &str, end: &str) -> String {
    let mut parts = sql.split("{x:");
    let mut all = parts.next().unwrap().to_owned();
    for part in parts {
        let (hex, rest) = part.split_once('}').unwrap();
        all.extend([begin, hex, end, rest]);
    }
    all
}

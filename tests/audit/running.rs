//! A real server in a process of its own, with something to disclose, that can be killed and
//! started again.

use super::calls::{Call, Callers, Views};
use super::world::{MARK, PATIENCE, World, count, postgres, run, setup};
use crate::support::binary::{Serving, command};
use crate::support::postgres::Database;
use crate::support::proxy::Proxy;
use crate::support::{Client, Setup};
use std::process::Stdio;
use tokio::time::timeout;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::VerifyAuditTrailRequest;

/// What the server runs on, who calls it, and the server.
pub struct Running {
    pub setup: Setup,
    pub database: Option<Database>,
    pub builder: String,
    pub runtime: String,
    auditor: String,
    pub serving: Serving,
    /// In place of the database's address, where something is in between.
    url: Option<String>,
}

impl Running {
    pub async fn new(on_postgres: bool) -> Self {
        let mut setup = setup();
        let database = if on_postgres { Some(postgres(&mut setup).await) } else { None };
        let world = World::on(setup, database).await;
        let builder = world.server.token(Role::Builder, true, "deployment").await;
        let runtime = world.server.token(Role::Runtime, false, "deployment").await;
        let auditor = world.server.token(Role::Auditor, false, "deployment").await;
        let (setup, database) = world.stop().await;
        let serving = serve(&setup, database.as_ref().map(Database::url));
        Self { setup, database, builder, runtime, auditor, serving, url: None }
    }

    /// Has the next server speak to its database through this.
    pub fn speak_through(&mut self, proxy: &Proxy) {
        self.url = self.database.as_ref().map(|database| proxy.within(database.url()));
    }

    /// A name for what is tried.
    pub fn cell(&self, fault: &str, call: Call) -> String {
        let engine = if self.database.is_some() { "PostgreSQL" } else { "SQLite" };
        format!("{fault} in {call:?} on {engine}")
    }

    /// Those who call the server through this. The change that a stream is to speak of goes past
    /// it: it is not what is looked at.
    pub async fn callers(&self, call: Call, proxy: &Proxy) -> Callers {
        let url = proxy.within(&self.serving.url());
        let direct = call == Call::WatchLater;
        let builder = if direct { self.serving.url() } else { url.clone() };
        Callers {
            builder: Client::connect(&builder, &self.builder).await,
            runtime: Client::connect(&url, &self.runtime).await,
        }
    }

    pub async fn sql(&self, sql: &str) {
        run(&self.setup, self.database.as_ref(), sql).await;
    }

    /// How often this is on record.
    pub async fn recorded(&self, call: Call) -> i64 {
        count(&self.setup, self.database.as_ref(), call.action(), "ok").await
    }

    /// kill -9, after which nobody is connected to the database.
    pub async fn kill(&mut self) {
        self.serving.kill();
        if let Some(database) = &self.database {
            // They would notice by themselves, once they have something to say to the process.
            let orphans = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend'";
            database.sql(orphans).await;
            database.at_most_connected(0, PATIENCE).await;
        }
    }

    /// Another server on the same, for which what is on record holds together.
    pub async fn restart(&mut self, cell: &str) {
        let url = self.url.as_deref().or(self.database.as_ref().map(Database::url));
        self.serving = serve(&self.setup, url);
        let auditor = Client::connect(&self.serving.url(), &self.auditor).await;
        let verified = auditor.audit.clone().verify_audit_trail(VerifyAuditTrailRequest {}).await;
        assert_eq!(verified.unwrap().into_inner().problem, None, "{cell}");
    }

    /// The call succeeds, and is on record once more.
    pub async fn is_well(&self, call: Call, cell: &str) {
        let proxy = Proxy::before(&self.serving.url()).await;
        let callers = self.callers(call, &proxy).await;
        let mut views: Option<Views> = call.begin(&callers).await;
        let before = self.recorded(call).await;
        proxy.listen();
        let made = timeout(PATIENCE, call.make(&callers, &mut views)).await;
        made.unwrap_or_else(|_| panic!("{cell} hangs")).unwrap_or_else(|e| panic!("{cell}: {e:?}"));
        assert_eq!(self.recorded(call).await, before + 1, "{cell}: on record");
        assert!(proxy.heard(MARK), "{cell}: what is disclosed is heard");
    }

    /// What is on record holds together, and can be signed.
    pub async fn verify(mut self) {
        self.kill().await;
        World::around(self.setup.start().await, self.database).await.until_signed().await;
    }
}

/// A server whose trail is written by what is disclosed and changed, and by nothing else.
fn serve(setup: &Setup, database: Option<&str>) -> Serving {
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "off", "--audit-window", "0"]);
    command.arg("--data-dir").arg(setup.data_dir());
    command.env("WAXSEAL_AUDIT_CHECKPOINT_INTERVAL", "1h");
    if let Some(url) = database {
        command.env("WAXSEAL_DATABASE_URL", url);
        command.env("WAXSEAL_DATABASE_CONNECTIONS", "4");
        command.env("WAXSEAL_ALLOW_LOCAL_KEYS", "true");
    }
    Serving::start(command.stderr(Stdio::inherit()))
}

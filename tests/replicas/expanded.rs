//! A server goes on while a newer one adds columns to the tables that it reads.

use crate::support::production::Production;
use crate::support::replicas::Replicas;
use crate::support::{Client, Server, default_slot, override_slot};
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{
    self, ListAuditEventsRequest, Stage, VerifyAuditTrailRequest, VerifyAuditTrailResponse,
    Visibility,
};

struct Callers {
    admin: Client,
    builder: Client,
    runtime: Client,
    auditor: Client,
}

impl Callers {
    async fn of(server: &Server) -> Self {
        Self {
            admin: server.admin().await,
            builder: server.builder().await,
            runtime: server.runtime().await,
            auditor: server.client(Role::Auditor, false, "deployment").await,
        }
    }

    /// Reads and writes what there is, some of it under this name for the first time.
    async fn call_everything(&self, name: &str) -> Result<(), Status> {
        let Self { admin, builder, runtime, auditor } = self;
        admin.create_project(name).await?;
        admin.create_environment(name, "staging").await?;
        builder.create_secret(name, "KEY", Visibility::Masked, Some("one")).await?;
        builder.set(name, "KEY", default_slot(), "two").await?;
        builder.set(name, "KEY", override_slot("staging", Stage::Live), "three").await?;
        builder.set("demo", "KEY", default_slot(), name).await?;
        builder.reveal("demo", "KEY", default_slot()).await?;
        builder.reveal_version(name, "KEY", default_slot(), 1).await?;
        for project in ["demo", name] {
            builder.get_environment(project, "main").await?;
            runtime.resolve(project, "staging", Stage::Live).await?;
        }
        let principal = format!("principal-{name}");
        admin.create_principal(&principal).await?;
        admin.bind(&principal, v1::Role::Viewer, "deployment").await?;
        admin.bindings(&principal).await?;
        let list = ListAuditEventsRequest { parent: "deployment".to_owned(), ..Default::default() };
        auditor.audit.clone().list_audit_events(list).await?;
        let verified = auditor.audit.clone().verify_audit_trail(VerifyAuditTrailRequest {}).await?;
        let VerifyAuditTrailResponse { problem, .. } = verified.into_inner();
        assert_eq!(problem, None);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_a_newer_server_adds_stop_nobody() {
    let replicas = Replicas::start(Production::create().await, 1, |_| {}).await;
    let server = &replicas[0].server;
    server.make_demo().await;
    let callers = Callers::of(server).await;
    callers.builder.create_secret("demo", "KEY", Visibility::Masked, Some("one")).await.unwrap();
    callers.call_everything("before").await.unwrap();
    let database = &replicas.production.database;
    let tables = database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").await;
    assert!(tables.len() > 10, "{tables:?}");
    for round in 0..3 {
        for table in tables.iter().map(|table| table[0].as_ref().unwrap()) {
            let add = format!("ALTER TABLE {table} ADD COLUMN of_later_{round} integer");
            database.sql(&add).await;
        }
        // What reads one thing after another may have to be repeated.
        let mut called = Ok(());
        for number in 0..8 {
            called = callers.call_everything(&format!("after-{round}-{number}")).await;
            match &called {
                Err(status) if [Code::Aborted, Code::Unavailable].contains(&status.code()) => {}
                _ => break,
            }
        }
        called.unwrap();
    }
}

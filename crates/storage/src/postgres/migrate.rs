//! Brings the schema up to date, or makes sure that it is.
//!
//! Servers that start at the same time take turns: an advisory lock, held by the session that
//! migrates, is waited for. Each migration is one transaction together with the note that it was
//! applied.

use super::failure;
use crate::{Error, Result};
use deadpool_postgres::ClientWrapper;
use std::cmp::Ordering;
use std::time::{Duration, Instant};

const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_initial.sql"),
    include_str!("../../migrations/postgres/0002_access.sql"),
    include_str!("../../migrations/postgres/0003_audit.sql"),
    include_str!("../../migrations/postgres/0004_calls.sql"),
];

/// "waxseal", as a number.
const LOCK: i64 = 0x0077_6178_7365_616c;

/// For another server to be done.
const TURN: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// For one answer; a migration may have much to rewrite.
const ANSWER: Duration = Duration::from_secs(600);

/// Brings the schema to this build's version.
pub(super) async fn migrate(client: &ClientWrapper, database: &str) -> Result<()> {
    let setup = "SET statement_timeout = 0; SET lock_timeout = '2s'";
    failure::within(ANSWER, client.batch_execute(setup)).await?;
    take_turn(client).await?;
    // The lock goes with the connection, also where this fails.
    let table = "-- migrate()
         CREATE TABLE IF NOT EXISTS schema_migration (
             version  integer PRIMARY KEY,                 -- counts from 1
             applied  timestamptz NOT NULL DEFAULT now()
         )";
    if version(client).await?.is_none() {
        failure::within(ANSWER, client.batch_execute(table)).await?;
    }
    let version = version(client).await?.unwrap_or(0);
    if version > MIGRATIONS.len() {
        return Err(Error::TooNew { database: describe(database) });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        let number = index + 1;
        tracing::info!(number, "migrating the schema");
        let step = format!(
            "BEGIN; {sql}; INSERT INTO schema_migration (version) VALUES ({number}); COMMIT"
        );
        failure::within(ANSWER, client.batch_execute(&step)).await?;
    }
    Ok(())
}

/// Says whether the schema is of this build's version.
pub(super) async fn ensure_current(client: &ClientWrapper, database: &str) -> Result<()> {
    match version(client).await?.unwrap_or(0).cmp(&MIGRATIONS.len()) {
        Ordering::Less => Err(Error::TooOld { database: describe(database) }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::TooNew { database: describe(database) }),
    }
}

fn describe(database: &str) -> String {
    format!("the PostgreSQL database {database}")
}

async fn take_turn(client: &ClientWrapper) -> Result<()> {
    let (began, mut said) = (Instant::now(), false);
    loop {
        let sql = "-- migrate(): turn\nSELECT pg_try_advisory_lock($1)";
        let row = failure::within(ANSWER, client.query_one(sql, &[&LOCK])).await?;
        if row.try_get(0).unwrap_or(false) {
            return Ok(());
        }
        if began.elapsed() > TURN {
            return Err(failure::unavailable("another server has been migrating it for too long"));
        }
        if !std::mem::replace(&mut said, true) {
            tracing::info!("waiting for another server to migrate the schema");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The schema's version; none where there is no schema.
async fn version(client: &ClientWrapper) -> Result<Option<usize>> {
    let sql = "SELECT to_regclass('schema_migration') IS NOT NULL";
    let row = failure::within(ANSWER, client.query_one(sql, &[])).await?;
    if !row.try_get(0).unwrap_or(false) {
        return Ok(None);
    }
    let sql = "SELECT coalesce(max(version), 0) FROM schema_migration";
    let row = failure::within(ANSWER, client.query_one(sql, &[])).await?;
    let version: i32 = row
        .try_get(0)
        .map_err(|_| Error::Malformed { table: "schema_migration", column: "version" })?;
    Ok(Some(usize::try_from(version).unwrap_or(0)))
}

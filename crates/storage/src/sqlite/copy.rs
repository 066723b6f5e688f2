//! Everything that only a copy of the whole store reads and writes.

use super::columns::{Row, number, uid};
use super::session::Session;
use super::{requests, tokens};
use crate::{CopyEdits, CopyRows, KeptAudit, RequestRow, Result, TokenRow};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

#[async_trait]
impl CopyRows for Session {
    async fn all_requests(
        &mut self,
        after: Option<(&str, Uuid)>,
        limit: usize,
    ) -> Result<Vec<RequestRow>> {
        let after = after.map(|(principal, id)| (principal.to_owned(), id));
        self.call(move |connection| all_requests(connection, after, limit)).await
    }

    async fn all_tokens(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<TokenRow>> {
        let after = after.unwrap_or_default().to_owned();
        self.call(move |connection| all_tokens(connection, &after, limit)).await
    }

    async fn all_audit(&mut self, after: u64, limit: usize) -> Result<Vec<KeptAudit>> {
        self.call(move |connection| all_audit(connection, after, limit)).await
    }
}

fn all_requests(
    connection: &Connection,
    after: Option<(String, Uuid)>,
    limit: usize,
) -> Result<Vec<RequestRow>> {
    // No principal is empty, so this is before all.
    let (principal, id) = after.unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "-- all_requests()
         SELECT * FROM request WHERE (principal, id) > (?1, ?2) ORDER BY principal, id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![principal, id.as_bytes(), number(limit as u64)])?;
    let mut requests = Vec::new();
    while let Some(row) = rows.next()? {
        requests.push(requests::read(&Row::new("request", row))?);
    }
    Ok(requests)
}

fn all_tokens(connection: &Connection, after: &str, limit: usize) -> Result<Vec<TokenRow>> {
    let mut statement = connection.prepare_cached(
        "-- all_tokens()\nSELECT * FROM api_token WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, number(limit as u64)])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(tokens::read(&Row::new("api_token", row))?);
    }
    Ok(tokens)
}

fn all_audit(connection: &Connection, after: u64, limit: usize) -> Result<Vec<KeptAudit>> {
    let mut statement = connection.prepare_cached(
        "-- all_audit()\nSELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut rows = statement.query(params![number(after), number(limit as u64)])?;
    let mut trail = Vec::new();
    while let Some(row) = rows.next()? {
        trail.push(read(&Row::new("audit", row))?);
    }
    Ok(trail)
}

fn read(row: &Row<'_>) -> Result<KeptAudit> {
    Ok(KeptAudit {
        sequence: row.count("seq")?,
        at: row.time("at")?,
        principal: row.get("principal")?,
        action: row.get("action")?,
        project: row.maybe_bytes("project")?.map(ProjectUid::from_bytes),
        environment: row.maybe_bytes("environment")?.map(EnvironmentUid::from_bytes),
        stage: row.maybe_one_of("stage", Stage::from_number)?,
        secret: row.maybe_bytes("secret")?.map(SecretUid::from_bytes),
        version: row.maybe_count("version")?,
        revision: row.maybe_count("revision")?,
        request: row.maybe_bytes("request")?.map(Uuid::from_bytes),
    })
}

#[async_trait]
impl CopyEdits for Session {
    async fn copy_audit(&mut self, row: &KeptAudit) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- copy_audit()
                     INSERT INTO audit (at, principal, action, project, environment, stage,
                                        secret, version, revision, request)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    row.at.micros(),
                    row.principal,
                    row.action,
                    row.project.as_ref().map(|project| uid(project.bytes())),
                    row.environment.as_ref().map(|environment| uid(environment.bytes())),
                    row.stage.map(Stage::number),
                    row.secret.as_ref().map(|secret| uid(secret.bytes())),
                    row.version.map(number),
                    row.revision.map(number),
                    row.request.as_ref().map(|request| uid(request.as_bytes())),
                ])?;
            Ok(())
        })
        .await
    }
}

//! Everything that only a copy of the whole store reads and writes.

use super::columns::{Row, all, number};
use super::session::Session;
use super::{requests, tokens};
use crate::{CopyEdits, CopyRows, KeptAudit, RequestRow, Result, TokenRow};
use async_trait::async_trait;
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
        // No principal is empty, so this is before all.
        let (principal, id) = after.unwrap_or_default();
        let sql = "-- all_requests()
             SELECT * FROM request WHERE (principal, id) > ($1, $2)
             ORDER BY principal, id LIMIT $3";
        let limit = number(limit as u64);
        let rows = self.query(sql, &[&principal, &&id.as_bytes()[..], &limit]).await?;
        all("request", &rows, requests::read)
    }

    async fn all_tokens(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<TokenRow>> {
        let sql = "-- all_tokens()\nSELECT * FROM api_token WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.query(sql, &[&after.unwrap_or_default(), &number(limit as u64)]).await?;
        all("api_token", &rows, tokens::read)
    }

    async fn all_audit(&mut self, after: u64, limit: usize) -> Result<Vec<KeptAudit>> {
        let sql = "-- all_audit()\nSELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
        let rows = self.query(sql, &[&number(after), &number(limit as u64)]).await?;
        all("audit", &rows, read)
    }
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
        self.execute(
            "-- copy_audit()
             INSERT INTO audit (at, principal, action, project, environment, stage, secret,
                                version, revision, request)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                &row.at.micros(),
                &row.principal,
                &row.action,
                &row.project.as_ref().map(|project| &project.bytes()[..]),
                &row.environment.as_ref().map(|environment| &environment.bytes()[..]),
                &row.stage.map(|stage| i16::from(stage.number())),
                &row.secret.as_ref().map(|secret| &secret.bytes()[..]),
                &row.version.map(number),
                &row.revision.map(number),
                &row.request.as_ref().map(|request| &request.as_bytes()[..]),
            ],
        )
        .await?;
        Ok(())
    }
}

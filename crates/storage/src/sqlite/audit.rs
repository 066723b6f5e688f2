//! The audit trail.

use super::columns::{number, uid};
use super::session::Session;
use crate::{AuditEdits, AuditRow, Result};
use async_trait::async_trait;
use rusqlite::params;

#[async_trait]
impl AuditEdits for Session {
    async fn append_audit(&mut self, row: &AuditRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- append_audit()
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
                    row.stage.map(waxseal_domain::environment::Stage::number),
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

//! The audit trail.

use super::columns::number;
use super::session::Session;
use crate::{AuditEdits, AuditRow, Result};
use async_trait::async_trait;

#[async_trait]
impl AuditEdits for Session {
    async fn append_audit(&mut self, row: &AuditRow) -> Result<()> {
        self.edit(
            "-- append_audit()
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

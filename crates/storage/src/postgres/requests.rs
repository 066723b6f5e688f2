//! Answers kept for retries.

use super::columns::{Row, first};
use super::session::Session;
use crate::{RequestEdits, RequestRow, RequestRows, Result};
use async_trait::async_trait;
use uuid::Uuid;
use waxseal_domain::time::Timestamp;

#[async_trait]
impl RequestRows for Session {
    async fn request(&mut self, principal: &str, id: Uuid) -> Result<Option<RequestRow>> {
        let rows = self
            .query(
                "-- request()\nSELECT * FROM request WHERE principal = $1 AND id = $2",
                &[&principal, &&id.as_bytes()[..]],
            )
            .await?;
        first("request", &rows, read)
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<RequestRow> {
    Ok(RequestRow {
        principal: row.get("principal")?,
        id: Uuid::from_bytes(row.bytes("id")?),
        body: row.bytes("body")?,
        answer: row.get("answer")?,
        created: row.time("created")?,
    })
}

#[async_trait]
impl RequestEdits for Session {
    async fn put_request(&mut self, row: &RequestRow) -> Result<()> {
        self.edit(
            "-- put_request()
             INSERT INTO request (principal, id, body, answer, created)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (principal, id) DO UPDATE SET
                 body = excluded.body, answer = excluded.answer, created = excluded.created",
            &[
                &row.principal,
                &&row.id.as_bytes()[..],
                &&row.body[..],
                &row.answer,
                &row.created.micros(),
            ],
        )
        .await?;
        Ok(())
    }

    async fn forget_requests(&mut self, before: Timestamp) -> Result<()> {
        self.edit(
            "-- forget_requests()\nDELETE FROM request WHERE created < $1",
            &[&before.micros()],
        )
        .await?;
        Ok(())
    }
}

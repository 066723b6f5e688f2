//! Answers kept for retries.

use super::columns::Row;
use super::session::Session;
use crate::{RequestEdits, RequestRow, RequestRows, Result};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;
use waxseal_domain::time::Timestamp;

#[async_trait]
impl RequestRows for Session {
    async fn request(&mut self, principal: &str, id: Uuid) -> Result<Option<RequestRow>> {
        let principal = principal.to_owned();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- request()\nSELECT * FROM request WHERE principal = ?1 AND id = ?2",
                )?
                .query_row(params![principal, id.as_bytes()], |row| {
                    Ok(read(&Row::new("request", row)))
                })
                .optional()?
                .transpose()
        })
        .await
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
        let row = row.clone();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- put_request()
                     INSERT OR REPLACE INTO request (principal, id, body, answer, created)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    row.principal,
                    row.id.as_bytes(),
                    row.body,
                    row.answer,
                    row.created.micros(),
                ])?;
            Ok(())
        })
        .await
    }

    async fn forget_requests(&mut self, before: Timestamp) -> Result<()> {
        self.call(move |connection| {
            connection
                .prepare_cached("-- forget_requests()\nDELETE FROM request WHERE created < ?1")?
                .execute([before.micros()])?;
            Ok(())
        })
        .await
    }
}

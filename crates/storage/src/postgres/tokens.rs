//! API tokens.

use super::columns::{Row, first};
use super::session::Session;
use crate::{Result, TokenEdits, TokenRow, TokenRows};
use async_trait::async_trait;

#[async_trait]
impl TokenRows for Session {
    async fn token(&mut self, id: &str) -> Result<Option<TokenRow>> {
        let rows = self.query("-- token()\nSELECT * FROM api_token WHERE id = $1", &[&id]).await?;
        first("api_token", &rows, read)
    }

    async fn count_tokens(&mut self) -> Result<u64> {
        let rows =
            self.query("-- count_tokens()\nSELECT count(*) AS tokens FROM api_token", &[]).await?;
        Ok(first("api_token", &rows, |row| row.count("tokens"))?.unwrap_or(0))
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<TokenRow> {
    Ok(TokenRow {
        id: row.get("id")?,
        hash: row.bytes("hash")?,
        caller: row.get("caller")?,
        created: row.time("created")?,
        mac: row.bytes("mac")?,
    })
}

#[async_trait]
impl TokenEdits for Session {
    async fn insert_token(&mut self, row: &TokenRow) -> Result<()> {
        self.execute(
            "-- insert_token()
             INSERT INTO api_token (id, hash, caller, created, mac) VALUES ($1, $2, $3, $4, $5)",
            &[&row.id, &&row.hash[..], &row.caller, &row.created.micros(), &&row.mac[..]],
        )
        .await?;
        Ok(())
    }
}

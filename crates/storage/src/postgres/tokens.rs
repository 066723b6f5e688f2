//! API tokens.

use super::columns::{Row, all, first};
use super::session::Session;
use crate::{Result, TokenEdits, TokenRow, TokenRows};
use async_trait::async_trait;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::PrincipalUid;

#[async_trait]
impl TokenRows for Session {
    async fn token(&mut self, id: &str) -> Result<Option<TokenRow>> {
        let rows = self.query("-- token()\nSELECT * FROM api_token WHERE id = $1", &[&id]).await?;
        first("api_token", &rows, read)
    }

    async fn tokens_of(&mut self, principal: PrincipalUid) -> Result<Vec<TokenRow>> {
        let sql = "-- tokens_of()\nSELECT * FROM api_token WHERE principal = $1 ORDER BY id";
        all("api_token", &self.query(sql, &[&&principal.bytes()[..]]).await?, read)
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
        principal: PrincipalUid::from_bytes(row.bytes("principal")?),
        hash: row.bytes("hash")?,
        content: row.get("content")?,
        used: row.maybe_time("used")?,
        mac: row.bytes("mac")?,
    })
}

#[async_trait]
impl TokenEdits for Session {
    async fn insert_token(&mut self, row: &TokenRow) -> Result<()> {
        self.execute(
            "-- insert_token()
             INSERT INTO api_token (id, principal, hash, content, used, mac)
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                &row.id,
                &&row.principal.bytes()[..],
                &&row.hash[..],
                &row.content,
                &row.used.map(Timestamp::micros),
                &&row.mac[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn update_token(&mut self, row: &TokenRow) -> Result<()> {
        self.execute(
            "-- update_token()\nUPDATE api_token SET content = $2, mac = $3 WHERE id = $1",
            &[&row.id, &row.content, &&row.mac[..]],
        )
        .await?;
        Ok(())
    }

    async fn note_use(&mut self, id: &str, at: Timestamp) -> Result<()> {
        self.execute(
            "-- note_use()
             UPDATE api_token SET used = $2 WHERE id = $1 AND coalesce(used, 0) < $2",
            &[&id, &at.micros()],
        )
        .await?;
        Ok(())
    }
}

//! API tokens.

use super::columns::{Row, uid};
use super::session::Session;
use crate::{Result, TokenEdits, TokenRow, TokenRows};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::PrincipalUid;

#[async_trait]
impl TokenRows for Session {
    async fn token(&mut self, id: &str) -> Result<Option<TokenRow>> {
        let id = id.to_owned();
        self.call(move |connection| {
            connection
                .prepare_cached("-- token()\nSELECT * FROM api_token WHERE id = ?1")?
                .query_row([id], |row| Ok(read(&Row::new("api_token", row))))
                .optional()?
                .transpose()
        })
        .await
    }

    async fn tokens_of(&mut self, principal: PrincipalUid) -> Result<Vec<TokenRow>> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- tokens_of()\nSELECT * FROM api_token WHERE principal = ?1 ORDER BY id",
            )?;
            let mut rows = statement.query([uid(principal.bytes())])?;
            let mut tokens = Vec::new();
            while let Some(row) = rows.next()? {
                tokens.push(read(&Row::new("api_token", row))?);
            }
            Ok(tokens)
        })
        .await
    }

    async fn count_tokens(&mut self) -> Result<u64> {
        self.call(|connection| {
            let count: i64 = connection.query_row(
                "-- count_tokens()\nSELECT count(*) FROM api_token",
                [],
                |row| row.get(0),
            )?;
            Ok(count.unsigned_abs())
        })
        .await
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
        let row = row.clone();
        self.call(move |connection| {
            connection.execute(
                "-- insert_token()
                 INSERT INTO api_token (id, principal, hash, content, used, mac)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    row.id,
                    uid(row.principal.bytes()),
                    row.hash,
                    row.content,
                    row.used.map(Timestamp::micros),
                    row.mac,
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn update_token(&mut self, row: &TokenRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection.execute(
                "-- update_token()\nUPDATE api_token SET content = ?2, mac = ?3 WHERE id = ?1",
                params![row.id, row.content, row.mac],
            )?;
            Ok(())
        })
        .await
    }

    async fn note_use(&mut self, id: &str, at: Timestamp) -> Result<()> {
        let id = id.to_owned();
        self.call(move |connection| {
            connection.execute(
                "-- note_use()
                 UPDATE api_token SET used = ?2 WHERE id = ?1 AND coalesce(used, 0) < ?2",
                params![id, at.micros()],
            )?;
            Ok(())
        })
        .await
    }
}

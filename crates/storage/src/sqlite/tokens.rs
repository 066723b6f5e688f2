//! API tokens.

use super::columns::Row;
use super::session::Session;
use crate::{Result, TokenEdits, TokenRow, TokenRows};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

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
        hash: row.bytes("hash")?,
        caller: row.get("caller")?,
        created: row.time("created")?,
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
                 INSERT INTO api_token (id, hash, caller, created, mac)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![row.id, row.hash, row.caller, row.created.micros(), row.mac],
            )?;
            Ok(())
        })
        .await
    }
}

//! Everything that only a copy of the whole store reads.

use super::columns::{Row, number};
use super::session::Session;
use super::{requests, tokens};
use crate::{CopyRows, RequestRow, Result, TokenRow};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use uuid::Uuid;

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

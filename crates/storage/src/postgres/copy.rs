//! Everything that only a copy of the whole store reads.

use super::columns::{all, number};
use super::session::Session;
use super::{requests, tokens};
use crate::{CopyRows, RequestRow, Result, TokenRow};
use async_trait::async_trait;
use uuid::Uuid;

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
}

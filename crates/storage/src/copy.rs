//! What only a copy of a whole store reads and writes: the row groups that nothing else lists.

use crate::{RequestRow, Result, TokenRow};
use async_trait::async_trait;
use uuid::Uuid;

/// Lists the groups that are otherwise read one row at a time, or not at all.
#[async_trait]
pub trait CopyRows {
    /// Up to `limit` answers kept for retries that follow `after`, in the order of principal, then
    /// id, byte by byte.
    async fn all_requests(
        &mut self,
        after: Option<(&str, Uuid)>,
        limit: usize,
    ) -> Result<Vec<RequestRow>>;

    /// Up to `limit` tokens whose ids follow `after`, in the order of their ids, byte by byte.
    async fn all_tokens(&mut self, after: Option<&str>, limit: usize) -> Result<Vec<TokenRow>>;
}

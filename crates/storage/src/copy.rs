//! What only a copy of a whole store reads and writes: the row groups that nothing else lists.

use crate::{RequestRow, Result, TokenRow};
use async_trait::async_trait;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

/// An audit row that was read back, with its place in the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAudit {
    /// Rises from row to row; another store numbers anew.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub principal: String,
    /// Which method.
    pub action: String,
    /// In which project.
    pub project: Option<ProjectUid>,
    /// In which environment.
    pub environment: Option<EnvironmentUid>,
    /// In which stage.
    pub stage: Option<Stage>,
    /// On which secret.
    pub secret: Option<SecretUid>,
    /// Which version was written or shown.
    pub version: Option<u64>,
    /// The project's revision after the change.
    pub revision: Option<u64>,
    /// The caller's request id.
    pub request: Option<Uuid>,
}

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

    /// Up to `limit` audit rows that follow this place in the trail, the oldest first; 0 is before
    /// all.
    async fn all_audit(&mut self, after: u64, limit: usize) -> Result<Vec<KeptAudit>>;
}

/// Writes what [`CopyRows`] reads and nothing else writes.
#[async_trait]
pub trait CopyEdits {
    /// Adds an audit row of another store at the end of the trail.
    async fn copy_audit(&mut self, row: &KeptAudit) -> Result<()>;
}

//! Appending to a chain within the transaction of what is on record.

use super::checkpoint::Checkpoint;
use super::record::{genesis, hash};
use crate::Error;
use async_trait::async_trait;
use uuid::Uuid;
use waxseal_domain::uid::ProjectUid;
use waxseal_storage::{AuditRow, ChainRow, KeptAudit, Snapshot, Transaction};

/// The chain of what concerns the deployment: tokens, rights, keys.
pub(super) const DEPLOYMENT: &str = "deployment";
const PROJECT: &str = "project:";

/// The chain of what is done to one project.
pub(super) fn of_project(project: ProjectUid) -> String {
    format!("{PROJECT}{project}")
}

/// The project whose chain this is.
pub(super) fn project_of(chain: &str) -> Option<ProjectUid> {
    chain.strip_prefix(PROJECT)?.parse().ok().map(ProjectUid::new)
}

/// The chain of what one process discloses.
pub(super) fn of_process(process: Uuid) -> String {
    format!("process:{process}")
}

/// A chain that begins after the last checkpoint.
pub(super) async fn begin<S: Snapshot + ?Sized>(
    rows: &mut S,
    chain: String,
) -> Result<ChainRow, Error> {
    let meta = rows.meta().await?.ok_or(Error::DataLoss { what: "the store's own row" })?;
    let last = match rows.last_checkpoint().await? {
        Some(row) => Some(Checkpoint::read(&row)?),
        None => None,
    };
    let (checkpoint, checkpoint_hash) =
        last.map_or((0, [0; 32]), |last| (last.number, last.hash()));
    let hash = genesis(meta.deployment, &chain, checkpoint, &checkpoint_hash);
    Ok(ChainRow { chain, sequence: 0, hash, sealed: 0, checkpoint, checkpoint_hash })
}

/// Records in their places after a head, and the head after them.
pub(super) fn follow(
    chain: &str,
    head: (u64, [u8; 32]),
    rows: Vec<AuditRow>,
) -> (Vec<KeptAudit>, (u64, [u8; 32])) {
    let (mut sequence, mut before) = head;
    let kept = rows.into_iter().map(|row| {
        sequence += 1;
        before = hash(&before, sequence, chain, &row);
        KeptAudit { seq: 0, chain: chain.to_owned(), sequence, hash: before, row }
    });
    let kept: Vec<_> = kept.collect();
    (kept, (sequence, before))
}

/// Records what a transaction does: there if and only if it is committed.
#[async_trait]
pub(crate) trait Trail {
    /// Puts one thing on record.
    async fn append_audit(&mut self, row: &AuditRow) -> Result<(), Error>;

    /// Puts several things on record, all of one project or all of none.
    async fn append_all(&mut self, rows: Vec<AuditRow>) -> Result<(), Error>;
}

#[async_trait]
impl<T: Transaction + ?Sized> Trail for T {
    async fn append_audit(&mut self, row: &AuditRow) -> Result<(), Error> {
        self.append_all(vec![row.clone()]).await
    }

    async fn append_all(&mut self, rows: Vec<AuditRow>) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let chain = first.project.map_or_else(|| DEPLOYMENT.to_owned(), of_project);
        let head = match self.audit_chain(&chain).await? {
            Some(head) => head,
            None => {
                let new = begin(self, chain.clone()).await?;
                self.begin_chain(&new).await?;
                // Another may have begun it meanwhile.
                let begun = self.audit_chain(&chain).await?;
                begun.ok_or(Error::DataLoss { what: "a chain of the audit trail" })?
            }
        };
        let from = (head.sequence, head.hash);
        let (kept, to) = follow(&chain, from, rows);
        self.insert_audit(&kept).await?;
        if self.move_chain(&chain, from, to).await? { Ok(()) } else { Err(Error::Conflict) }
    }
}

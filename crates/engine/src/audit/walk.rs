//! Everything of the trail in the order of an export, in pages: memory goes by how many chains there
//! are, not by how many records.

use super::{Checkpoint, Head, Hex, Line, Problem};
use crate::{Engine, Error};
use async_trait::async_trait;
use std::collections::HashMap;
use waxseal_storage::{Error as Storage, KeptAudit, Snapshot};

const PAGE: usize = 500;

/// Why a walk ends early.
pub(super) enum Ended {
    /// Whoever listens has heard enough.
    Enough,
    /// A row does not read as it was written.
    Unreadable(Problem),
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Storage> for Ended {
    fn from(error: Storage) -> Self {
        Self::Failed(error.into())
    }
}

/// Who takes the lines.
#[async_trait]
pub(super) trait Sink: Send {
    async fn take(&mut self, line: Line) -> Result<(), Ended>;
}

struct Walk<'a> {
    sink: &'a mut dyn Sink,
    /// How far each chain was told.
    told: HashMap<String, u64>,
    records: u64,
}

impl Engine {
    /// Tells everything, with a snapshot for each page.
    pub(super) async fn walk(&self, sink: &mut dyn Sink) -> Result<(), Ended> {
        let mut walk = Walk { sink, told: HashMap::new(), records: 0 };
        let (deployment, public_key) = (self.deployment, self.signer.public());
        walk.sink.take(Line::Trail { format: 1, deployment, public_key }).await?;
        let mut after = 0;
        loop {
            let mut rows = self.store.snapshot().await?;
            let page = rows.checkpoints(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            for row in &page {
                let unreadable = |_| Problem {
                    chain: "checkpoints".to_owned(),
                    sequence: row.number,
                    what: "the checkpoint does not read as it was written".to_owned(),
                };
                let checkpoint =
                    Checkpoint::read(row).map_err(unreadable).map_err(Ended::Unreadable)?;
                for head in &checkpoint.heads {
                    walk.chain(&mut *rows, &head.chain, head.sequence).await?;
                }
                walk.sink.take(Line::Checkpoint(checkpoint)).await?;
            }
        }
        walk.rest(self).await?;
        let mut after = None;
        loop {
            let page = self.store.snapshot().await?.projects(after.as_ref(), true, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.project.id.clone());
            for row in page {
                let line = Line::Project { project: row.project.uid, revision: row.revision };
                walk.sink.take(line).await?;
            }
        }
        let records = walk.records;
        walk.sink.take(Line::End { records }).await
    }
}

impl Walk<'_> {
    /// Tells a chain from where it was left up to a record.
    async fn chain(
        &mut self,
        rows: &mut dyn Snapshot,
        chain: &str,
        up_to: u64,
    ) -> Result<(), Ended> {
        if !self.told.contains_key(chain)
            && let Some(row) = rows.audit_chain(chain).await?
        {
            self.sink
                .take(Line::Chain {
                    chain: row.chain,
                    checkpoint: row.checkpoint,
                    checkpoint_hash: Hex(row.checkpoint_hash),
                })
                .await?;
        }
        let mut after = self.told.get(chain).copied().unwrap_or(0);
        loop {
            let page = records(rows, chain, after, up_to).await?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for kept in page {
                self.records += 1;
                self.sink.take(Line::Record(Box::new(kept.into()))).await?;
            }
        }
        self.told.insert(chain.to_owned(), after);
        Ok(())
    }

    /// What no checkpoint signs, and where each chain ends.
    async fn rest(&mut self, engine: &Engine) -> Result<(), Ended> {
        let mut after = String::new();
        loop {
            let page = engine.store.snapshot().await?.audit_chains(&after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for chain in page {
                // Head and records of one state.
                let mut rows = engine.store.snapshot().await?;
                let head = rows.audit_chain(&chain).await?;
                self.chain(&mut *rows, &chain, u64::MAX).await?;
                if let Some(row) = head {
                    let (sequence, hash) = (row.sequence, Hex(row.hash));
                    self.sink.take(Line::Head(Head { chain, sequence, hash })).await?;
                }
            }
        }
    }
}

/// A page of a chain; a row that does not read is named.
async fn records(
    rows: &mut dyn Snapshot,
    chain: &str,
    after: u64,
    up_to: u64,
) -> Result<Vec<KeptAudit>, Ended> {
    let error = match rows.audit_records(chain, after, up_to, PAGE).await {
        Err(error @ Storage::Malformed { .. }) => error,
        page => return Ok(page?),
    };
    let mut sequence = after;
    loop {
        match rows.audit_records(chain, sequence, up_to, 1).await {
            Ok(page) => match page.last() {
                Some(last) => sequence = last.sequence,
                None => return Err(error.into()),
            },
            Err(Storage::Malformed { .. }) => {
                return Err(Ended::Unreadable(Problem {
                    chain: chain.to_owned(),
                    sequence: sequence + 1,
                    what: "the record does not read as it was written".to_owned(),
                }));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

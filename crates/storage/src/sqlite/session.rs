//! One transaction on one connection. Every statement runs on a thread that may block: on this one,
//! or the connection goes to another and comes back, so that a caller who goes away in the middle
//! leaves nothing open.

use super::heads::Heads;
use super::{Readers, blocking, stopped};
use crate::{Error, Result, Snapshot, Transaction};
use async_trait::async_trait;
use rusqlite::Connection;
use std::sync::Arc;
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};
use waxseal_domain::name::ProjectId;
use waxseal_domain::uid::ProjectUid;

/// A connection on loan. Handing it back rolls back what was not committed.
pub(super) enum Lease {
    Writer(OwnedMutexGuard<Connection>),
    Reader { connection: Option<Connection>, readers: Arc<Readers>, _permit: OwnedSemaphorePermit },
}

impl Lease {
    pub(super) async fn reader(readers: &Arc<Readers>) -> Result<Self> {
        let permit = readers.permits.clone().acquire_owned().await.map_err(|_| closed())?;
        let connection = readers.idle().pop();
        Ok(Self::Reader { connection, readers: readers.clone(), _permit: permit })
    }

    fn connection(&self) -> Result<&Connection> {
        match self {
            Self::Writer(connection) => Ok(connection),
            Self::Reader { connection, .. } => connection.as_ref().ok_or_else(closed),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Ok(connection) = self.connection()
            && !connection.is_autocommit()
        {
            // A failure leaves the transaction open, and the next BEGIN on it then fails loudly.
            let _ = connection.execute_batch("ROLLBACK");
        }
        if let Self::Reader { connection, readers, .. } = self
            && let Some(connection) = connection.take()
        {
            readers.idle().push(connection);
        }
    }
}

fn closed() -> Error {
    Error::Unavailable { what: "the transaction has already ended".to_owned() }
}

pub(super) struct Session {
    lease: Option<Lease>,
    pub(super) heads: Arc<Heads>,
    /// The authorisation epoch, where this transaction raised it.
    pub(super) raised: Option<u64>,
    /// The projects whose heads this transaction moves.
    pub(super) moved: Vec<ProjectUid>,
    /// The projects that it removes.
    pub(super) gone: Vec<ProjectId>,
}

impl Session {
    pub(super) async fn begin(
        lease: Lease,
        begin: &'static str,
        heads: &Arc<Heads>,
    ) -> Result<Self> {
        let (moved, gone) = (Vec::new(), Vec::new());
        let (lease, heads) = (Some(lease), heads.clone());
        let mut session = Self { lease, heads, raised: None, moved, gone };
        session
            .call(move |connection| {
                connection.execute_batch(begin)?;
                // A deferred transaction has no snapshot until it has read something.
                connection.query_row("SELECT count(*) FROM store", [], |_| Ok(()))?;
                Ok(())
            })
            .await?;
        Ok(session)
    }

    pub(super) async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if blocking::is_allowed() {
            return self.lease.as_ref().ok_or_else(closed)?.connection().and_then(work);
        }
        let lease = self.lease.take().ok_or_else(closed)?;
        let (lease, outcome) = tokio::task::spawn_blocking(move || {
            let outcome = lease.connection().and_then(work);
            (lease, outcome)
        })
        .await
        .map_err(stopped)?;
        self.lease = Some(lease);
        outcome
    }
}

impl Snapshot for Session {}

#[async_trait]
impl Transaction for Session {
    async fn commit(mut self: Box<Self>) -> Result<()> {
        let (heads, moved) = (self.heads.clone(), std::mem::take(&mut self.moved));
        let (gone, raised) = (std::mem::take(&mut self.gone), self.raised.take());
        self.call(move |connection| {
            let fresh = heads.read(connection, &moved)?;
            connection.execute_batch("COMMIT")?;
            // Still on the blocking thread and still holding the writer: no caller that goes
            // away can leave a committed change unpublished, and no later one overtakes it.
            heads.publish_epoch(raised.unwrap_or_default());
            heads.publish(fresh);
            heads.forget(&gone);
            Ok(())
        })
        .await
    }
}

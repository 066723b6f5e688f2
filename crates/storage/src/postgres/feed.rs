//! The feed: looks for heads that moved, on a connection of its own, so that heads in this process
//! are known to be current as of a moment ago, and those who wait for one are told.

use super::core::Core;
use super::{failure, heads};
use crate::{Error, Result};
use deadpool_postgres::ClientWrapper;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(250);

/// A connection to poll on, with its first poll applied.
pub(super) async fn connect(core: &Core) -> Result<ClientWrapper> {
    let client = core.line.open(&core.shared).await?;
    poll(core, &client, true).await?;
    Ok(client)
}

/// Polls until the store is stopped or dropped.
pub(super) async fn run(core: Arc<Core>, client: ClientWrapper, interval: Duration) {
    let mut line = Some(client);
    let mut lost = false;
    while core.shared.alive().is_ok() {
        let done = match &line {
            Some(client) => {
                tokio::time::sleep(interval).await;
                poll(&core, client, false).await
            }
            None => connect(&core).await.map(|client| line = Some(client)),
        };
        match done {
            Ok(()) if std::mem::take(&mut lost) => tracing::info!("heads are followed again"),
            Ok(()) => {}
            Err(error) => {
                line = None;
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!(%error, "heads are not followed; every read asks for them");
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn poll(core: &Core, client: &ClientWrapper, first: bool) -> Result<()> {
    let ticket = core.shared.local().poll(Instant::now(), first);
    let answer = heads::poll(client, ticket.cursor);
    let poll = failure::within(core.head_timeout, answer).await??;
    for (project, head) in &poll.heads {
        if let Err(Error::Malformed { table, column }) = head {
            tracing::error!(%project, table, column, "the head of a project does not read");
        }
    }
    let done = core.shared.local().apply(&ticket, Instant::now(), &poll);
    match done {
        Ok(moved) => {
            core.shared.tell(&moved);
            Ok(())
        }
        Err(regression) => Err(core.shared.stop(regression)),
    }
}

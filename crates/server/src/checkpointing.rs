//! Where the chains of the audit trail are is signed, in the background.

use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use waxseal_engine::Engine;

/// What the last records and the last checkpoint may take when a server stops.
const LAST: Duration = Duration::from_secs(3);

/// Makes checkpoints for as long as it lives.
pub(crate) struct Checkpointing(JoinHandle<()>);

impl Checkpointing {
    /// Makes one at once, if anything happened since the last, and then so long after each.
    pub(crate) fn start(engine: Arc<Engine>, interval: Duration) -> Self {
        Self(tokio::spawn(async move {
            loop {
                checkpoint(&engine).await;
                tokio::time::sleep(interval).await;
            }
        }))
    }
}

async fn checkpoint(engine: &Engine) {
    match engine.checkpoint().await {
        Ok(made) => tracing::debug!(made, "a checkpoint of the audit trail"),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "there is no checkpoint of the audit trail this time");
        }
    }
}

impl Drop for Checkpointing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Writes what was only counted, and signs it; for a server that stops.
pub(crate) async fn finish(engine: &Engine) {
    let last = async {
        if let Err(error) = engine.settle_audit().await {
            tracing::error!(%error, "the last counts of disclosures are not recorded");
        }
        checkpoint(engine).await;
    };
    if timeout(LAST, last).await.is_err() {
        tracing::error!("the audit trail could not be finished in time");
    }
}

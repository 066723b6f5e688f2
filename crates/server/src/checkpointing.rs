//! Where the chains of the audit trail are is signed, in the background.

use crate::metrics::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use waxseal_engine::Engine;

/// What the last records and the last checkpoint may take when a server stops.
const LAST: Duration = Duration::from_secs(3);

/// Makes checkpoints for as long as it lives.
pub(crate) struct Checkpointing {
    task: JoinHandle<()>,
    /// Dropped to let the task end once it has nothing under way.
    stop: Option<oneshot::Sender<()>>,
}

impl Checkpointing {
    /// Makes one at once, if anything happened since the last, and then so long after each.
    pub(crate) fn start(engine: Arc<Engine>, interval: Duration, metrics: &Metrics) -> Self {
        let sealed = Arc::new(Sealed::now());
        let told = sealed.clone();
        metrics.audit_unsealed(move || told.age().as_secs_f64());
        let (stop, mut stopping) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                let began = sealed.millis();
                if checkpoint(&engine).await {
                    sealed.seen.store(began, Ordering::Relaxed);
                }
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    _ = &mut stopping => return,
                }
            }
        });
        Self { task, stop: Some(stop) }
    }

    /// Writes what was only counted, and signs it; for a server that stops. Afterwards nothing of
    /// the trail holds the store, unless that does not answer.
    pub(crate) async fn finish(mut self, engine: &Engine) {
        drop(self.stop.take());
        let last = async {
            // One that is under way is waited for: cut off, it would hold on to its connection.
            let _ = (&mut self.task).await;
            if let Err(error) = engine.settle_audit().await {
                tracing::error!(%error, "the last counts of disclosures are not recorded");
            }
            checkpoint(engine).await;
            engine.end_audit().await;
        };
        if timeout(LAST, last).await.is_err() {
            tracing::error!("the audit trail could not be finished in time");
        }
    }
}

/// When all records were last known to be signed.
struct Sealed {
    began: Instant,
    /// In milliseconds since it began.
    seen: AtomicU64,
}

impl Sealed {
    fn now() -> Self {
        Self { began: Instant::now(), seen: AtomicU64::new(0) }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.millis().saturating_sub(self.seen.load(Ordering::Relaxed)))
    }
}

/// Whether there was nothing to sign, or it is signed now, by this or by another process.
async fn checkpoint(engine: &Engine) -> bool {
    match engine.checkpoint().await {
        Ok(made) => {
            tracing::debug!(made, "a checkpoint of the audit trail");
            true
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "there is no checkpoint of the audit trail this time");
            false
        }
    }
}

impl Drop for Checkpointing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

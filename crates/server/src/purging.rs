//! What can no longer be brought back is purged, in the background.

use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use waxseal_engine::Engine;

/// Purges for as long as it lives. A round that is under way when it is dropped is left where it
/// is: its transaction is rolled back, and the next start takes it up again.
pub(crate) struct Purging(JoinHandle<()>);

impl Purging {
    /// Purges what has expired, at once and then so long after each round.
    pub(crate) fn start(engine: Arc<Engine>, interval: Duration) -> Self {
        Self(tokio::spawn(async move {
            loop {
                match engine.purge_expired().await {
                    Ok(0) => {}
                    Ok(projects) => tracing::info!(projects, "a round of purging is over"),
                    Err(error) => tracing::error!(%error, "nothing was purged this time"),
                }
                tokio::time::sleep(interval).await;
            }
        }))
    }
}

impl Drop for Purging {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::wiring::{Opened, open};
    use tempfile::tempdir;

    #[tokio::test]
    async fn it_goes_on_until_it_is_dropped() {
        let dir = tempdir().unwrap();
        let data_dir = Some(dir.path().join("data"));
        let Opened { engine, .. } = open(&Config { data_dir, ..Config::default() }).await.unwrap();
        let purging = Purging::start(engine.clone(), Duration::from_millis(1));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(Arc::strong_count(&engine), 2, "it purges");
        drop(purging);
        let gone = async {
            while Arc::strong_count(&engine) > 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}

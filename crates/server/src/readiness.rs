//! Whether this server says that it can be called: it does while its store answers and its keys can
//! be used. A shared cache, and an outage of the key provider, do not count: what is warm is served.

use crate::metrics::Metrics;
use crate::rpc::Health;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use waxseal_engine::Engine;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long a look may take. With [`FAILURES`] in a row, an outage is said within two seconds.
const LOOK: Duration = Duration::from_millis(750);
/// Failures in a row until it is said: one alone may be a connection that was lost.
const FAILURES: u32 = 2;

/// Keeps health up to date for as long as it lives.
pub(crate) struct Readiness {
    task: JoinHandle<()>,
    seen: Arc<Seen>,
}

impl Readiness {
    /// Says at once that the server serves, and from then on what is true.
    pub(crate) fn start(engine: Arc<Engine>, health: Health, metrics: &Metrics) -> Self {
        let seen = Arc::new(Seen::now());
        let told = seen.clone();
        metrics.readiness(move || told.ready.load(Ordering::Relaxed));
        let told = seen.clone();
        metrics.head_age(move || told.age().as_secs_f64());
        let seeing = seen.clone();
        let task = tokio::spawn(async move {
            health.serving().await;
            let mut failures = 0;
            loop {
                tokio::time::sleep(INTERVAL).await;
                let why = match timeout(LOOK, engine.check()).await {
                    Ok(Ok(())) => {
                        seen.answered();
                        if std::mem::take(&mut failures) >= FAILURES {
                            tracing::info!("ready again");
                            seen.ready.store(true, Ordering::Relaxed);
                            health.serving().await;
                        }
                        continue;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the store does not answer".to_owned(),
                };
                failures += 1;
                if failures == FAILURES {
                    tracing::warn!(why, "not ready");
                    seen.ready.store(false, Ordering::Relaxed);
                    health.not_serving().await;
                }
            }
        });
        Self { task, seen: seeing }
    }
}

/// What was seen last.
struct Seen {
    began: Instant,
    /// When the store answered, in milliseconds since it began.
    answered: AtomicU64,
    ready: AtomicBool,
}

impl Seen {
    fn now() -> Self {
        let (answered, ready) = (AtomicU64::new(0), AtomicBool::new(true));
        Self { began: Instant::now(), answered, ready }
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn answered(&self) {
        self.answered.store(self.millis(), Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        let answered = self.answered.load(Ordering::Relaxed);
        Duration::from_millis(self.millis().saturating_sub(answered))
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        self.task.abort();
        self.seen.ready.store(false, Ordering::Relaxed);
    }
}

//! Takes new certificates up while the server runs.

use super::Certificates;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often the files are looked at. By content, and not by notices of the file system: those do
/// not come from every mount, and name the wrong file where symbolic links are exchanged.
const LOOK: Duration = Duration::from_secs(1);
/// How long files are left alone that have just changed: whoever writes a certificate writes its
/// key a moment later.
const SETTLE: Duration = Duration::from_millis(100);

/// Looks at the files, until this is dropped.
#[derive(Debug)]
pub(crate) struct Reloading(JoinHandle<()>);

impl Reloading {
    /// Begins to look, every second and at SIGHUP.
    pub(crate) fn start(certificates: Arc<Certificates>) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        Ok(Self(tokio::spawn(follow(certificates, hangup))))
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn follow(certificates: Arc<Certificates>, mut hangup: Signal) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {}
            _ = hangup.recv() => {}
        }
        let changed = certificates.clone();
        if !spawn_blocking(move || changed.have_changed()).await.unwrap_or(false) {
            continue;
        }
        sleep(SETTLE).await;
        let taken = certificates.clone();
        if let Ok(Err(error)) = spawn_blocking(move || taken.reload()).await {
            tracing::error!(%error, "the new certificates are of no use; those from before stay");
        }
    }
}

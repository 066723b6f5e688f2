//! Telling streams that the server stops: a call that goes on by itself would hold it up.

use std::future::Future;
use tokio::sync::watch;

/// Says once that the server stops. Dropped, it says so too.
#[derive(Default)]
pub(crate) struct Stop(watch::Sender<bool>);

/// Hears of it.
#[derive(Clone)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.0.subscribe())
    }

    pub(crate) fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Done as soon as the server is told to stop.
    pub(crate) fn told(mut self) -> impl Future<Output = ()> + Send + 'static {
        async move {
            // An error means that the other side is gone, and with it the server.
            let _ = self.0.wait_for(|told| *told).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_listens_hears_it_before_and_after() {
        let stop = Stop::default();
        let before = tokio::spawn(stop.stopping().told());
        stop.tell();
        before.await.unwrap();
        stop.stopping().told().await;
    }

    #[tokio::test]
    async fn a_server_that_is_gone_has_stopped() {
        let stop = Stop::default();
        let stopping = stop.stopping();
        drop(stop);
        stopping.told().await;
    }
}

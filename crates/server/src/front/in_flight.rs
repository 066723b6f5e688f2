//! How many calls are under way.

use std::sync::Arc;
use tokio::sync::watch;

/// Counts calls from their headers to the end of their answers.
#[derive(Clone, Debug)]
pub(crate) struct InFlight(Arc<watch::Sender<usize>>);

/// One call under way.
#[derive(Debug)]
pub(super) struct Guard(Arc<watch::Sender<usize>>);

impl Default for InFlight {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl InFlight {
    pub(super) fn enter(&self) -> Guard {
        self.0.send_modify(|count| *count += 1);
        Guard(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Returns once no call is under way.
    pub(crate) async fn none(&self) {
        // It fails when the sender is gone, and this is one.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn none_waits_for_the_last() {
        let in_flight = InFlight::default();
        let (first, second) = (in_flight.enter(), in_flight.enter());
        drop(first);
        assert_eq!(in_flight.count(), 1);
        let (none, ()) = tokio::join!(in_flight.none(), async { drop(second) });
        assert_eq!((none, in_flight.count()), ((), 0));
    }
}

//! How many calls are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Counts calls from their headers to the end of their answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct InFlight(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    calls: AtomicUsize,
    none_left: Notify,
}

/// One call under way.
#[derive(Debug)]
pub(crate) struct Guard(Arc<Counter>);

impl InFlight {
    pub(crate) fn enter(&self) -> Guard {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        Guard(self.0.clone())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Returns once no call is under way.
    pub(crate) async fn none(&self) {
        loop {
            // In this order: a call that ends after the look wakes this up.
            let none_left = self.0.none_left.notified();
            if self.count() == 0 {
                return;
            }
            none_left.await;
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.none_left.notify_waiters();
        }
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

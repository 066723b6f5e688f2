//! What happened, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a shared cache did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reads that were answered with a sealed view.
    pub hits: u64,
    /// Reads that were not, whatever the reason.
    pub misses: u64,
    /// Views that the server took, or had already.
    pub puts: u64,
    /// Commands that the server refused, connections that were lost or not made.
    pub failures: u64,
    /// Commands without an answer in time.
    pub timeouts: u64,
    /// Reads and puts that were not sent: there was no connection, the server was being left
    /// alone, a view was too large, or too many were on their way.
    pub skipped: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) puts: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) timeouts: AtomicU64,
    pub(super) skipped: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        let Self { hits, misses, puts, failures, timeouts, skipped } = self;
        let [hits, misses, puts, failures, timeouts, skipped] =
            [hits, misses, puts, failures, timeouts, skipped].map(|n| n.load(Ordering::Relaxed));
        Counts { hits, misses, puts, failures, timeouts, skipped }
    }
}

pub(super) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

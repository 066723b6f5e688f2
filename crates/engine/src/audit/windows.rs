//! What is on record already, so that the same again within a window is only counted.

use foldhash::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use waxseal_cache::ViewKey;
use waxseal_domain::caller::Action;
use waxseal_storage::AuditRow;

/// Locks, so that cores do not wait for each other.
const SHARDS: usize = 16;
/// Windows open at once. Whatever comes when there are as many is recorded each time.
const WINDOWS: usize = 100_000;

/// What counts as the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// A view in one revision.
    View(Action, ViewKey),
    /// An action with one outcome somewhere.
    Place(Action, &'static str, String),
}

/// A record, and how often the same came again.
struct Window {
    began: Instant,
    first: AuditRow,
    again: u64,
}

/// By what, then by credential; in this order, so that looking allocates nothing.
type Shard = HashMap<What, HashMap<String, Window>>;

pub(crate) struct Windows {
    length: Duration,
    shards: [Mutex<Shard>; SHARDS],
    open: AtomicUsize,
}

impl Windows {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, shards: Default::default(), open: AtomicUsize::new(0) }
    }

    pub(super) const fn length(&self) -> Duration {
        self.length
    }

    /// Counts it if it is on record within the window.
    pub(crate) fn seen(&self, what: &What, credential: &str) -> bool {
        if self.length.is_zero() {
            return false;
        }
        let mut shard = self.shard(credential);
        let Some(window) = shard.get_mut(what).and_then(|of| of.get_mut(credential)) else {
            return false;
        };
        let open = window.began.elapsed() < self.length;
        window.again += u64::from(open);
        open
    }

    /// Opens a window for what was recorded, and came again so often already.
    pub(super) fn open(&self, what: What, first: AuditRow, again: u64) {
        if self.length.is_zero() || self.open.load(Ordering::Relaxed) >= WINDOWS {
            return;
        }
        let credential = first.credential.clone().unwrap_or_default();
        let window = Window { began: Instant::now(), first, again };
        let before = self.shard(&credential).entry(what).or_default().insert(credential, window);
        if before.is_none() {
            self.open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the windows that are over, or all of them: a record each of how often the same came.
    pub(super) fn take(&self, all: bool) -> Vec<AuditRow> {
        let mut counted = Vec::new();
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, of| {
                of.retain(|_, window| {
                    let open = !all && window.began.elapsed() < self.length;
                    if !open {
                        self.open.fetch_sub(1, Ordering::Relaxed);
                        counted.extend(window.count(self.length));
                    }
                    open
                });
                !of.is_empty()
            });
        }
        counted
    }

    fn shard(&self, credential: &str) -> MutexGuard<'_, Shard> {
        let byte = credential.as_bytes().last().copied().unwrap_or_default();
        let shard = &self.shards[usize::from(byte) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    /// What is to be recorded at its end.
    fn count(&self, length: Duration) -> Option<AuditRow> {
        let until = Some(self.first.at.after(length.min(self.began.elapsed())));
        // Of several calls.
        let (count, call) = (Some(self.again), None);
        let row = || AuditRow { count, until, call, ..self.first.clone() };
        (self.again > 0).then(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_domain::time::Timestamp;

    fn row() -> AuditRow {
        let row = AuditRow::new(Timestamp::from_micros(5), "p".to_owned(), "A");
        AuditRow { credential: Some("c".to_owned()), ..row }
    }

    fn what(place: &str) -> What {
        What::Place(Action::ListProjects, "ok", place.to_owned())
    }

    #[test]
    fn the_same_is_counted_and_anything_else_is_not() {
        let windows = Windows::new(Duration::from_secs(3_600));
        assert!(!windows.seen(&what("x"), "c"));
        windows.open(what("x"), row(), 2);
        assert!(windows.seen(&what("x"), "c"));
        assert!(!windows.seen(&what("y"), "c"));
        assert!(!windows.seen(&what("x"), "d"));
        assert!(windows.take(false).is_empty(), "it is open still");
        let counted = windows.take(true);
        assert_eq!(counted.len(), 1);
        assert_eq!((counted[0].count, counted[0].at), (Some(3), row().at));
        assert!(!windows.seen(&what("x"), "c"), "its window is closed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_ends_and_leaves_a_record_only_if_something_was_counted() {
        let windows = Windows::new(Duration::from_millis(1));
        windows.open(what("x"), row(), 0);
        windows.open(what("y"), row(), 1);
        tokio::time::advance(Duration::from_millis(2)).await;
        assert!(!windows.seen(&what("x"), "c"));
        let counted = windows.take(false);
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].until, Some(row().at.after(Duration::from_millis(1))));
        assert_eq!(windows.open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn without_a_window_nothing_is_ever_seen() {
        let windows = Windows::new(Duration::ZERO);
        windows.open(what("x"), row(), 0);
        assert!(!windows.seen(&what("x"), "c"));
    }
}

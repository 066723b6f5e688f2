//! How far a rewrap is, and who is told.

use crate::Error;
use futures::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;
use waxseal_storage::KeyPlace;

/// Failures that are named; the others are counted.
const NAMED: usize = 10;

/// A data key that was not rewrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedKey {
    /// Where it stands.
    pub place: KeyPlace,
    /// Why; never an outage, which would end the rewrap.
    pub reason: waxseal_kms::Error,
}

/// How far a rewrap is.
#[derive(Clone, Debug, PartialEq)]
pub struct RewrapProgress {
    /// The wrapping key that data keys are moved to.
    pub key_id: String,
    /// Data keys that were not under it when the rewrap began, or more if there turned out to be.
    pub total: u64,
    /// Rewrapped.
    pub done: u64,
    /// Changed or removed by somebody else meanwhile.
    pub skipped: u64,
    /// Passed over because they cannot be opened.
    pub failed: u64,
    /// How many are dealt with in a second, on the average so far; 0 while nothing is.
    pub per_second: f64,
    /// How long the rest will take at that rate; none before there is one.
    pub eta: Option<Duration>,
    /// Whether there is nothing left to do.
    pub finished: bool,
    /// The first failures, at most 10.
    pub failures: Vec<FailedKey>,
}

/// A rewrap under way. Dropping it ends the rewrap.
pub struct Rewrapping {
    progress: Receiver<Result<RewrapProgress, Error>>,
    ended: bool,
}

impl Rewrapping {
    pub(super) const fn new(progress: Receiver<Result<RewrapProgress, Error>>) -> Self {
        Self { progress, ended: false }
    }
}

/// Progress at the beginning and after every page; then one that is finished, or the error.
impl Stream for Rewrapping {
    type Item = Result<RewrapProgress, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.progress.poll_recv(cx));
        // The task has always a last word, unless it panicked.
        let next = next.unwrap_or_else(|| Err(Error::Internal("a rewrap panicked".into())));
        self.ended = next.as_ref().map_or(true, |progress| progress.finished);
        Poll::Ready(Some(next))
    }
}

/// What is counted while a rewrap goes on.
pub(super) struct Count {
    begun: Instant,
    progress: RewrapProgress,
}

impl Count {
    pub(super) fn new(key_id: String, total: u64) -> Self {
        let progress = RewrapProgress {
            key_id,
            total,
            done: 0,
            skipped: 0,
            failed: 0,
            per_second: 0.0,
            eta: None,
            finished: false,
            failures: Vec::new(),
        };
        Self { begun: Instant::now(), progress }
    }

    pub(super) fn target(&self) -> &str {
        &self.progress.key_id
    }

    pub(super) fn handle(&mut self, all: u64, done: u64) {
        self.progress.done += done;
        self.progress.skipped += all - done;
    }

    pub(super) fn fail(&mut self, failure: FailedKey) {
        self.progress.failed += 1;
        if self.progress.failures.len() < NAMED {
            self.progress.failures.push(failure);
        }
    }

    pub(super) fn so_far(&self) -> RewrapProgress {
        self.after(self.begun.elapsed())
    }

    pub(super) fn finished(&self) -> RewrapProgress {
        RewrapProgress { finished: true, ..self.so_far() }
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate is an estimate")]
    fn after(&self, elapsed: Duration) -> RewrapProgress {
        let mut progress = self.progress.clone();
        let handled = progress.done + progress.skipped + progress.failed;
        // What a process with another active key writes meanwhile comes on top.
        progress.total = progress.total.max(handled);
        if handled > 0 && !elapsed.is_zero() {
            progress.per_second = handled as f64 / elapsed.as_secs_f64();
            let rest = (progress.total - handled) as f64 / progress.per_second;
            progress.eta = Duration::try_from_secs_f64(rest).ok();
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> FailedKey {
        let reason = waxseal_kms::Error::Tampered { key_id: "old".to_owned() };
        FailedKey { place: KeyPlace::Service, reason }
    }

    #[test]
    fn rate_and_time_left_follow_from_what_is_handled() {
        let mut count = Count::new("new".to_owned(), 100);
        assert_eq!(count.after(Duration::from_secs(1)).eta, None);
        count.handle(20, 15);
        (0..5).for_each(|_| count.fail(failure()));
        let progress = count.after(Duration::from_secs(5));
        assert_eq!((progress.done, progress.skipped, progress.failed), (15, 5, 5));
        assert_eq!((progress.per_second, progress.eta), (5.0, Some(Duration::from_secs(15))));
    }

    #[test]
    fn the_total_grows_with_what_is_found_and_ten_failures_are_named() {
        let mut count = Count::new("new".to_owned(), 3);
        (0..12).for_each(|_| count.fail(failure()));
        let progress = count.finished();
        assert_eq!((progress.total, progress.failed, progress.failures.len()), (12, 12, 10));
        assert!(progress.finished);
    }
}

//! Buckets of tokens that fill up evenly.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A bucket holds what comes in during this time, in nanoseconds.
const HELD: u64 = 1_000_000_000;

/// How fast buckets fill.
#[derive(Debug)]
pub(super) struct Rate {
    /// Nanoseconds for one token.
    interval: u64,
}

/// A bucket, as the time at which it is full again: nothing has to fill it, and one compare and
/// swap takes from it.
#[derive(Debug, Default)]
pub(super) struct Bucket(AtomicU64);

impl Rate {
    /// So many tokens a second; with 0 there is no limit.
    pub(super) fn per_second(count: usize) -> Option<Self> {
        let count = NonZero::new(u64::try_from(count).ok()?)?;
        Some(Self { interval: HELD / count })
    }
}

impl Bucket {
    /// Takes a token, or says when there is one.
    pub(super) fn take(&self, rate: &Rate, now: u64) -> Result<(), Duration> {
        let mut full = self.0.load(Ordering::Relaxed);
        loop {
            let next = after(full, rate, now)?;
            match self.0.compare_exchange_weak(full, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full = other,
            }
        }
    }

    /// Whether there is a token; else when.
    pub(super) fn look(&self, rate: &Rate, now: u64) -> Result<(), Duration> {
        after(self.0.load(Ordering::Relaxed), rate, now).map(drop)
    }

    /// Whether it is as if it had never been used.
    pub(super) fn is_full(&self, now: u64) -> bool {
        self.0.load(Ordering::Relaxed) <= now
    }
}

/// When a bucket is full that would be at a time, with one token less.
fn after(full: u64, rate: &Rate, now: u64) -> Result<u64, Duration> {
    let next = full.max(now).saturating_add(rate.interval);
    match next.checked_sub(now.saturating_add(HELD)) {
        None | Some(0) => Ok(next),
        Some(wait) => Err(Duration::from_nanos(wait)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_a_second_at_once_and_then_evenly() {
        let (rate, bucket) = (Rate::per_second(4).unwrap(), Bucket::default());
        let now = 7 * HELD;
        for _ in 0..4 {
            assert_eq!(bucket.look(&rate, now), Ok(()));
            assert_eq!(bucket.take(&rate, now), Ok(()));
        }
        let quarter = Duration::from_millis(250);
        assert_eq!(bucket.look(&rate, now), Err(quarter));
        assert_eq!(bucket.take(&rate, now), Err(quarter));
        assert_eq!(bucket.take(&rate, now + HELD / 8), Err(quarter / 2));
        assert_eq!(bucket.take(&rate, now + HELD / 4), Ok(()));
        assert_eq!(bucket.take(&rate, now + HELD / 4), Err(quarter));
        assert!(!bucket.is_full(now + HELD) && bucket.is_full(now + HELD / 4 + HELD));
    }

    #[test]
    fn a_bucket_of_any_size_gives_at_least_one_and_none_is_no_limit() {
        for count in [1, 3, 1_000_000] {
            let (rate, bucket) = (Rate::per_second(count).unwrap(), Bucket::default());
            let taken = (0..count + 1).take_while(|_| bucket.take(&rate, 1).is_ok()).count();
            assert_eq!(taken, count);
        }
        assert!(Rate::per_second(0).is_none());
    }
}

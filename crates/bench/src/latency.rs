//! How long calls took.

use crate::Fault;
use hdrhistogram::Histogram;
use std::time::Duration;

/// Times of calls, from 1 us to a minute.
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    pub(crate) fn new() -> Result<Self, Fault> {
        const MINUTE: u64 = 60_000_000;
        Ok(Self(Histogram::new_with_bounds(1, MINUTE, 3)?))
    }

    pub(crate) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// The time in us that this share of calls did not exceed.
    pub(crate) fn within(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }
}

//! Numbers that many threads add to at once.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Threads beyond that share a shard with another, which costs time and nothing else.
pub(super) const SHARDS: usize = 16;

/// On cache lines of its own, two for processors that fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(AtomicU64);

/// A counter. Adding to it takes no cache line from another core.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sharded(Arc<[Shard; SHARDS]>);

/// The present thread's place among the shards.
pub(super) fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    MINE.get().unwrap_or_else(|| {
        let mine = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
        MINE.set(Some(mine));
        mine
    })
}

impl Sharded {
    pub(crate) fn add(&self, count: u64) {
        self.0[shard()].0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }
}

impl EncodeMetric for Sharded {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_counter::<NoLabelSet, _, u64>(&self.read(), None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// How many there are of something that comes and goes, but not with every call.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauge(Arc<AtomicI64>);

/// One more, until this is dropped.
#[derive(Debug)]
pub(super) struct Held(Arc<AtomicI64>);

impl Gauge {
    pub(super) fn hold(&self) -> Held {
        self.0.fetch_add(1, Ordering::Relaxed);
        Held(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EncodeMetric for Gauge {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.encode_gauge(&self.0.load(Ordering::Relaxed))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_is_added_up() {
        let count = Sharded::default();
        let adding: Vec<_> = (0..2 * SHARDS)
            .map(|_| {
                let count = count.clone();
                std::thread::spawn(move || (0..1_000).for_each(|_| count.add(2)))
            })
            .collect();
        adding.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(count.read(), 2 * 2_000 * SHARDS as u64);
    }

    #[test]
    fn a_gauge_follows_what_is_held() {
        let gauge = Gauge::default();
        let (one, two) = (gauge.hold(), gauge.hold());
        drop(one);
        assert_eq!(gauge.0.load(Ordering::Relaxed), 1);
        drop(two);
        assert_eq!(gauge.0.load(Ordering::Relaxed), 0);
    }
}

//! Numbers that are kept elsewhere, read when somebody asks.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::{Arc, OnceLock};
use waxseal_cache::Counts;

type Read = dyn Fn() -> Option<f64> + Send + Sync;

/// Where a number is to be had, once somebody has said so. Until then there is no number.
#[derive(Clone, Default)]
pub(super) struct Source(Arc<OnceLock<Box<Read>>>);

impl Source {
    pub(super) fn set(&self, read: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        // The first stays.
        let _ = self.0.set(Box::new(read));
    }

    pub(super) fn set_count(&self, read: impl Fn() -> u64 + Send + Sync + 'static) {
        // Exact up to 2^53, which no count here reaches.
        #[allow(clippy::cast_precision_loss)]
        self.set(move || Some(read() as f64));
    }

    pub(super) fn read(&self) -> Option<f64> {
        self.0.get().and_then(|read| read())
    }

    /// The same as a metric of this type.
    pub(super) fn reading(&self, kind: MetricType) -> Reading {
        Reading { source: self.clone(), kind }
    }
}

pub(super) struct Reading {
    source: Source,
    kind: MetricType,
}

impl EncodeMetric for Reading {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(number) = self.source.read() else { return Ok(()) };
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&number, None),
            _ => encoder.encode_gauge(&number),
        }
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

/// A counter of the whole process, which all its servers show.
pub(super) fn process(read: fn() -> u64) -> Reading {
    let source = Source::default();
    source.set_count(read);
    source.reading(MetricType::Counter)
}

type ReadCounts = dyn Fn() -> Counts + Send + Sync;

/// What a shared cache did, where there is one.
#[derive(Default)]
pub(super) struct Shared(OnceLock<Box<ReadCounts>>);

impl Shared {
    pub(super) fn set(&self, read: impl Fn() -> Counts + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(read));
    }
}

impl EncodeMetric for Shared {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(read) = self.0.get() else { return Ok(()) };
        let Counts { hits, misses, puts, failures, timeouts, skipped } = read();
        for (outcome, count) in [
            ("hit", hits),
            ("miss", misses),
            ("put", puts),
            ("failure", failures),
            ("timeout", timeouts),
            ("skipped", skipped),
        ] {
            encoder
                .encode_family(&[("outcome", outcome)])?
                .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// A metric that somebody else holds too.
#[derive(Debug)]
pub(super) struct Kept<M>(pub(super) Arc<M>);

impl<M: EncodeMetric> EncodeMetric for Kept<M> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

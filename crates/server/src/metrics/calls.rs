//! How long calls take, by method and status.

use super::Metrics;
use super::sharded::{SHARDS, shard};
use crate::traces::Trace;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tonic::Code;

/// What every path is called that is not that of a known method.
const OTHER: &str = "_OTHER";

/// Status codes as they are labels, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Upper bounds of the histogram, in microseconds: those of the semantic conventions from 5 ms on,
/// some of them left out, and below that what a warm call takes.
const BOUNDS: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
];

/// One series: its buckets, the last for what is over all bounds, and its sum in nanoseconds.
const BUCKETS: usize = BOUNDS.len() + 1;
const SERIES: usize = BUCKETS + 1;

/// The histogram of all calls. A thread finds its counters by arithmetic: no hash, no lock, and no
/// cache line that another thread writes to.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// `package.Service/Method`, in the order of their numbers; the number after the last is of
    /// all others.
    methods: OnceLock<Vec<String>>,
    shards: [OnceLock<Box<[AtomicU64]>>; SHARDS],
}

impl Calls {
    fn methods(&self) -> &[String] {
        self.methods.get().map_or(&[], Vec::as_slice)
    }

    fn record(&self, method: Option<usize>, code: Code, took: Duration) {
        let others = self.methods().len();
        let method = method.map_or(others, |method| method.min(others));
        let shard = self.shards[shard()].get_or_init(|| {
            let length = (others + 1) * CODES.len() * SERIES;
            (0..length).map(|_| AtomicU64::new(0)).collect()
        });
        let series = (method * CODES.len() + code as usize) * SERIES;
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        shard[series + bucket].fetch_add(1, Ordering::Relaxed);
        shard[series + BUCKETS].fetch_add(nanos, Ordering::Relaxed);
    }

    fn read(&self, series: usize) -> [u64; SERIES] {
        let mut sums = [0; SERIES];
        for shard in self.shards.iter().filter_map(OnceLock::get) {
            let counts = &shard[series * SERIES..][..SERIES];
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        sums
    }
}

impl EncodeMetric for Calls {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let methods = self.methods().iter().map(String::as_str).chain([OTHER]);
        for (number, method) in methods.enumerate() {
            for (code, name) in CODES.into_iter().enumerate() {
                let counts = self.read(number * CODES.len() + code);
                let (counts, nanos) = counts.split_at(BUCKETS);
                let count = counts.iter().sum();
                if count == 0 {
                    continue;
                }
                let bounds =
                    BOUNDS.iter().map(|micros| seconds(*micros, 1e6)).chain([f64::INFINITY]);
                let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
                encoder
                    .encode_family(&[("rpc_method", method), ("rpc_response_status_code", name)])?
                    .encode_histogram::<NoLabelSet>(
                        seconds(nanos[0], 1e9),
                        count,
                        &buckets,
                        None,
                    )?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

/// Exact to a few nanoseconds for sums of years.
#[allow(clippy::cast_precision_loss)]
fn seconds(count: u64, of_a_second: f64) -> f64 {
    count as f64 / of_a_second
}

/// One worker's way to the metrics: a reference count of its own, that no other core changes.
#[derive(Clone, Debug)]
pub(crate) struct Meter(Arc<Metrics>);

/// A call under way; it is counted when this is dropped.
#[derive(Debug)]
pub(crate) struct Call {
    meter: Meter,
    method: Option<usize>,
    began: Instant,
    code: Code,
    trace: Option<Arc<Trace>>,
}

impl Metrics {
    /// Says which methods there are, as `package.Service/Method`. From here on calls are counted
    /// by these.
    pub(crate) fn meter(&self, methods: &[String]) -> Meter {
        // A server is run once.
        let _ = self.0.calls.methods.set(methods.to_vec());
        Meter(Arc::new(self.clone()))
    }
}

impl Meter {
    /// The same metrics for another worker.
    pub(crate) fn for_another(&self) -> Self {
        Self(Arc::new((*self.0).clone()))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0
    }

    /// A call begins. Unless its status is told before it ends, its caller went away.
    pub(crate) fn call(&self, method: Option<usize>) -> Call {
        Call {
            meter: self.clone(),
            method,
            began: Instant::now(),
            code: Code::Cancelled,
            trace: None,
        }
    }
}

impl Call {
    /// The call has a trace, which ends when it does.
    pub(crate) fn traced(&mut self, trace: Arc<Trace>) {
        self.trace = Some(trace);
    }

    /// How the call ended.
    pub(crate) const fn ended(&mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(trace) = &self.trace {
            trace.ended(self.code);
        }
        self.meter.0.0.calls.record(self.method, self.code, self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_grpc_does() {
        for (number, name) in CODES.into_iter().enumerate() {
            let code = Code::from_i32(i32::try_from(number).unwrap());
            assert_eq!(code as usize, number);
            let plain = format!("{code:?}").to_uppercase();
            assert_eq!(name.replace('_', ""), plain.replace('_', ""));
        }
    }

    #[test]
    fn a_call_is_in_the_bucket_of_its_time_and_under_its_method() {
        let metrics = Metrics::new();
        let meter = metrics.meter(&["p.S/A".to_owned(), "p.S/B".to_owned()]);
        metrics.0.calls.record(Some(1), Code::Ok, Duration::from_micros(50));
        metrics.0.calls.record(Some(1), Code::Ok, Duration::from_micros(51));
        metrics.0.calls.record(Some(1), Code::Ok, Duration::from_secs(9));
        meter.call(None).ended(Code::Unimplemented);
        let mut cut = meter.for_another().call(Some(0));
        cut.ended(Code::Ok);
        drop(cut);
        drop(meter.call(Some(0)));
        let text = metrics.text();
        let series = |labels: &str, rest: &str| {
            let line = format!("rpc_server_call_duration_seconds_{labels} {rest}");
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        };
        let b = "rpc_method=\"p.S/B\",rpc_response_status_code=\"OK\"";
        series(&format!("bucket{{le=\"0.00005\",{b}}}"), "1");
        series(&format!("bucket{{le=\"0.0001\",{b}}}"), "2");
        series(&format!("bucket{{le=\"5.0\",{b}}}"), "2");
        series(&format!("bucket{{le=\"+Inf\",{b}}}"), "3");
        series(&format!("sum{{{b}}}"), "9.000101");
        series(&format!("count{{{b}}}"), "3");
        let a = "rpc_method=\"p.S/A\",rpc_response_status_code";
        series(&format!("count{{{a}=\"OK\"}}"), "1");
        series(&format!("count{{{a}=\"CANCELLED\"}}"), "1");
        let other = "rpc_method=\"_OTHER\",rpc_response_status_code=\"UNIMPLEMENTED\"";
        series(&format!("count{{{other}}}"), "1");
    }
}

//! The key provider's operations, by how they ended.

use super::Metrics;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use waxseal_kms::{Error, Observer, Operation};

/// How an operation ends.
const OUTCOMES: [&str; 7] =
    ["ok", "unavailable", "throttled", "revoked", "denied", "tampered", "unconfigured"];

#[derive(Debug, Default)]
pub(super) struct KeyCalls([[AtomicU64; OUTCOMES.len()]; Operation::ALL.len()]);

impl Observer for Metrics {
    fn ended(&self, operation: Operation, _: Instant, failure: Option<&Error>) {
        let outcome = match failure {
            None => 0,
            Some(Error::Unavailable { .. }) => 1,
            Some(Error::Throttled { .. }) => 2,
            Some(Error::Revoked { .. }) => 3,
            Some(Error::Denied { .. }) => 4,
            Some(Error::Tampered { .. }) => 5,
            Some(Error::Unconfigured { .. }) => 6,
        };
        self.0.keys.0[operation as usize][outcome].fetch_add(1, Ordering::Relaxed);
    }
}

impl EncodeMetric for KeyCalls {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (operation, counts) in Operation::ALL.into_iter().zip(&self.0) {
            for (outcome, count) in OUTCOMES.into_iter().zip(counts) {
                let count = count.load(Ordering::Relaxed);
                // Always told for what went well, so that its rate is defined from the start.
                if count > 0 || outcome == OUTCOMES[0] {
                    encoder
                        .encode_family(&[("operation", operation.as_str()), ("outcome", outcome)])?
                        .encode_counter::<NoLabelSet, _, u64>(&count, None)?;
                }
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

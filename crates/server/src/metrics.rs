//! What the server counts, and tells in the text format of OpenMetrics.
//!
//! **Architecture Invariant:** no name that a caller chose is a label: no project, no secret, no
//! principal. Methods are those of the definitions, and any other path is `_OTHER`; so there are as
//! many series as the server knows by itself.
//!
//! What a warm call counts costs it a few additions that no other core waits for: counters are
//! kept in [shards](sharded), a thread to each, and added up when somebody asks.

mod calls;
mod keys;
mod sharded;
mod source;
mod views;
mod wire;

pub(crate) use calls::{Call, Meter};
pub(crate) use views::MeteredViews;
pub(crate) use wire::MeteredIo;

use crate::listeners::Connections;
use crate::tls::Certificates;
use calls::Calls;
use keys::KeyCalls;
use prometheus_client::encoding::text;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use sharded::{Gauge, Sharded};
use source::{Kept, Source};
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use waxseal_cache::Counts as SharedCounts;
use waxseal_engine::AuditCounts;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of one server. Cheap to clone; all clones count for the same server.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    calls: Arc<Calls>,
    keys: Arc<KeyCalls>,
    received: Sharded,
    sent: Sharded,
    view_hits: Sharded,
    view_misses: Sharded,
    connections: Gauge,
    streams: Gauge,
    commit_unknown: Sharded,
    rate_limited: Sharded,
    shed: Sharded,
    sources: Sources,
}

/// What is not counted here but read where it is, when somebody asks.
#[derive(Default)]
struct Sources {
    ready: Source,
    head_age: Source,
    in_flight: Source,
    certificate: Source,
    reload_failures: Source,
    connections_refused: Source,
    shared: Arc<source::Shared>,
    cache_auth_fail: Source,
    key_hits: Source,
    audit_unsealed: Source,
    audit_commits: Source,
    audit_rows: Source,
    audit_failures: Source,
    audit_denials_dropped: Source,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Counts from zero.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::default(),
            calls: Arc::default(),
            keys: Arc::default(),
            received: Sharded::default(),
            sent: Sharded::default(),
            view_hits: Sharded::default(),
            view_misses: Sharded::default(),
            connections: Gauge::default(),
            streams: Gauge::default(),
            commit_unknown: Sharded::default(),
            rate_limited: Sharded::default(),
            shed: Sharded::default(),
            sources: Sources::default(),
        };
        inner.register();
        Self(Arc::new(inner))
    }

    /// All of it, as OpenMetrics writes it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.0.registry);
        text
    }

    /// A call was refused because its caller makes too many.
    pub fn rate_limited(&self) {
        self.0.rate_limited.add(1);
    }

    /// A call was refused because the server has too much to do.
    pub fn shed(&self) {
        self.0.shed.add(1);
    }

    /// A connection is open for as long as what this gives.
    #[must_use]
    pub fn connection(&self) -> impl Drop + Send + use<> {
        self.0.connections.hold()
    }

    /// A stream is open for as long as what this gives.
    #[must_use]
    pub fn stream(&self) -> impl Drop + Send + use<> {
        self.0.streams.hold()
    }

    /// Until when the server's certificate is valid, and how many newer ones could not be taken over.
    /// The first that is handed in stays, as with everything that is read.
    pub(crate) fn certificates(&self, certificates: &Arc<Certificates>) {
        let now = certificates.clone();
        self.0.sources.certificate.set(move || {
            let since = now.not_after().duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(since.as_secs_f64())
        });
        let certificates = certificates.clone();
        self.0.sources.reload_failures.set_count(move || certificates.failed_reloads());
    }

    /// Connections that were turned away instead of being served.
    pub(crate) fn connections(&self, connections: Connections) {
        self.0.sources.connections_refused.set_count(move || connections.refused());
    }

    /// The time in seconds since all audit rows were last known to be sealed: none that is not is
    /// older.
    pub(crate) fn audit_unsealed(&self, seconds: impl Fn() -> f64 + Send + Sync + 'static) {
        self.0.sources.audit_unsealed.set(move || Some(seconds()));
    }

    /// What came of disclosures and denials. Rows by commits is the size of a group.
    pub(crate) fn audit(&self, counts: impl Fn() -> AuditCounts + Clone + Send + Sync + 'static) {
        let Sources { audit_commits, audit_rows, audit_failures, audit_denials_dropped, .. } =
            &self.0.sources;
        let read = counts.clone();
        audit_commits.set_count(move || read().commits);
        let read = counts.clone();
        audit_rows.set_count(move || read().rows);
        let read = counts.clone();
        audit_failures.set_count(move || read().failures);
        audit_denials_dropped.set_count(move || counts().denials_dropped);
    }

    /// Whether the server says that it can be called.
    pub(crate) fn readiness(&self, ready: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.sources.ready.set(move || Some(f64::from(u8::from(ready()))));
    }

    /// The time in seconds since the store last answered.
    pub(crate) fn head_age(&self, seconds: impl Fn() -> f64 + Send + Sync + 'static) {
        self.0.sources.head_age.set(move || Some(seconds()));
    }

    /// How many calls are under way.
    pub(crate) fn in_flight(&self, calls: impl Fn() -> usize + Send + Sync + 'static) {
        // A count of calls is far from where a float loses ones.
        #[allow(clippy::cast_precision_loss)]
        self.0.sources.in_flight.set(move || Some(calls() as f64));
    }

    /// What the shared cache did.
    pub(crate) fn shared_cache(&self, counts: impl Fn() -> SharedCounts + Send + Sync + 'static) {
        self.0.sources.shared.set(counts);
    }

    /// Views out of the shared cache that did not open.
    pub(crate) fn cache_auth_fail(&self, count: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.sources.cache_auth_fail.set_count(count);
    }

    /// Data keys that were at hand already when they were asked for.
    pub(crate) fn key_hits(&self, count: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.sources.key_hits.set_count(count);
    }

    /// Whether the server says that it can be called.
    pub(crate) fn is_ready(&self) -> bool {
        self.0.sources.ready.read() == Some(1.0)
    }

    pub(crate) fn commit_unknown(&self) {
        self.0.commit_unknown.add(1);
    }
}

impl Inner {
    /// Every metric, by its name without the suffix that its type brings with it.
    fn register(&mut self) {
        let (counter, gauge) = (MetricType::Counter, MetricType::Gauge);
        let Self { registry, sources, .. } = self;
        let duration = "Time from a call's headers to the end of its answer";
        registry.register("rpc_server_call_duration_seconds", duration, Kept(self.calls.clone()));
        let calls = "Operations of the key provider";
        registry.register("waxseal_key_calls", calls, Kept(self.keys.clone()));
        for (name, help, source, kind) in [
            ("ready", "1 while the server says that it can be called", &sources.ready, gauge),
            ("head_age_seconds", "Time since the store last answered", &sources.head_age, gauge),
            ("calls_in_flight", "Calls under way", &sources.in_flight, gauge),
            (
                "certificate_not_after_seconds",
                "Until when the server's certificate is valid, in seconds since 1970",
                &sources.certificate,
                gauge,
            ),
            (
                "certificate_reload_failures",
                "Certificate files that could not be taken over",
                &sources.reload_failures,
                counter,
            ),
            (
                "connections_refused",
                "Connections turned away",
                &sources.connections_refused,
                counter,
            ),
            (
                "shared_cache_auth_fail",
                "Views out of the shared cache that did not open",
                &sources.cache_auth_fail,
                counter,
            ),
            (
                "data_key_hits",
                "Data keys that were in memory when they were asked for",
                &sources.key_hits,
                counter,
            ),
            (
                "audit_unsealed_seconds",
                "Time since all audit rows were last known to be sealed",
                &sources.audit_unsealed,
                gauge,
            ),
            (
                "audit_commits",
                "Commits that put disclosures and denials on record",
                &sources.audit_commits,
                counter,
            ),
            ("audit_rows", "Disclosures and denials on record", &sources.audit_rows, counter),
            (
                "audit_failures",
                "Disclosures and denials that could not be put on record",
                &sources.audit_failures,
                counter,
            ),
            (
                "audit_denials_dropped",
                "Denials not on record, for too many came at once",
                &sources.audit_denials_dropped,
                counter,
            ),
        ] {
            registry.register(format!("waxseal_{name}"), help, source.reading(kind));
        }
        for (name, help, count) in [
            ("received_bytes", "Bytes that callers sent", &self.received),
            ("sent_bytes", "Bytes that were sent to callers", &self.sent),
            ("view_cache_hits", "Views that were in memory", &self.view_hits),
            ("view_cache_misses", "Views that were not in memory", &self.view_misses),
            (
                "commit_unknown",
                "Changes of which it is not known whether they were made",
                &self.commit_unknown,
            ),
            ("rate_limited", "Calls refused, for their caller makes too many", &self.rate_limited),
            ("shed", "Calls refused, for the server has too much to do", &self.shed),
        ] {
            registry.register(format!("waxseal_{name}"), help, count.clone());
        }
        registry.register("waxseal_connections_open", "Connections", self.connections.clone());
        registry.register("waxseal_streams_open", "Streams of views", self.streams.clone());
        let shared = "What the shared cache did, by outcome";
        registry.register("waxseal_shared_cache_requests", shared, Kept(sources.shared.clone()));
        let panics = "Panics, in handlers and elsewhere";
        registry.register("waxseal_panics", panics, source::process(crate::telemetry::panics));
        let dropped = "Log lines dropped, for nobody read the log";
        let lines = source::process(crate::telemetry::lines_dropped);
        registry.register("waxseal_log_lines_dropped", dropped, lines);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

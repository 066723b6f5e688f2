//! Traces of single calls, for a collector of OpenTelemetry.
//!
//! **Architecture Invariant:** whether a call is traced is decided before anything is made for it,
//! and a span holds the method, the status and names of [steps](Step), nothing that a caller chose.
//! What `traceparent` says decides about tracing and about nothing else.

mod parent;

use crate::config::Telemetry;
use crate::tls;
use http::HeaderMap;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tonic::Code;
use uuid::Uuid;
use waxseal_engine::{Step, Watcher};

/// Calls that are traced in a second because their callers say so.
const CALLERS: u64 = 100;
/// Steps of a call that are told; a cold view opens a key for each of its values.
const STEPS: usize = 64;
/// How long what was not sent yet may take when the server stops.
const FLUSH: Duration = Duration::from_secs(2);

/// Where traces go; nowhere, unless a collector is configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traces(Option<Arc<Inner>>);

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The file cannot be read.
    #[error("the authorities of the collector in {path} cannot be read: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The file holds something else.
    #[error("{path} holds no certificates of authorities, PEM, or something beside them")]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// The library refuses them.
    #[error(
        "the settings of the collector (WAXSEAL_OTLP_, OTEL_EXPORTER_OTLP_) are of no use, or the \
         system has no authorities"
    )]
    Settings,
}

/// TLS that believes the authorities of this file, or else those of the system.
fn trusting(file: Option<&Path>) -> Result<ClientTlsConfig, TracesError> {
    let config = ClientTlsConfig::new();
    let Some(path) = file else {
        return Ok(config.with_native_roots());
    };
    let content = std::fs::read(path)
        .map_err(|error| TracesError::File { path: path.to_owned(), kind: error.kind() })?;
    let none = || TracesError::Authorities { path: path.to_owned() };
    tls::certificates(&content).ok_or_else(none)?;
    Ok(config.ca_certificate(Certificate::from_pem(content)))
}

struct Inner {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// As a part of `u64::MAX`.
    ratio: u64,
    callers: bool,
    began: Instant,
    /// The second since the beginning in the upper half, calls in it in the lower.
    admitted: AtomicU64,
}

impl Traces {
    /// Sends to the collector of the configuration, from the runtime that this is called in. A
    /// collector that is away or slow costs its traces and nothing else.
    ///
    /// # Errors
    /// Authorities or settings of the collector that are of no use.
    pub(crate) fn start(config: &Telemetry) -> Result<Self, TracesError> {
        let Some(collector) = &config.otlp_endpoint else { return Ok(Self(None)) };
        let mut exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(collector.as_str())
            .with_timeout(FLUSH);
        if collector.is_tls() {
            exporter = exporter.with_tls_config(trusting(config.otlp_ca.as_deref())?);
        }
        let exporter = exporter.build().map_err(|_| TracesError::Settings)?;
        let service = config.service_name.clone().unwrap_or_else(|| "waxseal".to_owned());
        let names = [
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let provider = SdkTracerProvider::builder()
            // What is not sampled does not come this far.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(Resource::builder_empty().with_attributes(names).build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Self(Some(Arc::new(Inner {
            tracer: provider.tracer("waxseal"),
            provider,
            ratio: config.trace_ratio.of_all(),
            callers: config.trace_callers,
            began: Instant::now(),
            admitted: AtomicU64::new(0),
        }))))
    }

    /// The trace of a call, if it is to have one. `id` is random.
    pub(crate) fn sample(
        &self,
        headers: &HeaderMap,
        id: Uuid,
        method: Option<&str>,
    ) -> Option<Arc<Trace>> {
        let inner = self.0.as_ref()?;
        let parent = if inner.callers { parent::read(headers) } else { None };
        let asked = parent.as_ref().is_some_and(SpanContext::is_sampled) && inner.admits();
        // Above the random bits are those that say which kind of UUID it is.
        let drawn = (id.as_u64_pair().1 << 2) < inner.ratio;
        (asked || drawn).then(|| Arc::new(Trace::begin(inner, parent, method)))
    }

    /// Sends what was not sent yet, for two seconds at most.
    pub(crate) async fn finish(self) {
        let Some(inner) = self.0 else { return };
        let flush =
            tokio::task::spawn_blocking(move || inner.provider.shutdown_with_timeout(FLUSH));
        let _ = tokio::time::timeout(FLUSH, flush).await;
    }
}

impl Inner {
    /// Whether one more call may be traced in this second because its caller says so.
    fn admits(&self) -> bool {
        let second = self.began.elapsed().as_secs() << 32;
        let admit = |admitted: u64| match admitted & !u64::from(u32::MAX) == second {
            false => Some(second | 1),
            true if admitted & u64::from(u32::MAX) < CALLERS => Some(admitted + 1),
            true => None,
        };
        self.admitted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit).is_ok()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traces")
    }
}

/// The trace of one call.
pub(crate) struct Trace {
    inner: Arc<Inner>,
    /// The call, as the parent of its steps.
    context: Context,
    span: Mutex<Span>,
    steps: AtomicUsize,
}

impl Trace {
    /// `method` is `package.Service/Method`, if it is a known one.
    fn begin(inner: &Arc<Inner>, parent: Option<SpanContext>, method: Option<&str>) -> Self {
        let name = method.unwrap_or("_OTHER").to_owned();
        let mut attributes = vec![KeyValue::new("rpc.system", "grpc")];
        if let Some((service, method)) = name.split_once('/') {
            attributes.push(KeyValue::new("rpc.service", service.to_owned()));
            attributes.push(KeyValue::new("rpc.method", method.to_owned()));
        }
        // Not what happens to be current on this thread.
        let above = Context::new();
        let above = match parent {
            Some(parent) => above.with_remote_span_context(parent),
            None => above,
        };
        let span = inner
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(&inner.tracer, &above);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        let (inner, span) = (inner.clone(), Mutex::new(span));
        Self { inner, context, span, steps: AtomicUsize::new(0) }
    }

    /// The call has ended.
    pub(crate) fn ended(&self, code: Code) {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        span.set_attribute(KeyValue::new("rpc.grpc.status_code", code as i64));
        // What a caller did wrong is no failure of the server.
        let fault = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if fault {
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Watcher for Trace {
    fn stepped(&self, step: Step, began: Instant, failed: bool) {
        if self.steps.fetch_add(1, Ordering::Relaxed) >= STEPS {
            return;
        }
        let name = match step {
            Step::Head => "store head",
            Step::ViewRows => "store view rows",
            Step::Begin => "store begin",
            Step::Commit => "store commit",
            Step::GenerateKey => "key generate",
            Step::UnwrapKey => "key unwrap",
            Step::SharedView => "shared cache get",
        };
        #[allow(clippy::disallowed_methods, reason = "says when a step was, and nothing more")]
        let now = SystemTime::now();
        let mut span = self
            .inner
            .tracer
            .span_builder(name)
            .with_kind(SpanKind::Client)
            .with_start_time(now.checked_sub(began.elapsed()).unwrap_or(now))
            .start_with_context(&self.inner.tracer, &self.context);
        if failed {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(now);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn callers_are_heard_so_often_a_second_and_others_by_the_ratio() {
        let traces = |ratio: &str, callers| {
            Traces::start(&Telemetry {
                otlp_endpoint: Some("http://127.0.0.1:1".parse().unwrap()),
                trace_ratio: ratio.parse().unwrap(),
                trace_callers: callers,
                ..Telemetry::default()
            })
            .unwrap()
        };
        let mut headers = HeaderMap::new();
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", parent.parse().unwrap());
        let sampled = |traces: &Traces, headers: &HeaderMap, calls: usize| {
            let taken = |_: &usize| traces.sample(headers, Uuid::new_v4(), None).is_some();
            (0..calls).filter(taken).count()
        };
        // It may be that a second begins meanwhile, or two on a machine that is busy.
        let heard = sampled(&traces("0", true), &headers, 10_000);
        assert!((100..=1_000).contains(&heard), "{heard}");
        assert_eq!(sampled(&traces("0", false), &headers, 1_000), 0);
        assert_eq!(sampled(&traces("0", true), &HeaderMap::new(), 1_000), 0);
        assert_eq!(sampled(&traces("1", false), &HeaderMap::new(), 1_000), 1_000);
        let some = sampled(&traces("0.1", true), &HeaderMap::new(), 20_000);
        assert!((1_500..2_500).contains(&some), "{some}");
        assert_eq!(sampled(&Traces::default(), &headers, 1_000), 0);
    }
}

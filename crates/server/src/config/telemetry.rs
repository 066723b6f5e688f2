//! What the server tells about itself.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Metrics, health for probes, and traces.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Telemetry")]
pub struct Telemetry {
    /// Where to serve /metrics, /healthz and /readyz, as plain HTTP without credentials: ADDR:PORT,
    /// for example 127.0.0.1:7467. Nothing of it is secret. Without it they are not served.
    #[arg(long, env = "WAXSEAL_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,

    /// A collector of OpenTelemetry traces that speaks OTLP over gRPC: http://HOST:PORT or
    /// https://HOST:PORT, for example http://127.0.0.1:4317. Where it is not set,
    /// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and then OTEL_EXPORTER_OTLP_ENDPOINT are read. Without any
    /// no call is traced. Traces are of the service that OTEL_SERVICE_NAME names, or of waxseal.
    #[arg(long, env = "WAXSEAL_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<Collector>,

    /// Authorities of a collector with https://, PEM; without it those of the system. Where it is not
    /// set, OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE and then OTEL_EXPORTER_OTLP_CERTIFICATE are read.
    #[arg(long, env = "WAXSEAL_OTLP_CA", value_name = "FILE")]
    pub otlp_ca: Option<PathBuf>,

    /// The service that traces are of; no setting of ours, see [`Telemetry::fill_in`].
    #[arg(skip)]
    pub service_name: Option<String>,

    /// How many calls are traced, as a part of all: from 0 to 1.
    #[arg(
        long,
        env = "WAXSEAL_TRACE_RATIO",
        value_name = "RATIO",
        default_value_t = Ratio::default()
    )]
    pub trace_ratio: Ratio,

    /// Trace what a caller says is traced (the sampled flag of `traceparent`), up to 100 calls a
    /// second, beside those of the ratio.
    #[arg(
        long,
        env = "WAXSEAL_TRACE_CALLERS",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub trace_callers: bool,
}

/// The address of a collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector(String);

/// A part of all, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio(u32);

const WHOLE: u32 = 1_000_000;

/// Text that is no address of a collector, or no ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub(super) &'static str);

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            admin_listen: None,
            otlp_endpoint: None,
            otlp_ca: None,
            service_name: None,
            trace_ratio: Ratio::default(),
            trace_callers: true,
        }
    }
}

impl Default for Ratio {
    fn default() -> Self {
        Self(WHOLE / 100)
    }
}

impl Ratio {
    /// A part of `u64::MAX`.
    pub(crate) fn of_all(self) -> u64 {
        if self.0 == WHOLE { u64::MAX } else { u64::MAX / u64::from(WHOLE) * u64::from(self.0) }
    }
}

impl FromStr for Ratio {
    type Err = Invalid;

    fn from_str(input: &str) -> Result<Self, Invalid> {
        const RULE: Invalid = Invalid("must be a number from 0 to 1, as in 0.01");
        let ratio: f64 = input.parse().map_err(|_| RULE)?;
        if !(0.0..=1.0).contains(&ratio) {
            return Err(RULE);
        }
        // Within the range that was checked.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(Self((ratio * f64::from(WHOLE)).round() as u32))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (f64::from(self.0) / f64::from(WHOLE)).fmt(f)
    }
}

impl FromStr for Collector {
    type Err = Invalid;

    fn from_str(input: &str) -> Result<Self, Invalid> {
        const RULE: Invalid = Invalid(
            "must be http:// or https:// and a host, perhaps with a port: OTLP over gRPC has no path",
        );
        let uri: http::Uri = input.parse().map_err(|_| RULE)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = known && uri.path() == "/" && uri.query().is_none();
        // A name and password would be shown with the rest of the configuration.
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if plain && bare { Ok(Self(input.to_owned())) } else { Err(RULE) }
    }
}

impl Collector {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl Telemetry {
    /// One line for each setting.
    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn fmt::Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self {
            admin_listen,
            otlp_endpoint,
            otlp_ca,
            service_name: _,
            trace_ratio,
            trace_callers,
        } = self;
        let listen = admin_listen.map(|address| address.to_string()).unwrap_or_default();
        line("ADMIN_LISTEN", &listen);
        line("OTLP_ENDPOINT", &otlp_endpoint.as_ref().map(Collector::as_str).unwrap_or_default());
        let ca = otlp_ca.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        line("OTLP_CA", &ca);
        line("TRACE_RATIO", trace_ratio);
        line("TRACE_CALLERS", trace_callers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_collectors_are_read() {
        let ratio = |text: &str| text.parse::<Ratio>();
        assert_eq!(ratio("0.01"), Ok(Ratio::default()));
        assert_eq!(Ratio::default().to_string(), "0.01");
        assert_eq!(ratio("0").unwrap().of_all(), 0);
        assert_eq!(ratio("1").unwrap().of_all(), u64::MAX);
        for bad in ["", "-0.1", "1.1", "NaN", "inf", "1%"] {
            assert!(ratio(bad).is_err(), "{bad:?}");
        }
        let collector = |text: &str| text.parse::<Collector>();
        assert!(!collector("http://127.0.0.1:4317").unwrap().is_tls());
        assert!(collector("https://h").unwrap().is_tls());
        for bad in ["", "127.0.0.1:4317", "ftp://h", "http://u:p@h", "http://h/v1", "http://h?x"] {
            assert!(collector(bad).is_err(), "{bad:?}");
        }
    }
}

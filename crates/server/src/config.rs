//! What an operator can set: one option and one environment variable for each thing.

mod audit;
mod engines;
mod identity;
mod limits;
mod listen;
mod opentelemetry;
mod telemetry;
mod tls;
mod units;
mod variables;

pub use audit::Audit;
pub use engines::{Engines, Sensitive};
pub use identity::Identities;
pub use limits::Limits;
pub use listen::Listen;
pub use telemetry::{Collector, Ratio, Telemetry};
pub(crate) use tls::TlsFiles;
pub use tls::{ClientAuth, Transport};
pub use variables::refuse_unknown;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;
use waxseal_domain::limits::Quotas;

const MIB: u64 = 1 << 20;
/// The longest drain: a stop has to be over within 30 seconds.
const DRAIN_MAX: Duration = Duration::from_secs(25);

/// The configuration of a server. Every option can also be given as an environment variable; the
/// option wins.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Config {
    /// Where to listen: ADDR:PORT or unix:PATH. May be given several times, or separated by
    /// commas. Port 0 takes any free port. A Unix socket is made with mode 0600.
    #[arg(
        long,
        env = "WAXSEAL_LISTEN",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "127.0.0.1:7466"
    )]
    pub listen: Vec<Listen>,

    /// The directory of the database and the key file. It is made, mode 0700, if it does not
    /// exist; one that others may enter is refused. One server at a time may use it.
    #[arg(long, env = "WAXSEAL_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// What it is put together from.
    #[command(flatten)]
    pub engines: Engines,

    /// How callers reach it.
    #[command(flatten)]
    pub transport: Transport,

    /// Who else vouches for callers.
    #[command(flatten)]
    pub identities: Identities,
    /// How the audit trail is kept.
    #[command(flatten)]
    pub audit: Audit,

    /// Which services to serve here: all, or only those that one kind of host needs, so that a key
    /// service's policy can keep restricted values from the hosts where people manage secrets.
    #[arg(
        long,
        env = "WAXSEAL_SERVICES",
        value_name = "SERVICES",
        value_enum,
        default_value_t,
        help_heading = None
    )]
    pub services: Services,

    /// What to log, to standard error: error, warn, info, debug, trace or off, for all or for
    /// single modules (warn,waxseal_engine=debug). Libraries never log below info: their frames
    /// hold values and tokens.
    #[arg(long, env = "WAXSEAL_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// How to log.
    #[arg(long, env = "WAXSEAL_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// Most environments in a project, main among them.
    #[arg(
        long,
        env = "WAXSEAL_MAX_ENVIRONMENTS",
        value_name = "COUNT",
        value_parser = units::count,
        default_value_t = Quotas::default().environments
    )]
    pub max_environments: usize,

    /// Most secrets in a project, deleted ones that are not purged yet among them.
    #[arg(
        long,
        env = "WAXSEAL_MAX_SECRETS",
        value_name = "COUNT",
        value_parser = units::count,
        default_value_t = Quotas::default().secrets
    )]
    pub max_secrets: usize,

    /// Versions of a slot that are kept for rollback, the current one among them.
    #[arg(
        long,
        env = "WAXSEAL_KEPT_VERSIONS",
        value_name = "COUNT",
        value_parser = units::count,
        default_value_t = Quotas::default().versions
    )]
    pub kept_versions: usize,

    /// How long a deleted secret or project can be brought back: a number and ms, s, m, h or d.
    #[arg(
        long,
        env = "WAXSEAL_SECRET_RETENTION",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "30d"
    )]
    pub secret_retention: Duration,

    /// How often deleted secrets and projects whose time is over are looked for and purged: a
    /// number and ms, s, m, h or d.
    #[arg(
        long,
        env = "WAXSEAL_PURGE_INTERVAL",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "1h"
    )]
    pub purge_interval: Duration,

    /// After this a user interface should hide a revealed value again: a number and ms, s, m, h or d.
    #[arg(
        long,
        env = "WAXSEAL_REVEAL_TIME",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "30s"
    )]
    pub reveal_time: Duration,

    /// Memory for encoded views: a number of bytes, or one with KiB, MiB or GiB.
    #[arg(
        long,
        env = "WAXSEAL_VIEW_CACHE",
        value_name = "SIZE",
        value_parser = units::size,
        default_value = "64MiB"
    )]
    pub view_cache: u64,

    /// Threads that serve connections, each with its own share of them, up to 1024: best one for
    /// each core, which is the default. With 0, all connections are served by the threads that do
    /// everything else.
    #[arg(
        long,
        env = "WAXSEAL_WORKERS",
        value_name = "COUNT",
        value_parser = units::workers,
        default_value_t = cores()
    )]
    pub workers: usize,

    /// How long a stopping server waits for calls that are under way, at most 25s.
    #[arg(
        long,
        env = "WAXSEAL_DRAIN_TIMEOUT",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "20s"
    )]
    pub drain_timeout: Duration,

    /// How long a stream of WatchEnvironment lives; then its client takes it up again, maybe at
    /// another server: a number and ms, s, m, h or d.
    #[arg(
        long,
        env = "WAXSEAL_WATCH_MAX_AGE",
        value_name = "TIME",
        value_parser = units::duration,
        default_value = "15m"
    )]
    pub watch_max_age: Duration,

    /// What is taken of callers.
    #[command(flatten)]
    pub limits: Limits,

    /// Serve without TLS on an address that other machines can reach. Values and tokens then
    /// cross the network in clear; only for a network that encrypts by itself.
    #[arg(
        long,
        env = "WAXSEAL_ALLOW_PLAINTEXT",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        default_value_t = false,
        default_missing_value = "true"
    )]
    pub allow_plaintext: bool,

    /// What it tells about itself.
    #[command(flatten)]
    pub telemetry: Telemetry,
}

/// What a host serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Services {
    /// Everything.
    #[default]
    All,
    /// Projects, environments, secrets: what people and their tools call.
    Management,
    /// Resolving, watching, rendering: what agents call.
    Runtime,
    /// The status of data keys, and wrapping them anew.
    Keys,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// A configuration that is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// An environment variable that begins with `WAXSEAL_` and is none of ours: more likely a slip
    /// than something to ignore.
    #[error("the environment variable {name} is not known; did you mean {nearest}?")]
    UnknownVariable {
        /// The variable. Its content is not looked at.
        name: String,
        /// The known one that differs least.
        nearest: String,
    },
    /// Nowhere to listen.
    #[error("nowhere to listen: set --listen (WAXSEAL_LISTEN) to ADDR:PORT or unix:PATH")]
    NowhereToListen,
    /// A network address without TLS.
    #[error(
        "{address} can be reached from other machines, and this server has no TLS: values and \
         tokens would cross the network in clear. Set --tls-cert (WAXSEAL_TLS_CERT) and --tls-key \
         (WAXSEAL_TLS_KEY), listen on 127.0.0.1, [::1] or unix:PATH, or set \
         WAXSEAL_ALLOW_PLAINTEXT=true if the network encrypts by itself"
    )]
    Plaintext {
        /// The address.
        address: SocketAddr,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error(
        "TLS needs both --tls-cert (WAXSEAL_TLS_CERT) and --tls-key (WAXSEAL_TLS_KEY), or neither"
    )]
    HalfOfTls,
    /// Client certificates are asked for, and cannot be verified.
    #[error(
        "client certificates need --tls-client-ca (WAXSEAL_TLS_CLIENT_CA), --tls-cert \
         (WAXSEAL_TLS_CERT) and --tls-key (WAXSEAL_TLS_KEY)"
    )]
    ClientCertificates,
    /// A drain that could take longer than a stop may.
    #[error("--drain-timeout (WAXSEAL_DRAIN_TIMEOUT) must be at most 25s")]
    DrainTooLong,
    /// A production database whose keys are in a file beside it.
    #[error(
        "the database is PostgreSQL, and its wrapping keys would be in a file: set --kms-key \
         (WAXSEAL_KMS_KEY), or WAXSEAL_ALLOW_LOCAL_KEYS=true if that is meant"
    )]
    LocalKeys,
    /// Settings of KMS without a key.
    #[error("KMS is configured without a key: set --kms-key (WAXSEAL_KMS_KEY)")]
    NoKmsKey,
    /// A variable of OpenTelemetry that cannot be followed.
    #[error("{name} {why}; --otlp-endpoint (WAXSEAL_OTLP_ENDPOINT) would go before it")]
    OpenTelemetry {
        /// The variable. What it is set to is not told.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// A file with a setting that cannot be read.
    #[error("cannot read the setting in {path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: String,
    },
    /// A log filter that does not parse.
    #[error(
        "--log (WAXSEAL_LOG) is not a filter: write a level (info) or levels of single modules \
         (warn,waxseal_engine=debug)"
    )]
    LogFilter,
    /// There is no thread to be had that writes the log.
    #[error("cannot start the thread that writes the log")]
    LogThread,
}

impl Services {
    /// Whether a service of ours, by its name without the package, is among these.
    pub(crate) fn serve(self, service: &str) -> bool {
        match self {
            Self::All => true,
            Self::Runtime => service == "RuntimeService",
            Self::Keys => service == "KeyService",
            Self::Management => !["RuntimeService", "KeyService"].contains(&service),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Management => "management",
            Self::Runtime => "runtime",
            Self::Keys => "keys",
        }
    }
}

/// How many cores there are for this process.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(units::WORKERS_MAX)
}

impl Default for Config {
    fn default() -> Self {
        let Quotas { environments, secrets, versions, retention, reveal } = Quotas::default();
        Self {
            listen: vec![Listen::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 7466)))],
            data_dir: None,
            engines: Engines::default(),
            transport: Transport::default(),
            identities: Identities::default(),
            audit: Audit::default(),
            services: Services::default(),
            log: "info".to_owned(),
            log_format: LogFormat::default(),
            max_environments: environments,
            max_secrets: secrets,
            kept_versions: versions,
            secret_retention: retention,
            purge_interval: Duration::from_secs(3_600),
            reveal_time: reveal,
            view_cache: 64 * MIB,
            workers: cores(),
            drain_timeout: Duration::from_secs(20),
            watch_max_age: Duration::from_secs(15 * 60),
            limits: Limits::default(),
            allow_plaintext: false,
            telemetry: Telemetry::default(),
        }
    }
}

impl Config {
    /// Checks what no single option can tell by itself.
    ///
    /// # Errors
    /// What has to be set otherwise, and why.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::NowhereToListen);
        }
        self.transport.check()?;
        if let Some(address) = self.plaintext()
            && !self.allow_plaintext
        {
            return Err(ConfigError::Plaintext { address });
        }
        if self.drain_timeout > DRAIN_MAX {
            return Err(ConfigError::DrainTooLong);
        }
        self.engines.check()?;
        crate::telemetry::filter(&self.log).map(drop)
    }

    /// The first address that other machines can reach.
    #[must_use]
    pub(crate) fn exposed(&self) -> Option<SocketAddr> {
        self.listen.iter().find_map(|listen| match listen {
            Listen::Tcp(address) if !address.ip().is_loopback() => Some(*address),
            Listen::Tcp(_) | Listen::Unix(_) => None,
        })
    }

    /// The first address that other machines can reach without TLS.
    pub(crate) fn plaintext(&self) -> Option<SocketAddr> {
        self.exposed().filter(|_| self.transport.tls().is_none())
    }

    pub(crate) const fn quotas(&self) -> Quotas {
        Quotas {
            environments: self.max_environments,
            secrets: self.max_secrets,
            versions: self.kept_versions,
            retention: self.secret_retention,
            reveal: self.reveal_time,
        }
    }

    /// The configuration in force, one `NAME=value` a line, as it could be set. Nothing in it is
    /// secret: keys and tokens are in files, and none of their content is here.
    #[must_use]
    pub fn effective(&self) -> String {
        // Every field by name: one that is forgotten here does not compile.
        let Self {
            listen,
            data_dir,
            engines,
            transport,
            identities,
            audit,
            services,
            log,
            log_format,
            max_environments,
            max_secrets,
            kept_versions,
            secret_retention,
            purge_interval,
            reveal_time,
            view_cache,
            workers,
            drain_timeout,
            watch_max_age,
            limits,
            allow_plaintext,
            telemetry,
        } = self;
        let listen = listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let data_dir = data_dir.as_ref().map(|dir| dir.display().to_string()).unwrap_or_default();
        let log_format = match log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let mut lines = String::new();
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "WAXSEAL_{name}={value}");
        };
        line("LISTEN", &listen);
        line("DATA_DIR", &data_dir);
        engines.show(&mut line);
        transport.show(&mut line);
        identities.show(&mut line);
        audit.show(&mut line);
        line("SERVICES", &services.as_str());
        line("LOG", log);
        line("LOG_FORMAT", &log_format);
        line("MAX_ENVIRONMENTS", max_environments);
        line("MAX_SECRETS", max_secrets);
        line("KEPT_VERSIONS", kept_versions);
        line("SECRET_RETENTION", &units::show_duration(*secret_retention));
        line("PURGE_INTERVAL", &units::show_duration(*purge_interval));
        line("REVEAL_TIME", &units::show_duration(*reveal_time));
        line("VIEW_CACHE", &units::show_size(*view_cache));
        line("WORKERS", workers);
        line("DRAIN_TIMEOUT", &units::show_duration(*drain_timeout));
        line("WATCH_MAX_AGE", &units::show_duration(*watch_max_age));
        limits.show(&mut line);
        line("ALLOW_PLAINTEXT", allow_plaintext);
        telemetry.show(&mut line);
        lines
    }
}

#[cfg(test)]
mod tests;

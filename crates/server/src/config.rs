//! What an operator can set: one option and one environment variable for each thing.

mod audit;
mod effective;
mod engines;
mod error;
mod identity;
mod limits;
mod listen;
mod opentelemetry;
mod services;
mod telemetry;
mod tls;
mod units;
mod variables;

pub use audit::Audit;
pub use engines::{Engines, Sensitive};
pub use error::ConfigError;
pub use identity::Identities;
pub use limits::Limits;
pub use listen::Listen;
pub use services::Services;
pub use telemetry::{Collector, Ratio, Telemetry};
pub(crate) use tls::TlsFiles;
pub use tls::{ClientAuth, Transport};
pub use variables::refuse_unknown;

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

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
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
}

#[cfg(test)]
mod tests;

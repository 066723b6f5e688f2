//! Where the servers are, and how long anything may take.

use super::link::Target;
use ::redis::cluster::ClusterClientBuilder;
use ::redis::io::tcp::TcpSettings;
use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    TlsCertificates,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use socket2::TcpKeepalive;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// How a shared cache is reached.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/DB]`, `rediss://` for TLS, or `unix:///PATH`. One for a
    /// single server; several, or one with [`Self::cluster`], are the first nodes to ask of a
    /// Cluster, and agree on TLS, user and password.
    pub urls: Vec<String>,
    /// Whether the only URL is that of a Cluster.
    pub cluster: bool,
    /// For TLS, the certificates to trust instead of the system's, in PEM.
    pub roots: Option<Vec<u8>>,
    /// How long a view is kept, give or take a fifth. From a second; 15 minutes by default.
    pub ttl: Duration,
    /// How long a caller waits at most. 20 ms by default.
    pub budget: Duration,
    /// How long it may take to connect to a server and to log in. 1 s by default.
    pub connect_timeout: Duration,
}

impl RedisSettings {
    /// These servers, and the defaults.
    #[must_use]
    pub fn new(urls: Vec<String>) -> Self {
        Self {
            urls,
            cluster: false,
            roots: None,
            ttl: Duration::from_secs(15 * 60),
            budget: Duration::from_millis(20),
            connect_timeout: Duration::from_secs(1),
        }
    }

    pub(super) fn target(&self) -> Result<Target, RedisUrlError> {
        if self.ttl < Duration::from_secs(1) {
            return Err(RedisUrlError::Ttl);
        }
        let servers = self.urls.iter().zip(1..).map(|(url, at)| server(url, at));
        let servers: Vec<_> = servers.collect::<Result<_, _>>()?;
        let tls = |server: &ConnectionInfo| matches!(server.addr(), ConnectionAddr::TcpTls { .. });
        if servers.iter().any(tls) && CryptoProvider::get_default().is_none() {
            // An error means that another was faster.
            let _ = ring::default_provider().install_default();
        }
        let roots = self.roots()?;
        match <[_; 1]>::try_from(servers) {
            Ok([server]) if !self.cluster => {
                // Answers have a deadline of their own, whoever waits for them.
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(self.connect_timeout))
                    .set_response_timeout(None);
                let client = match roots {
                    Some(roots) if tls(&server) => Client::build_with_tls(server, roots),
                    _ => Client::open(server),
                };
                Ok(Target::single(client.map_err(|_| RedisUrlError::Invalid(1))?, config))
            }
            Ok([server]) => self.cluster(vec![server], roots),
            Err(servers) if servers.is_empty() => Err(RedisUrlError::Missing),
            Err(servers) => self.cluster(servers, roots),
        }
    }

    fn cluster(
        &self,
        servers: Vec<ConnectionInfo>,
        roots: Option<TlsCertificates>,
    ) -> Result<Target, RedisUrlError> {
        // Also where the driver would go on with what the first says.
        let common = |server: &ConnectionInfo| {
            let tls = match server.addr() {
                ConnectionAddr::Tcp(..) => false,
                ConnectionAddr::TcpTls { .. } => true,
                _ => return None,
            };
            let login = server.redis_settings();
            let word = |word: Option<&str>| word.map(str::to_owned);
            (login.db() == 0).then(|| (tls, word(login.username()), word(login.password())))
        };
        let first = servers.first().and_then(common).ok_or(RedisUrlError::Differ)?;
        if servers.iter().any(|server| common(server).as_ref() != Some(&first)) {
            return Err(RedisUrlError::Differ);
        }
        let mut builder = ClusterClientBuilder::new(servers)
            .connection_timeout(self.connect_timeout)
            .response_timeout(self.connect_timeout)
            .overall_response_timeout(None)
            // For a slot that moved: there is no time for more.
            .retries(2)
            .tcp_settings(tcp());
        if let Some(roots) = roots {
            builder = builder.certs(roots);
        }
        let client = builder.build().map_err(|_| RedisUrlError::Differ)?;
        // Connecting takes three steps: to the nodes of the URLs, their map, and the other nodes.
        Ok(Target::cluster(client, 3 * self.connect_timeout))
    }

    fn roots(&self) -> Result<Option<TlsCertificates>, RedisUrlError> {
        let Some(pem) = &self.roots else { return Ok(None) };
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect();
        if certificates.is_empty() || certificates.iter().any(Result::is_err) {
            return Err(RedisUrlError::Roots);
        }
        Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) }))
    }
}

/// Never has a URL: it may hold a password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls, cluster, roots, ttl, budget, connect_timeout } = self;
        f.debug_struct("RedisSettings")
            .field("urls", &format_args!("{} redacted", urls.len()))
            .field("cluster", cluster)
            .field("roots", &roots.is_some())
            .field("ttl", ttl)
            .field("budget", budget)
            .field("connect_timeout", connect_timeout)
            .finish()
    }
}

/// Why settings cannot be used. Names a URL by its place, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// There is none.
    #[error("a Redis URL is missing")]
    Missing,
    /// It is not one of a server.
    #[error("Redis URL {0} must be redis://, rediss:// or unix:// with a host or a path")]
    Invalid(usize),
    /// It turns the check of certificates off.
    #[error("Redis URL {0} must not end in #insecure")]
    Insecure(usize),
    /// They are not of one Cluster.
    #[error(
        "the URLs of a Redis Cluster must agree on TLS, user and password, and name neither a \
         socket nor a database"
    )]
    Differ,
    /// The certificates to trust cannot be read.
    #[error("the certificates for Redis must be PEM")]
    Roots,
    /// Views would be gone at once.
    #[error("views must be kept in Redis for at least a second")]
    Ttl,
}

fn server(url: &str, at: usize) -> Result<ConnectionInfo, RedisUrlError> {
    let server = url.into_connection_info().map_err(|_| RedisUrlError::Invalid(at))?;
    if matches!(server.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
        return Err(RedisUrlError::Insecure(at));
    }
    // Says to the server who calls, which needs a permission, and helps nobody.
    let redis = server.redis_settings().clone().set_skip_set_lib_name();
    Ok(server.set_redis_settings(redis).set_tcp_settings(tcp()))
}

/// A peer that vanished without a word is noticed within seconds, also when nothing is sent.
fn tcp() -> TcpSettings {
    const SILENCE: Duration = Duration::from_secs(5);
    let keepalive = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(Duration::from_secs(1))
        .with_retries(3);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(SILENCE);
    settings
}

/// The duration times a random factor from the range.
pub(super) fn jittered(duration: Duration, factors: Range<f64>) -> Duration {
    // Chance is for spreading alone here: without it, everything takes its time.
    let chance = getrandom::u32().map_or(1.0, |n| f64::from(n) / f64::from(u32::MAX));
    duration.mul_f64(factors.start + (factors.end - factors.start) * chance)
}

//! How to reach the database, and how long to wait for it.

use crate::{Error, Result};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How to reach the database, and how long to wait for it.
#[derive(Clone)]
pub struct Settings {
    /// Where it is, as libpq writes it: `postgres://user:password@host:port/database?option=..`.
    /// Options beside those of the driver: `sslmode` (disable, prefer, require; verify-ca and
    /// verify-full are require) and `sslrootcert` (a PEM file to verify the server against, in
    /// place of the system's roots). Certificates are always verified. Without `sslmode`, TLS is
    /// required, but for this machine itself, where none is used.
    pub url: String,
    /// Connections in the pool, at least 1; two more are open for the heads.
    pub max_connections: usize,
    /// For a connection to be made and prepared; where the URL names several hosts, for all of them.
    pub connect_timeout: Duration,
    /// For a connection of the pool to become free.
    pub acquire_timeout: Duration,
    /// For a statement, as the server sees it.
    pub statement_timeout: Duration,
    /// For the answer to a statement, as this process sees it; also where the server is silent.
    pub query_timeout: Duration,
    /// For a row that another transaction holds.
    pub lock_timeout: Duration,
    /// For the answer to the question for heads, and to the one whether the store can be used.
    pub head_timeout: Duration,
    /// Between two looks for heads that moved.
    pub poll_interval: Duration,
    /// Begin a new life of the store on whatever state is there, as after a restore.
    pub adopt: bool,
}

impl Settings {
    /// The settings for this database, with every wait at its default.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 16,
            connect_timeout: Duration::from_secs(2),
            acquire_timeout: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
            query_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(1),
            head_timeout: Duration::from_secs(1),
            poll_interval: Duration::from_millis(50),
            adopt: false,
        }
    }

    /// Whether the URL reads and the certificates that it names are there. Opens no connection.
    ///
    /// # Errors
    /// [`Error::Unavailable`], which never holds the URL.
    pub fn check(&self) -> Result<()> {
        self.target().map(drop)
    }

    pub(super) fn target(&self) -> Result<Target> {
        let (url, options) = split(&self.url)?;
        let mut config: Config =
            url.parse().map_err(|_| unusable("the URL of the database does not read"))?;
        if config.get_hosts().is_empty() {
            return Err(unusable("the URL of the database names no host"));
        }
        let mode = options.mode.unwrap_or_else(|| default_mode(&config));
        // One that vanished must not take up the time of those after it.
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
        let parts = if hosts > 1 { u32::try_from(hosts).unwrap_or(u32::MAX) + 1 } else { 1 };
        config
            .ssl_mode(mode)
            .application_name("waxseal")
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(self.connect_timeout / parts)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(10));
        let roots = match (&options.root, mode) {
            (_, SslMode::Disable) => RootCertStore::empty(),
            (Some(path), _) => roots_of(path)?,
            (None, _) => system_roots()?,
        };
        let name = config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned();
        Ok(Target { config, tls: tls(roots)?, name })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("url", &"[redacted]")
            .field("max_connections", &self.max_connections)
            .field("connect_timeout", &self.connect_timeout)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("query_timeout", &self.query_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("head_timeout", &self.head_timeout)
            .field("poll_interval", &self.poll_interval)
            .field("adopt", &self.adopt)
            .finish()
    }
}

/// Settings as the driver takes them.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// The database's name.
    pub(super) name: String,
}

#[derive(Default)]
struct Options {
    mode: Option<SslMode>,
    root: Option<String>,
}

/// Takes out the options that the driver does not know, or knows otherwise.
fn split(url: &str) -> Result<(String, Options)> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(unusable("the URL of the database does not begin with postgres://"));
    }
    let mut options = Options::default();
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), options)) };
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(ssl_mode(mode)?),
            Some(("sslrootcert", path)) => {
                let path = percent_decode_str(path).decode_utf8();
                let path = path.map_err(|_| unusable("sslrootcert is not UTF-8"))?;
                options.root = Some(path.into_owned());
            }
            _ => kept.push(pair),
        }
    }
    let kept = kept.join("&");
    Ok((if kept.is_empty() { base.to_owned() } else { format!("{base}?{kept}") }, options))
}

fn ssl_mode(mode: &str) -> Result<SslMode> {
    match mode {
        "disable" => Ok(SslMode::Disable),
        "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Ok(SslMode::Require),
        _ => Err(unusable("sslmode is none of disable, prefer, require, verify-ca, verify-full")),
    }
}

/// A password and every sealed record would cross a network in the clear if nobody had thought of
/// TLS; so it takes a word to go without.
fn default_mode(config: &Config) -> SslMode {
    let here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    };
    let hosts = config.get_hosts().iter().all(here);
    let addresses = config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    if hosts && addresses { SslMode::Disable } else { SslMode::Require }
}

fn roots_of(path: &str) -> Result<RootCertStore> {
    let bad = || unusable("the file of sslrootcert does not hold PEM certificates");
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| bad())? {
        roots.add(certificate.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() { Err(bad()) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(unusable(
            "TLS needs certificates to verify the server against, and this system has none; name \
             a file with sslrootcert",
        ));
    }
    Ok(roots)
}

fn tls(roots: RootCertStore) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable("TLS could not be set up"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn unusable(what: &str) -> Error {
    Error::Unavailable { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        let (url, options) = split(url).unwrap();
        options.mode.unwrap_or_else(|| default_mode(&url.parse().unwrap()))
    }

    #[test]
    fn tls_is_required_unless_the_url_says_otherwise_or_it_is_this_machine() {
        assert_eq!(mode("postgres://db.example/x"), SslMode::Require);
        assert_eq!(mode("postgres://db.example/x?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://db.example/x?sslmode=prefer"), SslMode::Prefer);
        assert_eq!(mode("postgres://db.example/x?sslmode=verify-full"), SslMode::Require);
        assert_eq!(mode("postgres://127.0.0.1,db.example/x"), SslMode::Require);
        for here in ["localhost", "127.0.0.1", "%2Frun%2Fpostgresql", "[::1]"] {
            assert_eq!(mode(&format!("postgresql://{here}/x")), SslMode::Disable, "{here}");
        }
        assert_eq!(mode("postgres://localhost/x?sslmode=require"), SslMode::Require);
    }

    #[test]
    fn the_root_certificate_is_taken_out_and_the_rest_is_left() {
        let (url, options) =
            split("postgres://h/x?sslrootcert=%2Fa%20b.pem&options=-c%20a%3Db&port=9").unwrap();
        assert_eq!(url, "postgres://h/x?options=-c%20a%3Db&port=9");
        assert_eq!(options.root.as_deref(), Some("/a b.pem"));
    }

    #[test]
    fn no_failure_shows_the_url() {
        for url in [
            "CANARY",
            "mysql://CANARY",
            "postgres://u:CANARY@h:notaport/x",
            "postgres://u:CANARY@h/x?CANARY=1",
            "postgres://u:CANARY@h/x?sslmode=CANARY",
            "postgres://u:CANARY@h/x?sslrootcert=/CANARY",
            "postgres:///CANARY",
        ] {
            let settings = Settings::new(url);
            let error = settings.check().unwrap_err();
            assert!(!format!("{error} {error:?} {settings:?}").contains("CANARY"), "{error:?}");
        }
    }
}

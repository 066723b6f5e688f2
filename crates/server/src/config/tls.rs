//! How callers reach a server: TLS, and how many connections there may be.

use super::ConfigError;
use std::fmt;
use std::path::{Path, PathBuf};

/// TLS of the TCP addresses, and limits of connections.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Transport")]
pub struct Transport {
    /// The server's certificate, PEM, followed by those between it and its authority. With it every
    /// TCP address speaks TLS 1.3 and nothing else; Unix sockets stay as they are. Read again when
    /// its content changes, and on SIGHUP.
    #[arg(long, env = "WAXSEAL_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, PEM, mode 0600 or stricter. One that belongs to root may
    /// be read by its group too, where the server is not root.
    #[arg(long, env = "WAXSEAL_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Authorities of client certificates, PEM. With it a client certificate is an identity: the
    /// SPIFFE id that is its one URI name. Every authority in it is believed about every id.
    #[arg(long, env = "WAXSEAL_TLS_CLIENT_CA", value_name = "FILE")]
    pub tls_client_ca: Option<PathBuf>,

    /// Whether a connection needs a client certificate, or callers may bring a token instead.
    #[arg(long, env = "WAXSEAL_TLS_CLIENT_AUTH", value_name = "WHEN", value_enum, default_value_t)]
    pub tls_client_auth: ClientAuth,

    /// Most TCP connections at a time, and, apart from them, most connections to Unix sockets.
    /// Those beyond are closed at once.
    #[arg(
        long,
        env = "WAXSEAL_MAX_CONNECTIONS",
        value_name = "COUNT",
        value_parser = super::units::count,
        default_value_t = Transport::default().max_connections
    )]
    pub max_connections: usize,

    /// Most connections at a time of one IPv4 address, or one /64 network of IPv6.
    #[arg(
        long,
        env = "WAXSEAL_MAX_CONNECTIONS_PER_IP",
        value_name = "COUNT",
        value_parser = super::units::count,
        default_value_t = Transport::default().max_connections_per_ip
    )]
    pub max_connections_per_ip: usize,
}

/// Whether a client certificate is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientAuth {
    /// One that is shown has to verify; none is fine.
    #[default]
    Optional,
    /// There is no connection without one.
    Required,
}

/// The files of TLS, where it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) client_auth: ClientAuth,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            tls_client_auth: ClientAuth::default(),
            max_connections: 2_000,
            max_connections_per_ip: 500,
        }
    }
}

/// A variable that is set to nothing is not set.
fn given(path: Option<&PathBuf>) -> Option<&Path> {
    path.map(PathBuf::as_path).filter(|path| !path.as_os_str().is_empty())
}

impl Transport {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let [certificate, key, client_ca] =
            [&self.tls_cert, &self.tls_key, &self.tls_client_ca].map(|path| given(path.as_ref()));
        if certificate.is_some() != key.is_some() {
            return Err(ConfigError::HalfOfTls);
        }
        let asks = client_ca.is_some() || self.tls_client_auth == ClientAuth::Required;
        if asks && (certificate.is_none() || client_ca.is_none()) {
            return Err(ConfigError::ClientCertificates);
        }
        Ok(())
    }

    /// What TLS is made of; `None` without it.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: given(self.tls_cert.as_ref())?.to_owned(),
            key: given(self.tls_key.as_ref())?.to_owned(),
            client_ca: given(self.tls_client_ca.as_ref()).map(Path::to_owned),
            client_auth: self.tls_client_auth,
        })
    }

    pub(super) fn show(&self, line: &mut impl FnMut(&str, &dyn fmt::Display)) {
        // Every field by name: one that is forgotten here does not compile.
        let Self {
            tls_cert,
            tls_key,
            tls_client_ca,
            tls_client_auth,
            max_connections,
            max_connections_per_ip,
        } = self;
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        line("TLS_CERT", &path(tls_cert));
        line("TLS_KEY", &path(tls_key));
        line("TLS_CLIENT_CA", &path(tls_client_ca));
        line("TLS_CLIENT_AUTH", &tls_client_auth.as_str());
        line("MAX_CONNECTIONS", max_connections);
        line("MAX_CONNECTIONS_PER_IP", max_connections_per_ip);
    }
}

impl ClientAuth {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_configured_as_a_whole() {
        let path = |name: &str| Some(PathBuf::from(name));
        let plain = Transport { tls_cert: path(""), tls_key: path(""), ..Transport::default() };
        assert_eq!((plain.check(), plain.tls()), (Ok(()), None));
        let half = Transport { tls_cert: path("c"), ..plain.clone() };
        assert_eq!(half.check(), Err(ConfigError::HalfOfTls));
        let whole = Transport { tls_key: path("k"), ..half };
        assert_eq!(whole.check(), Ok(()));
        assert_eq!(whole.tls().unwrap().client_ca, None);
        let required = Transport { tls_client_auth: ClientAuth::Required, ..whole.clone() };
        assert_eq!(required.check(), Err(ConfigError::ClientCertificates));
        assert_eq!(Transport { tls_client_ca: path("a"), ..required }.check(), Ok(()));
        let useless = Transport { tls_client_ca: path("a"), ..plain };
        assert_eq!(useless.check(), Err(ConfigError::ClientCertificates));
    }
}

//! Where a server is.

use super::Error;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tonic::transport::Uri;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host and a port.
    Tcp(String),
    /// A host and a port, with TLS.
    Tls(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Default for Address {
    fn default() -> Self {
        Self::Tcp("127.0.0.1:7466".to_owned())
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match std::path::absolute(path) {
                Ok(path) if path.to_str().is_some() => Ok(Self::Unix(path)),
                _ => Err(Error::Address),
            };
        }
        let secure = text.strip_prefix("https://");
        let rest = secure.or(text.strip_prefix("http://")).unwrap_or(text);
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // Somebody's credentials do not belong here, and have no place on the wire either.
        let plain = !authority.contains(['@', '/', '?', '#']);
        let uri: Option<Uri> = format!("http://{authority}").parse().ok().filter(|_| plain);
        match uri.is_some_and(|uri| uri.host().is_some() && uri.port_u16().is_some()) {
            true if secure.is_some() => Ok(Self::Tls(authority.to_owned())),
            true => Ok(Self::Tcp(authority.to_owned())),
            false => Err(Error::Address),
        }
    }
}

impl Address {
    /// As the transport wants it.
    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Tcp(authority) => format!("http://{authority}"),
            Self::Tls(authority) => format!("https://{authority}"),
            Self::Unix(path) => format!("unix://{}", path.display()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => f.write_str(authority),
            Self::Tls(authority) => write!(f, "https://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_or_a_socket() {
        for (text, uri) in [
            ("http://127.0.0.1:7466", "http://127.0.0.1:7466"),
            ("127.0.0.1:7466/", "http://127.0.0.1:7466"),
            ("localhost:1", "http://localhost:1"),
            ("http://[::1]:7466", "http://[::1]:7466"),
            ("https://waxseal.internal:7466/", "https://waxseal.internal:7466"),
            ("unix:/run/waxseal.sock", "unix:///run/waxseal.sock"),
            ("unix:///run/waxseal.sock", "unix:///run/waxseal.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().uri(), uri, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_and_not_repeated() {
        for bad in [
            "https:h:1",
            "https://h",
            "",
            "unix:",
            "localhost",
            "http://h",
            "http://u:canary@h:1",
            "h:1/canary",
            "::",
        ] {
            let refused = bad.parse::<Address>().unwrap_err();
            assert!(matches!(refused, Error::Address), "{bad}");
            assert!(!refused.to_string().contains("canary"));
        }
    }
}

//! The list of issuers, as an operator writes it.

use super::jwt::Algorithm;
use http::Uri;
use serde::Deserialize;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use waxseal_domain::identity::Issuer;

/// Why the list of issuers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuersError {
    /// A file that cannot be read.
    #[error("cannot read {path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// It is not as such a list is written.
    #[error(
        "line {line} of {path} is not as issuers are written: [[issuer]], then issuer, audience, \
         jwks_url or jwks_file, and if needed ca_file, bearer_file and algorithms"
    )]
    Syntax {
        /// The list.
        path: PathBuf,
        /// Where.
        line: usize,
    },
    /// A setting that makes no sense.
    #[error("{path}: {what} of {issuer} must {rule}")]
    Setting {
        /// The list.
        path: PathBuf,
        /// Whose.
        issuer: String,
        /// The setting.
        what: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// Authorities that do not read.
    #[error("{path} does not hold certificates in PEM")]
    Authorities {
        /// The file.
        path: PathBuf,
    },
}

/// One issuer.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) issuer: Issuer,
    pub(super) audience: Vec<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) keys: KeysFrom,
}

/// Where the keys of an issuer are.
#[derive(Clone, Debug)]
pub(super) enum KeysFrom {
    File(PathBuf),
    Url { url: Uri, authorities: Option<PathBuf>, bearer: Option<PathBuf> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    issuer: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    audience: Vec<String>,
    jwks_url: Option<String>,
    jwks_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    bearer_file: Option<PathBuf>,
    algorithms: Option<Vec<Algorithm>>,
}

/// Reads the list. Paths in it are relative to it.
pub(super) fn read(path: &Path) -> Result<Vec<Settings>, IssuersError> {
    let text = fs::read_to_string(path)
        .map_err(|error| IssuersError::File { path: path.to_owned(), kind: error.kind() })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Settings>, IssuersError> {
    let list: List = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        IssuersError::Syntax { path: path.to_owned(), line }
    })?;
    let mut names = HashSet::new();
    let mut issuers = Vec::new();
    for written in list.issuer {
        let Written { issuer, audience, jwks_url, jwks_file, ca_file, bearer_file, algorithms } =
            written;
        let refused = |what, rule| {
            Err(IssuersError::Setting { path: path.to_owned(), issuer: issuer.clone(), what, rule })
        };
        let beside =
            |file: PathBuf| path.parent().map_or_else(|| file.clone(), |dir| dir.join(&file));
        let Ok(parsed) = Issuer::parse(&issuer) else {
            return refused("issuer", "be an https:// URL without query and fragment");
        };
        if !names.insert(issuer.clone()) {
            return refused("issuer", "stand there once");
        }
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            return refused("audience", "name whom tokens for this server are for");
        }
        let of_url = ca_file.is_some() || bearer_file.is_some();
        let keys = match (jwks_url, jwks_file) {
            (Some(url), None) => match url.parse().ok().filter(is_safe) {
                Some(url) => KeysFrom::Url {
                    url,
                    authorities: ca_file.map(beside),
                    bearer: bearer_file.map(beside),
                },
                None => return refused("jwks_url", "be https://, or http:// on this machine"),
            },
            (None, Some(file)) if !of_url => KeysFrom::File(beside(file)),
            (None, Some(_)) => return refused("jwks_file", "stand without ca_file, bearer_file"),
            _ => return refused("jwks_url or jwks_file", "be given, and one of them alone"),
        };
        let algorithms = algorithms
            .unwrap_or_else(|| vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]);
        if algorithms.is_empty() {
            return refused("algorithms", "name one at least");
        }
        issuers.push(Settings { issuer: parsed, audience, algorithms, keys });
    }
    Ok(issuers)
}

/// Whether nobody on the way can put keys of their own there.
fn is_safe(url: &Uri) -> bool {
    let Some(authority) = url.authority().filter(|authority| !authority.as_str().contains('@'))
    else {
        return false;
    };
    match url.scheme_str() {
        Some("https") => true,
        Some("http") => host(authority.host()).parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        _ => false,
    }
}

/// A host without the brackets that IPv6 has in URLs.
pub(super) fn host(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[[issuer]]\nissuer = \"https://a\"\naudience = [\"w\"]\n\
                        jwks_url = \"https://a/keys\"\nca_file = \"ca.pem\"\n";

    fn parsed(text: &str) -> Result<Vec<Settings>, IssuersError> {
        parse(Path::new("/etc/waxseal/issuers.toml"), text)
    }

    #[test]
    fn an_issuer_has_an_audience_and_keys() {
        let [issuer] = &parsed(GOOD).unwrap()[..] else { panic!("one") };
        assert_eq!(issuer.issuer.as_str(), "https://a");
        assert_eq!(issuer.algorithms, [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]);
        let KeysFrom::Url { authorities, .. } = &issuer.keys else { panic!("a URL") };
        assert_eq!(authorities.as_deref(), Some(Path::new("/etc/waxseal/ca.pem")));
        assert!(parsed("").unwrap().is_empty());
    }

    #[test]
    fn slips_are_refused() {
        for (good, bad, said) in [
            ("https://a\"\naud", "http://a\"\naud", "issuer"),
            ("[\"w\"]", "[]", "audience"),
            ("[\"w\"]", "[\"\"]", "audience"),
            ("https://a/keys", "http://a/keys", "jwks_url"),
            ("https://a/keys", "http://localhost/keys", "jwks_url"),
            ("https://a/keys", "https://u@a/keys", "jwks_url"),
            ("https://a/keys", "file:///keys", "jwks_url"),
            ("jwks_url", "jwks_file", "jwks_file"),
            ("jwks_url = \"https://a/keys\"\n", "", "jwks_url or jwks_file"),
            ("ca_file", "jwks_file", "jwks_url or jwks_file"),
            ("ca_file = \"ca.pem\"", "algorithms = []", "algorithms"),
            ("ca_file = \"ca.pem\"", "algorithms = [\"HS256\"]", "line 5"),
            ("ca_file = \"ca.pem\"", "algorithms = [\"none\"]", "line 5"),
            ("ca_file", "cafile", "line 5"),
        ] {
            let text = GOOD.replace(good, bad);
            assert_ne!(text, GOOD);
            let refused = parsed(&text).unwrap_err().to_string();
            assert!(refused.contains(said), "{bad}: {refused}");
        }
        assert!(parsed(&GOOD.repeat(2)).unwrap_err().to_string().contains("once"));
        let local = GOOD.replace("https://a/keys", "http://[::1]:8080/keys");
        assert!(parsed(&local).is_ok());
    }
}

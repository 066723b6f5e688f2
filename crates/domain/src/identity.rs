//! Who a workload is, as somebody else vouches for it: a certificate authority or an issuer of
//! tokens. Compared byte by byte; nothing is trimmed, folded or decoded.

use crate::name::{InvalidName, name};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An identity that was verified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Identity {
    /// The one URI name of a client's certificate.
    Spiffe(SpiffeId),
    /// The subject of a signed token.
    Workload {
        /// Who signed it.
        issuer: Issuer,
        /// Whom it is about.
        subject: Subject,
    },
}

impl Identity {
    /// The identity as one text, another for every identity: 1 to 2,100 bytes.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Spiffe(_) => format!("spiffe {self}"),
            // An issuer holds no space.
            Self::Workload { .. } => format!("workload {self}"),
        }
    }
}

impl fmt::Display for Identity {
    /// The SPIFFE id, or the issuer and the subject. Nothing in it is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(id) => id.fmt(f),
            Self::Workload { issuer, subject } => write!(f, "{issuer} {subject}"),
        }
    }
}

const SPIFFE_RULE: &str = "be spiffe://{trust domain}/{path} of at most 2048 bytes, the trust \
     domain of lower-case letters, digits, '.', '-' and '_', the path of segments of letters, \
     digits, '.', '-' and '_'";
const ISSUER_RULE: &str = "be an https:// URL of at most 512 bytes without query and fragment";
const SUBJECT_RULE: &str = "be 1 to 1024 bytes without control characters";

name! {
    /// `spiffe://{trust domain}/{path}`, at most 2,048 bytes, in the one form that the standard
    /// allows: a second spelling of an id would be a second id.
    SpiffeId, is_spiffe_id, SPIFFE_RULE;
    /// Who signs tokens: an https:// URL of at most 512 bytes without query and fragment.
    Issuer, is_issuer, ISSUER_RULE;
    /// Whom an issuer vouches for: 1 to 1,024 bytes without control characters.
    Subject, is_subject, SUBJECT_RULE;
}

impl SpiffeId {
    /// The longest, in bytes.
    pub const BYTES_MAX: usize = 2_048;

    /// The trust domain: what stands between `spiffe://` and the path.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        split(self.as_str()).map_or("", |(domain, _)| domain)
    }
}

fn split(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("spiffe://")?.split_once('/')
}

fn is_spiffe_id(id: &str) -> bool {
    let mark = |byte: u8| matches!(byte, b'.' | b'-' | b'_');
    let Some((domain, path)) = split(id) else { return false };
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || mark(byte);
    let segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || mark(byte))
    };
    id.len() <= SpiffeId::BYTES_MAX
        && (1..=255).contains(&domain.len())
        && domain.bytes().all(lower)
        && path.split('/').all(segment)
}

fn is_issuer(issuer: &str) -> bool {
    let rest = issuer.strip_prefix("https://");
    issuer.len() <= 512
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '@']))
        && issuer.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

fn is_subject(subject: &str) -> bool {
    (1..=1_024).contains(&subject.len()) && !subject.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_has_one_form() {
        for good in [
            "spiffe://example.org/a",
            "spiffe://example.org/ns/prod/sa/Api_1.2-x",
            "spiffe://1.2.3.4/...",
            "spiffe://a_b-c/x",
        ] {
            assert_eq!(SpiffeId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "spiffe://",
            "spiffe:///a",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/./a",
            "spiffe://example.org/a/..",
            "spiffe://Example.org/a",
            "spiffe://ex%61mple.org/a",
            "spiffe://example.org/%61",
            "spiffe://example.org/a b",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/\u{e4}",
            "spiffe://example.org/a\0",
            "spiffe://example.org:443/a",
            "spiffe://u@example.org/a",
            "SPIFFE://example.org/a",
            "https://example.org/a",
            " spiffe://example.org/a",
            "spiffe://example.org/a\n",
        ] {
            assert!(SpiffeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_spiffe_id_has_bounds() {
        let id = |domain: usize, path: usize| {
            format!("spiffe://{}/{}", "d".repeat(domain), "p".repeat(path))
        };
        assert!(SpiffeId::parse(&id(255, 1)).is_ok());
        assert!(SpiffeId::parse(&id(256, 1)).is_err());
        assert!(SpiffeId::parse(&id(8, SpiffeId::BYTES_MAX - 18)).is_ok());
        assert!(SpiffeId::parse(&id(8, SpiffeId::BYTES_MAX - 17)).is_err());
        assert_eq!(SpiffeId::parse("spiffe://a.b/c/d").unwrap().trust_domain(), "a.b");
    }

    #[test]
    fn issuers_and_subjects_are_taken_as_they_stand() {
        for good in
            ["https://issuer.example", "https://h:8443/realms/a/", "https://k8s.default.svc"]
        {
            assert_eq!(Issuer::parse(good).unwrap().as_str(), good);
        }
        for bad in
            ["", "https://", "https:///a", "http://h", "https://h?a", "https://h#a", "https://h i"]
        {
            assert!(Issuer::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["system:serviceaccount:ns:name", "a ", "A", "\u{e4}"] {
            assert_eq!(Subject::parse(good).unwrap().as_str(), good);
        }
        let long = "s".repeat(1_025);
        for bad in ["", "a\0", "a\nb", "\u{85}", &long] {
            assert!(Subject::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_kept_is_checked_again() {
        let identity = Identity::Spiffe(SpiffeId::parse("spiffe://a/b").unwrap());
        let kept = serde_json::to_string(&identity).unwrap();
        assert_eq!(kept, r#"{"Spiffe":"spiffe://a/b"}"#);
        assert_eq!(serde_json::from_str::<Identity>(&kept).unwrap(), identity);
        assert!(serde_json::from_str::<Identity>(r#"{"Spiffe":"spiffe://A/b"}"#).is_err());
    }
}

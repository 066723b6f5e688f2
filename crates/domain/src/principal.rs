//! Principals: who holds rights, how they are known, and what they were given.

use crate::caller::{Role, Scope};
use crate::name::PrincipalId;
use crate::time::Timestamp;
use crate::uid::{BindingUid, PrincipalUid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Somebody or something that holds rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Its identity. One made anew under an old id has another.
    pub uid: PrincipalUid,
    /// Its id in the deployment.
    pub id: PrincipalId,
    /// For people; 0 to 128 bytes.
    pub display_name: String,
    /// What it is known by, beside API tokens.
    pub identities: Vec<Identity>,
    /// Whether nobody is let in as it.
    pub disabled: bool,
    /// What it was given.
    pub bindings: Vec<Binding>,
    /// Raised with every change of the principal's own fields; the etag is made from it.
    pub edition: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its own fields last changed.
    pub updated: Timestamp,
}

/// A role given to a principal. It never changes; it is made and deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its identity.
    pub uid: BindingUid,
    /// What the principal is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when; for ever where there is none.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl Binding {
    /// Whether it holds at this time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    /// Whether a token with this role, grant and scope takes its right from this binding.
    #[must_use]
    pub fn covers(&self, role: Role, reveal: bool, scope: &Scope) -> bool {
        self.role == role && (self.reveal || !reveal) && self.scope.contains(scope)
    }
}

/// An API token, without what opens anything. Its right is what it says and, at the same time, what
/// a live binding of its principal gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its public id: 12 characters of base 62.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalUid,
    /// What its bearer is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when.
    pub expires: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

/// What a principal is known by beside API tokens. Compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Identity {
    /// The URI in a certificate of a workload.
    Spiffe(SpiffeId),
    /// Issuer and subject of a workload's token.
    Workload(Workload),
}

impl Identity {
    /// The identity as one text, another for every identity: 1 to 2,100 bytes.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Spiffe(id) => format!("spiffe {id}"),
            // An issuer holds no space.
            Self::Workload(Workload { issuer, subject }) => format!("workload {issuer} {subject}"),
        }
    }
}

/// A SPIFFE id: `spiffe://trust-domain/path`. Taken as it stands or refused; nothing is normalised,
/// so two that differ in a byte are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpiffeId(String);

/// What an identity has to be like; to follow the word "must".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must {0}")]
pub struct InvalidIdentity(&'static str);

impl InvalidIdentity {
    /// The rule, to follow the word "must".
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.0
    }
}

impl SpiffeId {
    /// Longest SPIFFE id, in bytes.
    pub const BYTES: usize = 2_048;
    /// Longest trust domain, in bytes.
    const TRUST_DOMAIN: usize = 255;

    /// Takes the input as it stands, or refuses it: a trust domain of lower-case letters, digits,
    /// dots, hyphens and underscores, and a path of at least one segment of ASCII letters, digits,
    /// dots, hyphens and underscores, none of them empty, `.` or `..`.
    ///
    /// # Errors
    /// The rule that the input breaks.
    pub fn parse(input: &str) -> Result<Self, InvalidIdentity> {
        if Self::is(input) { Ok(Self(input.to_owned())) } else { Err(InvalidIdentity(SPIFFE_RULE)) }
    }

    fn is(input: &str) -> bool {
        let Some((domain, path)) =
            input.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'))
        else {
            return false;
        };
        let mark = |byte: u8| matches!(byte, b'.' | b'-' | b'_');
        let of_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || mark(byte);
        let of_path = |byte: u8| byte.is_ascii_alphanumeric() || mark(byte);
        input.len() <= Self::BYTES
            && (1..=Self::TRUST_DOMAIN).contains(&domain.len())
            && domain.bytes().all(of_domain)
            && path
                .split('/')
                .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(of_path))
    }

    /// The id as it was parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const SPIFFE_RULE: &str = "be spiffe://trust-domain/path as SPIFFE writes it: a lower-case trust \
     domain, a path without empty or dot segments, nothing percent-encoded, at most 2,048 bytes";

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SpiffeId {
    type Error = InvalidIdentity;
    fn try_from(input: String) -> Result<Self, InvalidIdentity> {
        if Self::is(&input) { Ok(Self(input)) } else { Err(InvalidIdentity(SPIFFE_RULE)) }
    }
}

impl From<SpiffeId> for String {
    fn from(id: SpiffeId) -> Self {
        id.0
    }
}

/// Issuer and subject of a workload's token, each exactly as the token has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    issuer: String,
    subject: String,
}

impl Workload {
    /// Longest issuer, in bytes.
    pub const ISSUER: usize = 512;
    /// Longest subject, in bytes.
    pub const SUBJECT: usize = 1_024;

    /// Takes both as they stand, or refuses them: an issuer of 1 to 512 printable ASCII characters
    /// without a space, a subject of 1 to 1,024 bytes without control characters.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn parse(issuer: &str, subject: &str) -> Result<Self, InvalidIdentity> {
        let issued = (1..=Self::ISSUER).contains(&issuer.len())
            && issuer.bytes().all(|byte| byte.is_ascii_graphic());
        let meant =
            (1..=Self::SUBJECT).contains(&subject.len()) && !subject.chars().any(char::is_control);
        if issued && meant {
            Ok(Self { issuer: issuer.to_owned(), subject: subject.to_owned() })
        } else {
            Err(InvalidIdentity(
                "have an issuer of 1 to 512 printable ASCII characters without spaces, and a \
                 subject of 1 to 1,024 bytes without control characters",
            ))
        }
    }

    /// Who issued the token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whom the token is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_is_read_exactly() {
        let long = |bytes: usize| format!("spiffe://d/{}", "a".repeat(bytes - 11));
        for good in [
            "spiffe://example.org/ns/prod/sa/agent",
            "spiffe://a/b",
            "spiffe://10.0.0.1/A.b-c_D",
            "spiffe://a_b-c.d/...",
            &long(2_048),
        ] {
            assert_eq!(SpiffeId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "spiffe://",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///path",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/./a",
            "spiffe://example.org/a/..",
            "spiffe://Example.org/a",
            "SPIFFE://example.org/a",
            "https://example.org/a",
            "spiffe://example.org:8080/a",
            "spiffe://user@example.org/a",
            "spiffe://example.org/a%2fb",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/a b",
            " spiffe://example.org/a",
            "spiffe://example.org/a\n",
            "spiffe://example.org/\u{e9}",
            &long(2_049),
            &format!("spiffe://{}/a", "d".repeat(256)),
        ] {
            assert!(SpiffeId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_issuer_and_a_subject_stay_apart() {
        let workload = |issuer, subject| Workload::parse(issuer, subject).map(Identity::Workload);
        let one = workload("https://a", "b c").unwrap();
        assert_eq!(one.key(), "workload https://a b c");
        for (issuer, subject) in [
            ("", "b"),
            ("a", ""),
            ("a b", "c"),
            ("a\n", "b"),
            ("a", "b\0"),
            ("\u{e9}", "b"),
            (&"a".repeat(513), "b"),
            ("a", &"b".repeat(1_025)),
        ] {
            assert!(workload(issuer, subject).is_err(), "{issuer:?} {subject:?}");
        }
    }
}

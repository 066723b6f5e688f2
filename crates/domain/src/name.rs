//! Names and ids, matched exactly: nothing is trimmed, folded or normalised.

use crate::uid::BindingUid;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A name that breaks its rule. It does not carry the input: that could be a value pasted into
/// the wrong field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must {0}")]
pub struct InvalidName(pub(crate) &'static str);

impl InvalidName {
    /// The rule, to follow the word "must".
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        self.0
    }
}

const SECRET_RULE: &str = "match ^[A-Za-z_][A-Za-z0-9_]{0,63}$";
const ID_RULE: &str = "match ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";

pub(crate) fn is_secret_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_id(id: &str) -> bool {
    let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = id.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|&b| lower(b))
        && bytes.iter().all(|&b| lower(b) || b == b'-')
}

macro_rules! name {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $rule:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the input as it stands, or refuses it.
            ///
            /// # Errors
            /// The rule that the input breaks.
            pub fn parse(input: &str) -> Result<Self, InvalidName> {
                if $check(input) { Ok(Self(input.to_owned())) } else { Err(InvalidName($rule)) }
            }

            /// The bytes that were parsed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(input: String) -> Result<Self, InvalidName> {
                if $check(&input) { Ok(Self(input)) } else { Err(InvalidName($rule)) }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(crate) use name;

name! {
    /// The name of a secret within its project: 1 to 64 ASCII letters, digits and underscores,
    /// not beginning with a digit; unique regardless of case.
    SecretName, is_secret_name, SECRET_RULE;
    /// The id of a project: 1 to 63 lower-case ASCII letters, digits and inner hyphens,
    /// beginning with a letter.
    ProjectId, is_id, ID_RULE;
    /// The id of an environment within its project, formed as a [`ProjectId`].
    EnvironmentId, is_id, ID_RULE;
    /// The id of a principal, formed as a [`ProjectId`].
    PrincipalId, is_id, ID_RULE;
}

impl SecretName {
    /// What has to be unique in a project: the name without regard to case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl EnvironmentId {
    /// The environment that every project has from its first moment to its last.
    #[must_use]
    pub fn main() -> Self {
        Self("main".to_owned())
    }

    /// Whether this is [`Self::main`].
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.0 == "main"
    }
}

const PROJECT_NAME_RULE: &str =
    "be projects/{project}, each id matching ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const ENVIRONMENT_NAME_RULE: &str = "be projects/{project}/environments/{environment}, each id matching ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const SECRET_NAME_RULE: &str =
    "be projects/{project}/secrets/{secret}, the secret matching ^[A-Za-z_][A-Za-z0-9_]{0,63}$";

const PRINCIPAL_NAME_RULE: &str =
    "be principals/{principal}, the id matching ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
const BINDING_NAME_RULE: &str = "be principals/{principal}/bindings/{binding}, as it was given";
const API_TOKEN_NAME_RULE: &str = "be principals/{principal}/tokens/{token}, as it was given";

/// Characters of the public id of an API token.
pub const API_TOKEN_ID: usize = 12;

/// Reads `principals/{principal}`.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_principal(name: &str) -> Result<PrincipalId, InvalidName> {
    name.strip_prefix("principals/")
        .and_then(|id| PrincipalId::parse(id).ok())
        .ok_or(InvalidName(PRINCIPAL_NAME_RULE))
}

/// Reads `principals/{principal}/bindings/{binding}`; the binding is a UUID in its hyphenated
/// lower-case form.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_binding(name: &str) -> Result<(PrincipalId, BindingUid), InvalidName> {
    name.split_once("/bindings/")
        .and_then(|(principal, text)| {
            let uid = BindingUid::new(Uuid::try_parse(text).ok()?);
            (uid.to_string() == text).then_some((parse_principal(principal).ok()?, uid))
        })
        .ok_or(InvalidName(BINDING_NAME_RULE))
}

/// Reads `principals/{principal}/tokens/{token}`; the token is by its public id.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_api_token(name: &str) -> Result<(PrincipalId, String), InvalidName> {
    name.split_once("/tokens/")
        .and_then(|(principal, id)| {
            let formed = id.len() == API_TOKEN_ID && id.bytes().all(|b| b.is_ascii_alphanumeric());
            formed.then_some((parse_principal(principal).ok()?, id.to_owned()))
        })
        .ok_or(InvalidName(API_TOKEN_NAME_RULE))
}

/// Writes `principals/{principal}`.
#[must_use]
pub fn principal(principal: &PrincipalId) -> String {
    format!("principals/{principal}")
}

/// Reads `projects/{project}`.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_project(name: &str) -> Result<ProjectId, InvalidName> {
    name.strip_prefix("projects/")
        .and_then(|id| ProjectId::parse(id).ok())
        .ok_or(InvalidName(PROJECT_NAME_RULE))
}

/// Reads `projects/{project}/environments/{environment}`.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_environment(name: &str) -> Result<(ProjectId, EnvironmentId), InvalidName> {
    // No id has a slash in it, and one character is found faster than a word.
    name.rsplit_once('/')
        .and_then(|(parent, id)| {
            let project = parse_project(parent.strip_suffix("/environments")?).ok()?;
            Some((project, EnvironmentId::parse(id).ok()?))
        })
        .ok_or(InvalidName(ENVIRONMENT_NAME_RULE))
}

/// Reads `projects/{project}/secrets/{secret}`.
///
/// # Errors
/// The form that the input does not have.
pub fn parse_secret(name: &str) -> Result<(ProjectId, SecretName), InvalidName> {
    name.split_once("/secrets/")
        .and_then(|(project, id)| Some((parse_project(project).ok()?, SecretName::parse(id).ok()?)))
        .ok_or(InvalidName(SECRET_NAME_RULE))
}

/// Writes `projects/{project}`.
#[must_use]
pub fn project(project: &ProjectId) -> String {
    format!("projects/{project}")
}

/// Writes `projects/{project}/environments/{environment}`.
#[must_use]
pub fn environment(project: &ProjectId, environment: &EnvironmentId) -> String {
    format!("projects/{project}/environments/{environment}")
}

/// Writes `projects/{project}/secrets/{secret}`.
#[must_use]
pub fn secret(project: &ProjectId, secret: &SecretName) -> String {
    format!("projects/{project}/secrets/{secret}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_names_hold_64_characters_and_not_65() {
        assert!(SecretName::parse(&"A".repeat(64)).is_ok());
        assert!(SecretName::parse(&"A".repeat(65)).is_err());
    }

    #[test]
    fn ids_hold_63_characters_and_not_64() {
        assert!(ProjectId::parse(&"a".repeat(63)).is_ok());
        assert!(ProjectId::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn ids_neither_begin_with_a_digit_nor_end_with_a_hyphen() {
        for good in ["a", "a1", "a-b", "a--b"] {
            assert!(ProjectId::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "a b", "é", "a\n", " a", "a.b", "a/b"] {
            assert!(ProjectId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn full_names_take_no_extra_segment() {
        assert!(parse_environment("projects/p/environments/e").is_ok());
        for bad in [
            "projects/p/environments/e/",
            "projects/p/environments/e/environments/e",
            "/projects/p/environments/e",
            "projects//environments/e",
            "projects/p/secrets/e",
            "projects/p",
        ] {
            assert!(parse_environment(bad).is_err(), "{bad}");
        }
    }
}

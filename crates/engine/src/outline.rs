//! What of a project can leave it: the names of its secrets with their visibility, and its
//! environments with their settings. Never a value, a ciphertext, a hash, a length, a key id, a
//! description, a time, or whether anything is overridden.

mod strict;

use crate::change::Change;
use crate::keys::{NewKeys, new_uid};
use crate::manifest::{Catalogue, Verified};
use crate::{Error, create_environment, create_project, create_secret};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use strict::Object;
use waxseal_domain::environment::{Fallback, Settings};
use waxseal_domain::limits::{DISPLAY_NAME_BYTES, DOCUMENT_BYTES};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::project::Project;
use waxseal_domain::secret::Visibility;
use waxseal_domain::uid::{ProjectUid, SecretUid};

const FORMAT: &str = "waxseal.project";
const VERSION: u32 = 1;

/// A project without its values, as a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outline {
    format: String,
    version: u32,
    #[serde(deserialize_with = "strict::objects")]
    environments: Vec<EnvironmentOutline>,
    #[serde(deserialize_with = "strict::objects")]
    secrets: Vec<SecretOutline>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentOutline {
    id: EnvironmentId,
    #[serde(default)]
    display_name: String,
    #[serde(default, deserialize_with = "strict::word")]
    fallback: FallbackOutline,
    #[serde(default)]
    protected: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum FallbackOutline {
    #[default]
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretOutline {
    name: SecretName,
    #[serde(default, deserialize_with = "strict::word")]
    visibility: VisibilityOutline,
}

/// What is not said is the stricter one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum VisibilityOutline {
    Masked,
    #[default]
    Restricted,
}

impl Outline {
    /// The outline of a project. Deleted secrets and aliases are not in it.
    pub(crate) fn of(project: &Verified, catalogue: &Catalogue) -> Self {
        let environments = project.environments.iter().map(|row| {
            let Settings { display_name, fallback, protected } = row.environment.settings.clone();
            let fallback = match fallback {
                Fallback::Allow => FallbackOutline::Allow,
                Fallback::Deny => FallbackOutline::Deny,
            };
            EnvironmentOutline { id: row.environment.id.clone(), display_name, fallback, protected }
        });
        let standing = catalogue.secrets.iter().filter(|secret| secret.deletion.is_none());
        let mut secrets: Vec<_> = standing
            .map(|secret| SecretOutline {
                name: secret.name.clone(),
                visibility: match secret.visibility {
                    Visibility::Masked => VisibilityOutline::Masked,
                    Visibility::Restricted => VisibilityOutline::Restricted,
                },
            })
            .collect();
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        let environments = environments.collect();
        Self { format: FORMAT.to_owned(), version: VERSION, environments, secrets }
    }

    /// The document.
    pub(crate) fn write(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(|error| Error::Internal(error.into()))
    }

    /// Reads a document: strictly, and without repeating any of it in a refusal.
    pub(crate) fn read(document: &str) -> Result<Self, Error> {
        if document.len() > DOCUMENT_BYTES {
            return Err(Error::DocumentTooLarge);
        }
        let Object(outline) =
            serde_json::from_str::<Object<Self>>(document).map_err(|error| refusal(&error))?;
        outline.check()?;
        Ok(outline)
    }

    fn check(&self) -> Result<(), Error> {
        if self.format != FORMAT {
            return Err(invalid(format!("must have the format {FORMAT}")));
        }
        if self.version != VERSION {
            return Err(invalid(format!("must have version {VERSION}")));
        }
        let mut ids = HashSet::new();
        if !self.environments.iter().all(|environment| ids.insert(&environment.id)) {
            return Err(invalid("must name each environment once".to_owned()));
        }
        let mut names = HashSet::new();
        if !self.secrets.iter().all(|secret| names.insert(secret.name.folded())) {
            return Err(invalid("must name each secret once, regardless of case".to_owned()));
        }
        let plain =
            |name: &str| name.len() <= DISPLAY_NAME_BYTES && !name.chars().any(char::is_control);
        if !self.environments.iter().all(|environment| plain(&environment.display_name)) {
            let rule = "must have display names of at most 128 bytes without control characters";
            return Err(invalid(rule.to_owned()));
        }
        Ok(())
    }
}

fn invalid(rule: String) -> Error {
    Error::InvalidDocument { rule }
}

/// Says where, and of which kind; the parser's own text can hold parts of the document.
fn refusal(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let what = if text.starts_with("unknown field") {
        "has a field that an export does not have"
    } else if text.starts_with("duplicate field") {
        "has a field twice"
    } else if text.starts_with("missing field") {
        "lacks a field"
    } else if error.is_data() {
        "has a field of another form than an export has"
    } else {
        "is not JSON"
    };
    invalid(format!("{what} (line {}, column {})", error.line(), error.column()))
}

/// A new project made from an outline: everything in it is a placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The project.
    pub project: Project,
    /// Its secrets: each needs a value.
    pub secrets_needing_value: Vec<SecretName>,
}

/// Builds a new project from an outline.
pub(crate) async fn build(
    change: &mut Change<'_>,
    id: &ProjectId,
    display_name: &str,
    keys: (ProjectUid, NewKeys),
    outline: Outline,
) -> Result<Imported, Error> {
    let project = create_project::add(change, id, display_name, keys).await?;
    let Outline { format: _, version: _, environments, secrets } = outline;
    let main = EnvironmentId::main();
    if environments.iter().all(|environment| environment.id != main) {
        let (display_name, fallback) = (String::new(), Fallback::Allow);
        let settings = Settings { display_name, fallback, protected: false };
        create_environment::add(change, &main, settings).await?;
    }
    for EnvironmentOutline { id, display_name, fallback, protected } in environments {
        let fallback = match fallback {
            FallbackOutline::Allow => Fallback::Allow,
            FallbackOutline::Deny => Fallback::Deny,
        };
        let settings = Settings { display_name, fallback, protected };
        create_environment::add(change, &id, settings).await?;
    }
    let mut secrets_needing_value = Vec::with_capacity(secrets.len());
    for SecretOutline { name, visibility } in secrets {
        let visibility = match visibility {
            VisibilityOutline::Masked => Visibility::Masked,
            VisibilityOutline::Restricted => Visibility::Restricted,
        };
        let uid = SecretUid::new(new_uid(change.now)?);
        create_secret::add(change, uid, &name, visibility, String::new()).await?;
        secrets_needing_value.push(name);
    }
    change.check_views().await?;
    secrets_needing_value.sort_by_key(SecretName::folded);
    Ok(Imported { project, secrets_needing_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(document: &str) -> String {
        match Outline::read(document) {
            Err(Error::InvalidDocument { rule }) => rule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_document_is_read_strictly_and_not_repeated() {
        let head = r#"{"format": "waxseal.project", "version": 1, "environments": []"#;
        for (rest, says) in [
            (r#", "secrets": [{"name": "A", "value": "CANARY"}]}"#, "does not have"),
            (r#", "secrets": [], "CANARY": 1}"#, "does not have"),
            (r#", "secrets": [], "secrets": []}"#, "twice"),
            (r#", "secrets": [{"name": "CANARY CANARY"}]}"#, "another form"),
            (r#", "secrets": [{"name": "A", "visibility": "CANARY"}]}"#, "another form"),
            (r#", "secrets": [["CANARY", "MASKED"]]}"#, "another form"),
            (r#", "secrets": [{"name": "A", "visibility": {"MASKED": null}}]}"#, "another form"),
            (r#", "secrets": [{"name": "a"}, {"name": "A"}]}"#, "regardless of case"),
            (r#", "secrets": NaN}"#, "not JSON"),
            (r#"}"#, "lacks a field"),
            (r#", "secrets": []} CANARY"#, "not JSON"),
        ] {
            let rule = rule(&format!("{head}{rest}"));
            assert!(rule.contains(says), "{rest}: {rule}");
            assert!(!rule.contains("CANARY"), "{rest}: {rule}");
        }
        assert!(rule("\u{feff}{}").contains("not JSON"));
        assert!(rule(r#"["waxseal.project", 1, [], []]"#).contains("another form"));
        assert!(rule(&"[".repeat(100_000)).contains("another form"));
    }

    #[test]
    fn what_is_not_said_is_the_stricter_or_the_usual() {
        let document = r#"{"format": "waxseal.project", "version": 1,
            "environments": [{"id": "main"}], "secrets": [{"name": "A"}]}"#;
        let outline = Outline::read(document).unwrap();
        assert_eq!(outline.secrets[0].visibility, VisibilityOutline::Restricted);
        assert_eq!(outline.environments[0].fallback, FallbackOutline::Allow);
        assert_eq!(Outline::read(&outline.write().unwrap()).unwrap(), outline);
    }

    #[test]
    fn a_document_holds_1_mib() {
        let pad = |length: usize| format!("{}{}", " ".repeat(length - 1), "x");
        assert!(matches!(Outline::read(&pad(DOCUMENT_BYTES)), Err(Error::InvalidDocument { .. })));
        assert!(matches!(Outline::read(&pad(DOCUMENT_BYTES + 1)), Err(Error::DocumentTooLarge)));
    }
}

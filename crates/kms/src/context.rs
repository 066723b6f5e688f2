//! What a data key is for, in the words of a key service's encryption context.

use std::collections::BTreeMap;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{Deployment, ProjectUid};
use waxseal_envelope::{ValuePlace, ViewPlace};

/// The encryption context of one data key.
///
/// Key services write it to their logs in clear, and their policies decide by it. So it holds
/// identities and classes, never a name.
///
/// | entry | content |
/// | --- | --- |
/// | `waxseal:deployment` | the deployment's identity |
/// | `waxseal:purpose` | `value`, `view`, `integrity`, `fingerprint`, `service`, `audit` or `canary` |
/// | `waxseal:project` | the project's identity; not for `service`, `audit` and `canary` |
/// | `waxseal:incarnation` | the life of the store; for `view` only |
/// | `waxseal:day` | the day that the key is for, from the Unix epoch; for `view` only |
/// | `waxseal:slot` | `default`, or `{environment's identity}/draft` or `/live`; for `value` and `view` |
/// | `waxseal:secret` | the secret's identity; from here on for `value` only |
/// | `waxseal:value` | the identity of the value version |
/// | `waxseal:visibility` | `masked` or `restricted` |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyContext(BTreeMap<String, String>);

impl KeyContext {
    /// For the key that seals one value.
    #[must_use]
    pub fn value(deployment: Deployment, place: &ValuePlace) -> Self {
        // A key service has nothing to decide by the kind; the sealed record binds it.
        let ValuePlace { project, secret, place, value, visibility, kind: _ } = place;
        let slot = match place {
            Place::Default => "default".to_owned(),
            Place::Override(environment, stage) => format!("{environment}/{}", stage.as_str()),
        };
        Self::new(deployment, "value")
            .with("waxseal:project", project.to_string())
            .with("waxseal:secret", secret.to_string())
            .with("waxseal:slot", slot)
            .with("waxseal:value", value.to_string())
            .with("waxseal:visibility", visibility.as_str())
    }

    /// For the key that authenticates a project's manifest.
    #[must_use]
    pub fn integrity(deployment: Deployment, project: ProjectUid) -> Self {
        Self::new(deployment, "integrity").with("waxseal:project", project.to_string())
    }

    /// For the key of the fingerprints of a project's values.
    #[must_use]
    pub fn fingerprint(deployment: Deployment, project: ProjectUid) -> Self {
        Self::new(deployment, "fingerprint").with("waxseal:project", project.to_string())
    }

    /// For the key that seals one view for a shared cache; `day` counts from the Unix epoch.
    #[must_use]
    pub fn view(deployment: Deployment, place: &ViewPlace, day: u64) -> Self {
        // One key seals every revision of the view, in every encoding.
        let ViewPlace { incarnation, project, environment, stage, revision: _, schema: _ } = place;
        Self::new(deployment, "view")
            .with("waxseal:project", project.to_string())
            .with("waxseal:incarnation", incarnation.to_string())
            .with("waxseal:slot", format!("{environment}/{}", stage.as_str()))
            .with("waxseal:day", day.to_string())
    }

    /// For the key that the deployment's own tokens are derived from.
    #[must_use]
    pub fn service(deployment: Deployment) -> Self {
        Self::new(deployment, "service")
    }

    /// For the key that signs checkpoints of the audit trail.
    #[must_use]
    pub fn audit(deployment: Deployment) -> Self {
        Self::new(deployment, "audit")
    }

    /// For the key that is unwrapped now and then, only to see that it can be.
    #[must_use]
    pub fn canary(deployment: Deployment) -> Self {
        Self::new(deployment, "canary")
    }

    /// The entries, as they are sent to a key service.
    #[must_use]
    pub const fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The suite makes contexts that no constructor does, with one entry changed.
    #[cfg(any(test, feature = "contract"))]
    pub(crate) const fn from_entries(entries: BTreeMap<String, String>) -> Self {
        Self(entries)
    }

    fn new(deployment: Deployment, purpose: &str) -> Self {
        Self(BTreeMap::new())
            .with("waxseal:deployment", deployment.to_string())
            .with("waxseal:purpose", purpose)
    }

    fn with(mut self, name: &str, content: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), content.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_domain::environment::Stage;
    use waxseal_domain::secret::Visibility;
    use waxseal_domain::uid::{EnvironmentUid, SecretUid, ValueUid};
    use waxseal_domain::value::PayloadKind;

    fn printed(context: &KeyContext) -> Vec<String> {
        context.entries().iter().map(|(name, content)| format!("{name}={content}")).collect()
    }

    #[test]
    fn a_value_context_says_all_that_a_policy_decides_by() {
        let place = ValuePlace {
            project: ProjectUid::from_bytes([2; 16]),
            secret: SecretUid::from_bytes([3; 16]),
            place: Place::Override(EnvironmentUid::from_bytes([4; 16]), Stage::Live),
            value: ValueUid::from_bytes([5; 16]),
            visibility: Visibility::Restricted,
            kind: PayloadKind::Text,
        };
        let deployment = Deployment::from_bytes([1; 16]);
        assert_eq!(
            printed(&KeyContext::value(deployment, &place)),
            [
                "waxseal:deployment=01010101-0101-0101-0101-010101010101",
                "waxseal:project=02020202-0202-0202-0202-020202020202",
                "waxseal:purpose=value",
                "waxseal:secret=03030303-0303-0303-0303-030303030303",
                "waxseal:slot=04040404-0404-0404-0404-040404040404/live",
                "waxseal:value=05050505-0505-0505-0505-050505050505",
                "waxseal:visibility=restricted",
            ]
        );
        let default = ValuePlace { place: Place::Default, ..place };
        assert_eq!(KeyContext::value(deployment, &default).entries()["waxseal:slot"], "default");
    }

    #[test]
    fn the_other_contexts_say_whom_they_serve() {
        let deployment = Deployment::from_bytes([1; 16]);
        let integrity = KeyContext::integrity(deployment, ProjectUid::from_bytes([2; 16]));
        assert_eq!(
            printed(&integrity),
            [
                "waxseal:deployment=01010101-0101-0101-0101-010101010101",
                "waxseal:project=02020202-0202-0202-0202-020202020202",
                "waxseal:purpose=integrity",
            ]
        );
        for (context, purpose) in [
            (KeyContext::service(deployment), "service"),
            (KeyContext::audit(deployment), "audit"),
            (KeyContext::canary(deployment), "canary"),
        ] {
            assert_eq!(context.entries()["waxseal:purpose"], purpose);
            assert_eq!(context.entries().len(), 2);
        }
    }
}

//! Secrets and overrides, without their values.

use super::mask::Fields;
use super::{invalid, name as names, number, payload, slot, time};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{self, EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::value::{SecretValue, Warning};
use waxseal_engine::{Error, OverrideState, SecretState, SlotState, VersionState, etag};
use waxseal_proto::v1;

/// The fields of a secret, for masks.
pub(crate) const FIELDS: Fields = Fields {
    mutable: &["visibility", "description"],
    fixed: &[
        "name",
        "uid",
        "has_value",
        "has_override",
        "default_version",
        "default_etag",
        "etag",
        "create_time",
        "update_time",
        "delete_time",
        "purge_time",
        "aliases",
    ],
};

/// A visibility that has to be said.
pub(crate) fn visibility(visibility: i32) -> Result<Visibility, Error> {
    match v1::Visibility::try_from(visibility) {
        Ok(v1::Visibility::Masked) => Ok(Visibility::Masked),
        Ok(v1::Visibility::Restricted) => Ok(Visibility::Restricted),
        Ok(v1::Visibility::Unspecified) | Err(_) => {
            Err(invalid("secret.visibility", "be VISIBILITY_MASKED or VISIBILITY_RESTRICTED"))
        }
    }
}

/// Whether an update without a mask means this field.
pub(crate) fn populated(sent: &v1::Secret, field: &str) -> bool {
    match field {
        "visibility" => sent.visibility != 0,
        "description" => !sent.description.is_empty(),
        _ => false,
    }
}

/// The beginning of a name.
pub(crate) fn prefix(prefix: String) -> Result<String, Error> {
    let fits = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if prefix.len() <= 64 && fits {
        Ok(prefix)
    } else {
        Err(invalid("prefix", "be at most 64 ASCII letters, digits and underscores"))
    }
}

/// For which environment and stage a list answers `has_override`.
pub(crate) fn place(
    environment: &str,
    stage: i32,
) -> Result<Option<(EnvironmentId, Stage)>, Error> {
    match (environment, stage) {
        ("", 0) => Ok(None),
        ("", _) => Err(invalid("stage", "be left out where no environment is given")),
        (environment, stage) => Ok(Some((
            names::environment_id("environment", environment)?,
            slot::stage("stage", stage)?,
        ))),
    }
}

/// A version as a request has it; zero is the current one.
pub(crate) fn version(version: i64) -> Result<u64, Error> {
    u64::try_from(version).map_err(|_| invalid("version", "be 0, for the current one, or more"))
}

/// A version that has to be said.
pub(crate) fn numbered_version(version: i64) -> Result<u64, Error> {
    let number = u64::try_from(version).ok().filter(|number| *number > 0);
    number.ok_or_else(|| invalid("version", "be 1 or more"))
}

/// The payloads of a batch, taken out of their messages.
pub(crate) struct SentOverrides(Vec<(String, Option<payload::Sent>)>);

impl SentOverrides {
    pub(crate) fn take(sent: &mut Vec<v1::OverrideValue>) -> Self {
        let take = |mut sent: v1::OverrideValue| {
            let payload = payload::Sent::take(&mut sent.payload);
            (sent.secret, payload)
        };
        Self(std::mem::take(sent).into_iter().map(take).collect())
    }

    /// The overrides; whether they make a batch is the engine's to say.
    pub(crate) fn values(self) -> Result<Vec<(SecretName, SecretValue)>, Error> {
        let value = |(index, (secret, sent)): (usize, (String, Option<payload::Sent>))| {
            let field = format!("overrides[{index}]");
            Ok((
                names::secret_id(&format!("{field}.secret"), &secret)?,
                payload::required(&format!("{field}.payload"), sent)?,
            ))
        };
        self.0.into_iter().enumerate().map(value).collect()
    }
}

pub(crate) fn message(project: &ProjectId, state: SecretState) -> v1::Secret {
    let SecretState { secret, aliases, default, has_override } = state;
    let etag = etag::secret(&secret);
    let Secret { uid, name, visibility, description, edition: _, created, updated, deletion } =
        secret;
    let SlotState { version, set, etag: default_etag } = default;
    let visibility = match visibility {
        Visibility::Masked => v1::Visibility::Masked,
        Visibility::Restricted => v1::Visibility::Restricted,
    };
    v1::Secret {
        name: name::secret(project, &name),
        uid: uid.to_string(),
        visibility: visibility.into(),
        description,
        has_value: set,
        has_override,
        default_version: number(version),
        default_etag,
        etag,
        create_time: Some(time::message(created)),
        update_time: Some(time::message(updated)),
        delete_time: deletion.map(|deletion| time::message(deletion.deleted)),
        purge_time: deletion.map(|deletion| time::message(deletion.purge)),
        aliases: aliases.into_iter().map(String::from).collect(),
    }
}

pub(crate) fn version_message(state: VersionState) -> v1::SecretVersion {
    let VersionState { version, created, current, cleared, destroyed } = state;
    v1::SecretVersion {
        version: number(version),
        create_time: Some(time::message(created)),
        current,
        destroyed,
        cleared,
    }
}

pub(crate) fn override_message(state: OverrideState) -> v1::Override {
    let OverrideState { name, stage, version, updated, etag } = state;
    v1::Override {
        secret: name.into(),
        stage: slot::stage_message(stage).into(),
        version: number(version),
        update_time: Some(time::message(updated)),
        etag,
    }
}

pub(crate) fn override_warning((name, warning): (SecretName, Warning)) -> v1::OverrideWarning {
    v1::OverrideWarning { secret: name.into(), warning: Some(payload::warning(warning)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_the_current_version_only_where_one_may_be_left_out() {
        assert_eq!(
            [0, 1, i64::MAX].map(|n| version(n).ok()),
            [Some(0), Some(1), Some(u64::MAX >> 1)]
        );
        assert_eq!([0, 1].map(|n| numbered_version(n).ok()), [None, Some(1)]);
        assert!(version(-1).is_err() && numbered_version(-1).is_err());
    }

    #[test]
    fn a_place_is_both_or_neither() {
        assert!(matches!(place("", 0), Ok(None)));
        assert!(matches!(place("main", 2), Ok(Some((_, Stage::Live)))));
        for (environment, stage) in [("", 1), ("", 9), ("main", 0), ("main", 9), ("Main", 1)] {
            assert!(place(environment, stage).is_err(), "{environment} {stage}");
        }
    }

    #[test]
    fn a_prefix_is_the_beginning_of_a_name() {
        for good in ["", "A", "1", "STRIPE_", &"a".repeat(64)] {
            assert!(prefix(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["a-b", "é", "a%", " ", &"a".repeat(65)] {
            assert!(prefix(bad.to_owned()).is_err(), "{bad}");
        }
    }
}

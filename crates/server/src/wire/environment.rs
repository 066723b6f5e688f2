//! Environments, and what is told of them.

use super::mask::Fields;
use super::{invalid, number, slot, text, time};
use waxseal_domain::environment::{Environment, Fallback, Settings, Stage};
use waxseal_domain::name::{self, ProjectId, SecretName};
use waxseal_domain::view::{Effective, Origin, UnsetReason};
use waxseal_engine::{Error, Explained, etag};
use waxseal_proto::v1;

/// The fields of an environment, for masks.
pub(crate) const FIELDS: Fields = Fields {
    mutable: &["display_name", "fallback", "protected"],
    fixed: &["name", "uid", "create_time", "update_time", "etag"],
};

/// The settings of a new environment; absent ones are the defaults.
pub(crate) fn settings(sent: Option<v1::Environment>) -> Result<Settings, Error> {
    let sent = sent.unwrap_or_default();
    let fallback = match v1::Fallback::try_from(sent.fallback) {
        Ok(v1::Fallback::Unspecified) => Fallback::Allow,
        _ => fallback(sent.fallback)?,
    };
    let display_name = text::display_name("environment.display_name", sent.display_name)?;
    Ok(Settings { display_name, fallback, protected: sent.protected })
}

/// A fallback that has to be said.
pub(crate) fn fallback(fallback: i32) -> Result<Fallback, Error> {
    match v1::Fallback::try_from(fallback) {
        Ok(v1::Fallback::Allow) => Ok(Fallback::Allow),
        Ok(v1::Fallback::Deny) => Ok(Fallback::Deny),
        Ok(v1::Fallback::Unspecified) | Err(_) => {
            Err(invalid("environment.fallback", "be FALLBACK_ALLOW or FALLBACK_DENY"))
        }
    }
}

/// Whether an update without a mask means this field.
pub(crate) fn populated(sent: &v1::Environment, field: &str) -> bool {
    match field {
        "display_name" => !sent.display_name.is_empty(),
        "fallback" => sent.fallback != 0,
        "protected" => sent.protected,
        _ => false,
    }
}

pub(crate) fn message(project: &ProjectId, environment: &Environment) -> v1::Environment {
    let Settings { display_name, fallback, protected } = &environment.settings;
    let fallback = match fallback {
        Fallback::Allow => v1::Fallback::Allow,
        Fallback::Deny => v1::Fallback::Deny,
    };
    v1::Environment {
        name: name::environment(project, &environment.id),
        uid: environment.uid.to_string(),
        display_name: display_name.clone(),
        fallback: fallback.into(),
        protected: *protected,
        create_time: Some(time::message(environment.created)),
        update_time: Some(time::message(environment.updated)),
        etag: etag::environment(environment),
    }
}

pub(crate) fn not_copied((secret, stage): (SecretName, Stage)) -> v1::OverrideNotCopied {
    v1::OverrideNotCopied { secret: secret.into(), stage: slot::stage_message(stage).into() }
}

pub(crate) fn explained(explained: Explained) -> v1::ExplainedSecret {
    let Explained { name, effective, default_set, override_set } = explained;
    let (origin, version, unset_reason) = match effective {
        Effective::Value(from, version) => {
            (origin(from), number(version), v1::UnsetReason::Unspecified)
        }
        Effective::Unset(reason) => (v1::Origin::Unspecified, 0, unset_reason(reason)),
    };
    v1::ExplainedSecret {
        secret: name.into(),
        origin: origin.into(),
        version,
        unset_reason: unset_reason.into(),
        default_set,
        override_set,
    }
}

pub(crate) const fn origin(origin: Origin) -> v1::Origin {
    match origin {
        Origin::Default => v1::Origin::Default,
        Origin::Override => v1::Origin::Override,
    }
}

pub(crate) const fn unset_reason(reason: UnsetReason) -> v1::UnsetReason {
    match reason {
        UnsetReason::NoValue => v1::UnsetReason::NoValue,
        UnsetReason::FallbackDenied => v1::UnsetReason::FallbackDenied,
    }
}

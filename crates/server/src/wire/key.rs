//! Wrapping keys, and how far a rewrap is.

use super::number;
use super::slot::stage_message;
use std::time::Duration;
use waxseal_domain::slot::Place;
use waxseal_engine::{FailedKey, KeyStatus, RewrapProgress};
use waxseal_kms::{Error as Kms, Health};
use waxseal_proto::v1;
use waxseal_storage::KeyPlace;

pub(crate) fn status(status: KeyStatus) -> v1::GetKeyStatusResponse {
    let rewrap_due = number(status.due());
    let KeyStatus { active, health, keys } = status;
    let wrapping_keys = keys.into_iter().map(|(key_id, count)| v1::WrappingKey {
        active: key_id == active,
        data_keys: number(count),
        key_id,
    });
    v1::GetKeyStatusResponse {
        wrapping_keys: wrapping_keys.collect(),
        active_key_id: active,
        health: self::health(health).into(),
        rewrap_due,
    }
}

const fn health(health: Health) -> v1::KeyHealth {
    match health {
        Health::Good => v1::KeyHealth::Good,
        Health::Degraded => v1::KeyHealth::Degraded,
        Health::Revoked => v1::KeyHealth::Revoked,
    }
}

pub(crate) fn progress(progress: RewrapProgress) -> v1::RewrapDataKeysResponse {
    let RewrapProgress {
        key_id,
        total,
        done,
        skipped,
        failed,
        per_second,
        eta,
        finished,
        failures,
    } = progress;
    v1::RewrapDataKeysResponse {
        key_id,
        total: number(total),
        done: number(done),
        skipped: number(skipped),
        failed: number(failed),
        keys_per_second: per_second,
        eta: eta.map(duration),
        finished,
        failures: failures.iter().map(failure).collect(),
    }
}

/// Longer than a message can hold is as long as it can.
fn duration(duration: Duration) -> prost_types::Duration {
    let longest = prost_types::Duration { seconds: 315_576_000_000, nanos: 0 };
    prost_types::Duration::try_from(duration).unwrap_or(longest)
}

fn failure(failed: &FailedKey) -> v1::FailedDataKey {
    let FailedKey { place, reason } = failed;
    let mut message = v1::FailedDataKey {
        reason: self::reason(reason).into(),
        key_id: reason.key_id().to_owned(),
        ..Default::default()
    };
    let purpose = match place {
        KeyPlace::Service => v1::KeyPurpose::Service,
        KeyPlace::Integrity(project) => {
            message.project_uid = project.to_string();
            v1::KeyPurpose::Integrity
        }
        KeyPlace::Fingerprint(project) => {
            message.project_uid = project.to_string();
            v1::KeyPurpose::Fingerprint
        }
        KeyPlace::Value { secret, place, version, project, .. } => {
            message.project_uid = project.to_string();
            message.secret_uid = secret.to_string();
            message.version = number(*version);
            if let Place::Override(environment, stage) = place {
                message.environment_uid = environment.to_string();
                message.stage = stage_message(*stage).into();
            }
            v1::KeyPurpose::Value
        }
        KeyPlace::Audit => v1::KeyPurpose::Audit,
    };
    message.purpose = purpose.into();
    message
}

/// An outage ends a rewrap and is no failure of one data key.
const fn reason(reason: &Kms) -> v1::RewrapFailure {
    match reason {
        Kms::Tampered { .. } => v1::RewrapFailure::Tampered,
        Kms::Unconfigured { .. } => v1::RewrapFailure::Unconfigured,
        Kms::Revoked { .. } => v1::RewrapFailure::Revoked,
        Kms::Denied { .. } => v1::RewrapFailure::Denied,
        Kms::Unavailable { .. } | Kms::Throttled { .. } => v1::RewrapFailure::Unspecified,
    }
}

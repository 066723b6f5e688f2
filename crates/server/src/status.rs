//! The one place where a failure gets its gRPC status: code, reason, message and details.
//!
//! Messages say what to do. They hold no input, no value and no other system's words; the names
//! of secrets in them have been parsed as names.

mod refusal;
mod said;

pub(crate) use refusal::Refusal;

use said::Said;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use tonic::{Code, Status};
use waxseal_engine::{Error, Offenders};
use waxseal_proto::v1::ErrorReason;

/// What the names in a message may take; the metadata holds many more.
const NAMED_IN_MESSAGE: usize = 10;

const SOON: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(5);
/// Space on a disk does not come back by itself.
const MUCH_LATER: Duration = Duration::from_secs(60);

/// The status of a failed call. Its source is kept for the log and does not reach the caller.
pub(crate) fn of(error: Error) -> Status {
    let said = say(&error);
    logged(said, error)
}

/// The status of a stream that ends, with the token to go on from.
pub(crate) fn of_stream(error: Error, revision: Option<&str>) -> Status {
    let said = say(&error);
    let said = match revision {
        Some(revision) => said.revision(revision),
        None => said,
    };
    logged(said, error)
}

fn logged(said: Said, error: Error) -> Status {
    let logged = matches!(said.code, Code::Internal | Code::Unavailable | Code::DataLoss)
        || said.reason == ErrorReason::KeyUnavailable;
    let logged = logged && !matches!(error, Error::StreamExpired | Error::ShuttingDown);
    let mut status = said.into_status();
    if logged {
        status.set_source(Arc::new(error));
    }
    status
}

/// The mapping. There is no default arm: a new failure does not compile until it is mapped.
fn say(error: &Error) -> Said {
    use ErrorReason as R;
    match error {
        Error::InvalidName { field, rule } => {
            Said::argument(R::InvalidName, field, &format!("must {rule}"))
        }
        Error::InvalidField { field, rule } => Said::argument(R::InvalidField, field, rule),
        Error::InvalidValue { field, source } => {
            Said::argument(R::InvalidValue, field, &source.to_string())
        }
        Error::ChecksumMismatch { field } => Said::argument(
            R::ChecksumMismatch,
            &format!("{field}.crc32c"),
            "must be the CRC-32C of the payload's bytes: the payload was damaged on its way, or \
             the checksum is of something else",
        ),
        Error::InvalidPageToken => Said::argument(
            R::InvalidPageToken,
            "page_token",
            "must be the next_page_token of the same list, for the same caller and arguments, not \
             older than a day; begin again without one",
        ),
        Error::InvalidFieldMask { rule } => {
            Said::argument(R::InvalidFieldMask, "update_mask", rule)
        }
        Error::InvalidRevision { field } => Said::argument(
            R::InvalidRevision,
            field,
            "must be a revision as a response gave it, unaltered",
        ),
        Error::InvalidRequestId => Said::argument(
            R::InvalidRequestId,
            "request_id",
            "must be a UUID in its 36-character form, and not the nil UUID",
        ),
        Error::RequestIdReused => Said::argument(
            R::RequestIdReused,
            "request_id",
            "must not have been used for another request in the last 24 hours",
        ),
        Error::RequestInProgress => Said::new(
            Code::Aborted,
            R::RequestInProgress,
            "the first call with this request_id is not finished yet; repeat this one in a moment",
        )
        .retry(SOON),
        Error::CredentialsMissing => Said::new(
            Code::Unauthenticated,
            R::CredentialsMissing,
            "the call has no credentials: send the metadata `authorization: Bearer TOKEN`",
        ),
        Error::CredentialsInvalid => Said::new(
            Code::Unauthenticated,
            R::CredentialsInvalid,
            "the credentials are not valid: malformed, unknown, expired or revoked",
        ),
        Error::PermissionDenied => Said::new(
            Code::PermissionDenied,
            R::PermissionDenied,
            "the caller may not do this here, whether or not it exists",
        ),
        Error::SecretRestricted => Said::new(
            Code::PermissionDenied,
            R::SecretRestricted,
            "the secret is restricted: its values are never revealed, to anyone",
        ),
        Error::EnvironmentProtected => Said::new(
            Code::PermissionDenied,
            R::EnvironmentProtected,
            "a protected environment resolves this live: only an admin may change or remove it",
        ),
        Error::ProjectNotFound => {
            Said::new(Code::NotFound, R::ProjectNotFound, "there is no such project")
        }
        Error::EnvironmentNotFound => Said::new(
            Code::NotFound,
            R::EnvironmentNotFound,
            "there is no such environment in the project",
        ),
        Error::SecretNotFound(offenders) => Said::new(
            Code::NotFound,
            R::SecretNotFound,
            sentence(
                offenders,
                "there is no such secret in the project",
                "secrets unknown in the project",
            ),
        )
        .offenders(offenders),
        Error::VersionNotFound => Said::new(
            Code::NotFound,
            R::VersionNotFound,
            "the slot keeps no version of that number",
        ),
        Error::VersionIsCurrent => Said::new(
            Code::FailedPrecondition,
            R::VersionIsCurrent,
            "the version is the current one of its slot; write, clear or roll back first",
        )
        .precondition("version"),
        Error::VersionDestroyed => Said::new(
            Code::FailedPrecondition,
            R::VersionDestroyed,
            "the value of the version was destroyed for good; ListSecretVersions says which are \
             left",
        )
        .precondition("version"),
        Error::VerifyLimit { retry } => Said::new(
            Code::ResourceExhausted,
            R::VerifyLimit,
            "the secret was verified 10 times in the last minute; repeat the call after the time \
             in RetryInfo",
        )
        .quota("verifications of a secret in a minute")
        .retry(*retry),
        Error::PrincipalNotFound => {
            Said::new(Code::NotFound, R::PrincipalNotFound, "there is no such principal")
        }
        Error::PrincipalExists => Said::new(
            Code::AlreadyExists,
            R::PrincipalExists,
            "there is a principal of that id already",
        ),
        Error::IdentityTaken => Said::new(
            Code::AlreadyExists,
            R::IdentityTaken,
            "another principal is known by one of the identities; an identity is one principal's",
        ),
        Error::SeparationOfDuties => Said::new(
            Code::FailedPrecondition,
            R::SeparationOfDuties,
            "the principal would both set values and resolve them in one place; give one of the \
             roles to another principal",
        )
        .precondition("binding"),
        Error::BindingNotFound => Said::new(
            Code::NotFound,
            R::BindingNotFound,
            "the principal has no such binding; ListBindings says which it has",
        ),
        Error::BindingLimit { limit } => Said::new(
            Code::ResourceExhausted,
            R::BindingLimit,
            format!("a principal has at most {limit} bindings; delete one first"),
        )
        .quota("bindings of a principal"),
        Error::BindingMissing => Said::new(
            Code::FailedPrecondition,
            R::BindingMissing,
            "no binding of the principal has this role and covers this scope; CreateBinding makes \
             one",
        )
        .precondition("binding"),
        Error::ApiTokenNotFound => Said::new(
            Code::NotFound,
            R::ApiTokenNotFound,
            "the principal has no such token; ListApiTokens says which it has",
        ),
        Error::TokenShownOnce { name } => Said::new(
            Code::FailedPrecondition,
            R::TokenShownOnce,
            format!(
                "the first call with this request_id made {name}, which cannot be shown again; if \
                 its answer was lost, revoke that one and make another"
            ),
        )
        .precondition("request_id"),
        Error::AlreadyInitialized => Said::new(
            Code::FailedPrecondition,
            R::AlreadyInitialized,
            "somebody was given rights before; on the machine that has the keys, `waxseal token \
             create` makes a token for any principal",
        )
        .precondition("deployment"),
        Error::AliasNotFound => Said::new(
            Code::NotFound,
            R::AliasNotFound,
            "the secret has no such alias; GetSecret says which it has",
        ),
        Error::NameHeldByAlias => Said::new(
            Code::AlreadyExists,
            R::NameHeldByAlias,
            "another secret had that name and still answers to it; ReleaseSecretAlias frees it",
        ),
        Error::AliasLimit { limit } => Said::new(
            Code::ResourceExhausted,
            R::AliasLimit,
            format!(
                "the secret answers to {limit} names that it had, as many as it may; \
                 ReleaseSecretAlias makes room"
            ),
        )
        .quota("aliases of a secret"),
        Error::ProjectDeleted => Said::new(
            Code::FailedPrecondition,
            R::ProjectDeleted,
            "the project is deleted; UndeleteProject brings it back",
        )
        .precondition("project"),
        Error::ProjectNotDeleted => {
            Said::new(Code::FailedPrecondition, R::ProjectNotDeleted, "the project is not deleted")
                .precondition("project")
        }
        Error::IdHeldByDeleted => Said::new(
            Code::AlreadyExists,
            R::IdHeldByDeleted,
            "a deleted project holds that id until it is purged; UndeleteProject brings it back",
        ),
        Error::InvalidDocument { rule } => Said::argument(R::InvalidDocument, "document", rule),
        Error::DocumentTooLarge => Said::new(
            Code::ResourceExhausted,
            R::DocumentTooLarge,
            "a document holds at most 1 MiB (1048576 bytes); nothing was made",
        )
        .quota("bytes of a document"),
        Error::InvalidTemplate { field, rule } => Said::argument(R::InvalidTemplate, field, rule),
        Error::SecretNotText(offenders) => Said::new(
            Code::FailedPrecondition,
            R::SecretNotText,
            sentence(
                offenders,
                "the secret's value is bytes, which cannot be rendered; set it as text",
                "secrets whose values are bytes, which cannot be rendered",
            ),
        )
        .offenders(offenders)
        .precondition("secret"),
        Error::RenderTooLarge => Said::new(
            Code::ResourceExhausted,
            R::RenderTooLarge,
            "at most 100 templates, 1 MiB (1048576 bytes) of text and 10000 tokens are taken at \
             once, and at most 3.5 MiB (3670016 bytes) come out, \
             redacted texts included",
        )
        .quota("texts to render or parse"),
        Error::ProjectExists => {
            Said::new(Code::AlreadyExists, R::ProjectExists, "there is a project of that id")
        }
        Error::EnvironmentExists => Said::new(
            Code::AlreadyExists,
            R::EnvironmentExists,
            "there is an environment of that id in the project",
        ),
        Error::SecretExists => Said::new(
            Code::AlreadyExists,
            R::SecretExists,
            "there is a secret of that name in the project, perhaps in another case",
        ),
        Error::NameHeldByDeleted => Said::new(
            Code::AlreadyExists,
            R::NameHeldByDeleted,
            "a deleted secret holds that name until it is purged; UndeleteSecret brings it back",
        ),
        Error::EtagMismatch => Said::new(
            Code::Aborted,
            R::EtagMismatch,
            "the object has changed since that etag was given; read it again before trying again",
        ),
        Error::Conflict => Said::new(
            Code::Aborted,
            R::Conflict,
            "other writes came first again and again, and nothing was changed; repeat the call",
        )
        .retry(SOON),
        Error::VisibilityRatchet => Said::new(
            Code::FailedPrecondition,
            R::VisibilityRatchet,
            "a restricted secret never becomes masked",
        )
        .precondition("secret"),
        Error::SecretDeleted => Said::new(
            Code::FailedPrecondition,
            R::SecretDeleted,
            "the secret is deleted; UndeleteSecret brings it back",
        )
        .precondition("secret"),
        Error::SecretNotDeleted => {
            Said::new(Code::FailedPrecondition, R::SecretNotDeleted, "the secret is not deleted")
                .precondition("secret")
        }
        Error::SecretUnset(offenders) => Said::new(
            Code::FailedPrecondition,
            R::SecretUnset,
            sentence(offenders, "the secret has no value there", "secrets without a value there"),
        )
        .offenders(offenders)
        .precondition("secret"),
        Error::EnvironmentIsMain => Said::new(
            Code::FailedPrecondition,
            R::EnvironmentIsMain,
            "main belongs to its project and cannot be deleted",
        )
        .precondition("environment"),
        Error::EnvironmentHasOverrides { count } => Said::new(
            Code::FailedPrecondition,
            R::EnvironmentHasOverrides,
            format!("the environment has {count} override(s); set force to delete them with it"),
        )
        .precondition("environment"),
        Error::RevisionMismatch { field } => Said::new(
            Code::FailedPrecondition,
            R::RevisionMismatch,
            format!("{field} is of another project or store, or ahead of this one"),
        )
        .precondition(field),
        Error::EnvironmentLimit { limit } => Said::new(
            Code::ResourceExhausted,
            R::EnvironmentLimit,
            format!("the project has {limit} environments, as many as it may"),
        )
        .quota("environments of a project"),
        Error::SecretLimit { limit } => Said::new(
            Code::ResourceExhausted,
            R::SecretLimit,
            format!(
                "the project has {limit} secrets, as many as it may; deleted ones count until they \
                 are purged"
            ),
        )
        .quota("secrets of a project"),
        Error::ViewTooLarge => Said::new(
            Code::ResourceExhausted,
            R::ViewTooLarge,
            "what an environment resolves would be larger than 3.5 MiB (3670016 bytes) encoded; \
             nothing was changed",
        )
        .quota("bytes of a view"),
        Error::BatchTooLarge => Said::new(
            Code::ResourceExhausted,
            R::BatchTooLarge,
            "a batch holds at most 100 overrides and 1 MiB (1048576 bytes) of values; nothing was \
             changed",
        )
        .quota("overrides of a batch"),
        Error::DataLoss { what } => Said::new(
            Code::DataLoss,
            R::DataLoss,
            format!(
                "what is stored does not authenticate ({what}): it was damaged or tampered with, \
                 and nothing of it is given; tell an operator"
            ),
        ),
        Error::KeyUnavailable(_) => Said::new(
            Code::FailedPrecondition,
            R::KeyUnavailable,
            "the key that protects this is disabled, gone or not ours to use; tell an operator",
        )
        .precondition("key"),
        Error::KeyServiceUnavailable(_) => Said::new(
            Code::Unavailable,
            R::KeyUnavailable,
            "the key provider does not answer; repeat the call in a moment",
        )
        .retry(LATER),
        Error::StorageUnavailable(_) => Said::new(
            Code::Unavailable,
            R::StorageUnavailable,
            "the database does not answer; repeat the call in a moment",
        )
        .retry(SECOND),
        Error::StorageFull => Said::new(
            Code::Unavailable,
            R::StorageFull,
            "the database has no space left, and nothing was changed; tell an operator",
        )
        .retry(MUCH_LATER),
        Error::CommitUnknown => Said::new(
            Code::Unavailable,
            R::CommitUnknown,
            "the change may have been made or not: repeat the call with the same request_id, and \
             it is applied once",
        )
        .retry(SECOND),
        Error::AuditUnavailable => Said::new(
            Code::Unavailable,
            R::AuditUnavailable,
            "this could not be put on record, and so nothing was disclosed; repeat the call in a \
             moment",
        )
        .retry(SECOND),
        Error::ShuttingDown => Said::new(
            Code::Unavailable,
            R::ShuttingDown,
            "this server is about to stop, and nothing was changed; call another one, or again",
        )
        .retry(SECOND),
        Error::StreamExpired => Said::new(
            Code::Unavailable,
            R::StreamExpired,
            "the stream has lived as long as one may: open another, with the revision of the view \
             you hold as if_revision_not",
        )
        .retry(SOON),
        Error::SlowConsumer => Said::new(
            Code::Aborted,
            R::SlowConsumer,
            "the stream was not read for 10 seconds while there was something to read: read faster \
             or open fewer streams on a connection, and go on with the revision of the view you hold",
        ),
        Error::Internal(_) => Said::internal(),
    }
}

/// `singular` for one offender that the caller knows by itself, else which they are.
fn sentence(offenders: &Offenders, singular: &'static str, each: &str) -> Cow<'static, str> {
    let Offenders { names, total } = offenders;
    if names.is_empty() {
        return singular.into();
    }
    let shown: Vec<&str> = names.iter().take(NAMED_IN_MESSAGE).map(|n| n.as_str()).collect();
    let more = total.saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{each}: {}{more}", shown.join(", ")).into()
}

#[cfg(test)]
mod tests;

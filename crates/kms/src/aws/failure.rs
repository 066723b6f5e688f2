//! What the answers of AWS KMS mean.

use crate::Error;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// By what should be done about it. Whatever is not known is an outage: nothing leaves memory, and
/// the call may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer, none in time, none that makes sense, or that the service or this process's
    /// credentials are not in order at the moment.
    Transient,
    Throttled,
    /// The key is disabled, deleted, about to be, or not there.
    Revoked,
    Denied,
    /// The wrapped key is not one of this key, or for another context.
    Integrity,
}

impl Failure {
    pub(super) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Self {
        match error {
            SdkError::ServiceError(refusal) => match refusal.err().code() {
                Some(code) => Self::of_code(code),
                None if refusal.raw().status().as_u16() == 429 => Self::Throttled,
                None => Self::Transient,
            },
            _ => Self::Transient,
        }
    }

    fn of_code(code: &str) -> Self {
        match code {
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "PriorRequestNotComplete"
            | "SlowDown" => Self::Throttled,
            "DisabledException" | "KMSInvalidStateException" | "NotFoundException" => Self::Revoked,
            // A key of another kind than ours is never going to serve us either.
            "AccessDeniedException" | "InvalidKeyUsageException" => Self::Denied,
            "InvalidCiphertextException" | "IncorrectKeyException" => Self::Integrity,
            _ => Self::Transient,
        }
    }

    pub(super) fn about(self, key_id: &str) -> Error {
        let key_id = key_id.to_owned();
        match self {
            Self::Transient => Error::Unavailable { key_id },
            Self::Throttled => Error::Throttled { key_id },
            Self::Revoked => Error::Revoked { key_id },
            Self::Denied => Error::Denied { key_id },
            Self::Integrity => Error::Tampered { key_id },
        }
    }
}

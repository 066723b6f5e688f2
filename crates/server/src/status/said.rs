//! A failure in the words of the wire.

use std::borrow::Cow;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use waxseal_engine::Offenders;
use waxseal_proto::v1::ErrorReason;

const DOMAIN: &str = "waxseal.dev";

/// Code, reason, message and details of a status.
pub(super) struct Said {
    pub(super) code: Code,
    pub(super) reason: ErrorReason,
    message: Cow<'static, str>,
    details: ErrorDetails,
    /// What clients of gRPC wait by themselves, where they retry.
    pushback: Option<Duration>,
}

impl Said {
    pub(super) fn new(
        code: Code,
        reason: ErrorReason,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { code, reason, message: message.into(), details: ErrorDetails::new(), pushback: None }
    }

    pub(super) fn argument(reason: ErrorReason, field: &str, rule: &str) -> Self {
        let mut said = Self::new(Code::InvalidArgument, reason, format!("{field} {rule}"));
        said.details.add_bad_request_violation(field, rule);
        said
    }

    pub(super) fn internal() -> Self {
        Self::new(
            Code::Internal,
            ErrorReason::Internal,
            "the server failed, and has logged why under this call's x-request-id; tell an operator",
        )
    }

    pub(super) fn retry(mut self, after: Duration) -> Self {
        self.details.set_retry_info(Some(after));
        self
    }

    /// The same, also for clients that do not read details.
    pub(super) fn pushback(self, after: Duration) -> Self {
        Self { pushback: Some(after), ..self.retry(after) }
    }

    pub(super) fn precondition(mut self, subject: &str) -> Self {
        let kind = name(self.reason);
        self.details.add_precondition_failure_violation(kind, subject, &*self.message);
        self
    }

    pub(super) fn quota(mut self, subject: &str) -> Self {
        self.details.add_quota_failure_violation(subject, &*self.message);
        self
    }

    pub(super) fn offenders(mut self, offenders: &Offenders) -> Self {
        let Offenders { names, total } = offenders;
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let metadata =
            [("secrets".to_owned(), names.join(",")), ("total".to_owned(), total.to_string())];
        self.details.set_error_info(name(self.reason), DOMAIN, metadata);
        self
    }

    /// The token that a stream can be taken up from.
    pub(super) fn revision(mut self, token: &str) -> Self {
        let metadata = [("revision".to_owned(), token.to_owned())];
        self.details.set_error_info(name(self.reason), DOMAIN, metadata);
        self
    }

    pub(super) fn into_status(self) -> Status {
        let Self { code, reason, message, mut details, pushback } = self;
        if details.error_info().is_none() {
            details.set_error_info(name(reason), DOMAIN, []);
        }
        let mut status = Status::with_error_details(code, message, details);
        if let Some(after) = pushback {
            // Rounded up: what comes a moment too early is refused again.
            let millis = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
            status.metadata_mut().insert("grpc-retry-pushback-ms", millis.into());
        }
        status
    }
}

/// The reason as it stands in `ErrorInfo`, without the prefix of the enum.
pub(super) fn name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

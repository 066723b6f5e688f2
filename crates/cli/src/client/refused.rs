//! What the server answered instead of doing as it was asked.

use rustls::{AlertDescription, CertificateError, Error as Tls};
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;
use tonic::transport::Error as TransportError;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A refusal. It prints as its code and reason: what scripts look at.
#[derive(Debug)]
pub(crate) struct Refused {
    code: Code,
    reason: String,
    message: String,
    metadata: HashMap<String, String>,
    retry: Option<Duration>,
    obstacle: Option<&'static str>,
    broken: bool,
}

impl Refused {
    /// No answer within the time that there was.
    pub(crate) fn late() -> Self {
        Self {
            code: Code::DeadlineExceeded,
            reason: String::new(),
            message: "there was no answer in time (--timeout)".to_owned(),
            metadata: HashMap::new(),
            retry: None,
            obstacle: None,
            broken: false,
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The code as gRPC writes it.
    pub(crate) fn code_name(&self) -> String {
        wire_name(self.code)
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }

    /// How long to wait before another attempt, where one may help: what the server asks for, or
    /// else `ours`.
    pub(crate) fn pause(&self, ours: Duration) -> Option<Duration> {
        match (self.code, self.retry) {
            (Code::Unavailable, theirs) => Some(theirs.unwrap_or_default().max(ours)),
            (Code::Aborted, Some(theirs)) => Some(theirs.max(ours)),
            _ => None,
        }
    }

    /// Whether it is not the server that said so, but the way to it.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.code == Code::Unavailable && self.reason.is_empty()
    }

    /// Why there is no TLS with the server, where it is that what failed.
    pub(crate) fn obstacle(&self) -> Option<&'static str> {
        self.obstacle
    }

    /// Whether the connection ended instead of an answer.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether a change may have been made all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        matches!(self.reason.as_str(), "COMMIT_UNKNOWN" | "DEADLINE_EXCEEDED")
            || matches!(self.code, Code::DeadlineExceeded | Code::Cancelled)
            || self.broken
    }

    /// Whether the answer is about what there is, and not about a server that does not work.
    pub(crate) fn is_about_state(&self) -> bool {
        matches!(
            self.code,
            Code::AlreadyExists
                | Code::NotFound
                | Code::FailedPrecondition
                | Code::PermissionDenied
                | Code::ResourceExhausted
        )
    }

    pub(crate) fn is_there_already(&self) -> bool {
        self.code == Code::AlreadyExists
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.code == Code::NotFound
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().cloned();
        let (reason, metadata) = info.map(|info| (info.reason, info.metadata)).unwrap_or_default();
        let retry = details.retry_info().and_then(|info| info.retry_delay);
        // Only this server's own words are known to hold no value.
        let message = match reason.is_empty() {
            true => "the call failed".to_owned(),
            false => status.message().to_owned(),
        };
        let obstacle = obstacle(&status);
        let transport = status.source().is_some_and(|cause| cause.is::<TransportError>());
        let broken = transport && reason.is_empty() && status.code() != Code::Unavailable;
        Self { code: status.code(), reason, message, metadata, retry, obstacle, broken }
    }
}

/// What TLS says, in what caused the failure of a call.
fn obstacle(status: &Status) -> Option<&'static str> {
    const BY_CERTIFICATE: &str = "the server did not take the certificate that it was shown \
                                  (--cert, --key), or wants one";
    let mut cause = status.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<Tls>()) {
            return Some(match tls {
                Tls::InvalidCertificate(CertificateError::UnknownIssuer) => {
                    "nobody who is trusted vouches for its certificate; --ca (WAXSEAL_CA_FILE) names \
                     its authority"
                }
                Tls::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                ) => "its certificate is for another name than that of the address",
                Tls::InvalidCertificate(
                    CertificateError::Expired | CertificateError::ExpiredContext { .. },
                ) => "its certificate has expired",
                Tls::InvalidCertificate(_) => "its certificate is not valid",
                Tls::AlertReceived(
                    AlertDescription::ProtocolVersion | AlertDescription::NoApplicationProtocol,
                ) => "it speaks another version than this command",
                Tls::AlertReceived(_) => BY_CERTIFICATE,
                _ => "what answers there does not speak it; an address without is http://HOST:PORT",
            });
        }
        // Once the connection is up, an alert is handed on as text.
        if error.to_string().contains("received fatal alert") {
            return Some(BY_CERTIFICATE);
        }
        cause = error.source();
    }
    None
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire_name(self.code))?;
        if !self.reason.is_empty() {
            write!(f, ", reason {}", self.reason)?;
        }
        Ok(())
    }
}

/// `PermissionDenied` as gRPC writes it: `PERMISSION_DENIED`.
fn wire_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    #[test]
    fn codes_have_the_names_of_grpc() {
        for (code, name) in [
            (Code::PermissionDenied, "PERMISSION_DENIED"),
            (Code::NotFound, "NOT_FOUND"),
            (Code::DataLoss, "DATA_LOSS"),
            (Code::Unavailable, "UNAVAILABLE"),
        ] {
            assert_eq!(wire_name(code), name);
        }
    }

    #[test]
    fn a_refusal_is_its_code_and_its_reason() {
        let details =
            ErrorDetails::with_error_info("SECRET_RESTRICTED", "waxseal.dev", HashMap::new());
        let with = Status::with_error_details(Code::PermissionDenied, "no", details);
        let refused = Refused::from(with);
        assert_eq!(refused.to_string(), "PERMISSION_DENIED, reason SECRET_RESTRICTED");
        assert_eq!(refused.message(), "no");
        let unreachable = Refused::from(Status::unavailable("canary"));
        assert_eq!(unreachable.to_string(), "UNAVAILABLE");
        assert!(unreachable.is_unreachable());
        assert_eq!(unreachable.message(), "the call failed");
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_not_before_the_server_says() {
        let ours = Duration::from_millis(50);
        let asked = |code, retry| {
            let mut details =
                ErrorDetails::with_error_info("X", "waxseal.dev", HashMap::<String, String>::new());
            details.set_retry_info(retry);
            Refused::from(Status::with_error_details(code, "", details)).pause(ours)
        };
        let later = Duration::from_secs(5);
        assert_eq!(asked(Code::Unavailable, None), Some(ours));
        assert_eq!(asked(Code::Unavailable, Some(later)), Some(later));
        assert_eq!(asked(Code::Aborted, Some(Duration::ZERO)), Some(ours));
        assert_eq!(asked(Code::Aborted, None), None);
        assert_eq!(asked(Code::ResourceExhausted, Some(later)), None);
        assert_eq!(Refused::late().pause(ours), None);
    }
}

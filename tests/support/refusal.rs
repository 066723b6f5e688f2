//! How a refusal is read. Every one of them is held to what all must fulfil.

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The parts of a status that callers rely on.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    pub reason: String,
    /// Fields named by `BadRequest`.
    pub fields: Vec<String>,
    pub retry: bool,
    /// What `ErrorInfo` says besides.
    pub metadata: std::collections::HashMap<String, String>,
}

/// Reads a refusal.
#[track_caller]
pub fn refused<T>(answer: Result<T, Status>) -> Refusal {
    match answer {
        Ok(_) => panic!("this should have been refused"),
        Err(status) => read(&status),
    }
}

/// Reads a status: one `ErrorInfo` of our domain, a code that fits, at most 8 KiB of details.
#[track_caller]
pub fn read(status: &Status) -> Refusal {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{status:?} has no ErrorInfo"));
    let infos = status.get_error_details_vec();
    let infos =
        infos.iter().filter(|detail| matches!(detail, tonic_types::ErrorDetail::ErrorInfo(_)));
    assert_eq!(infos.count(), 1, "{status:?}");
    assert_eq!(info.domain, "waxseal.dev");
    assert!(status.details().len() <= 8 * 1024, "{} bytes of details", status.details().len());
    assert!(!status.message().is_empty());
    let code = status.code();
    assert!(!matches!(code, Code::Ok | Code::Unknown | Code::Cancelled), "{status:?}");
    if code == Code::Unavailable {
        assert!(details.retry_info().is_some(), "{status:?}");
    }
    Refusal {
        code,
        reason: info.reason.clone(),
        fields: details
            .bad_request()
            .map(|bad| bad.field_violations.iter().map(|v| v.field.clone()).collect())
            .unwrap_or_default(),
        retry: details.retry_info().is_some(),
        metadata: info.metadata.clone(),
    }
}

impl Refusal {
    #[track_caller]
    pub fn is(&self, code: Code, reason: &str) {
        assert_eq!((self.code, self.reason.as_str()), (code, reason));
    }

    /// `INVALID_ARGUMENT`, about this field.
    #[track_caller]
    pub fn is_about(&self, reason: &str, field: &str) {
        self.is(Code::InvalidArgument, reason);
        assert_eq!(self.fields, [field]);
    }
}

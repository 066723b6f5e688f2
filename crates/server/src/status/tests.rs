use super::said::name;
use super::*;
use std::collections::BTreeSet;
use tonic_types::StatusExt as _;
use waxseal_domain::name::SecretName;
use waxseal_domain::value::InvalidValue;

const CANARY: &str = "CANARY-f00d";

fn names(count: usize) -> Offenders {
    let mut bytes = 0;
    let all = (0..count).map(|n| SecretName::parse(&format!("{}{n:04}", "N".repeat(60))).unwrap());
    let fit = all.take_while(|name| {
        bytes += name.as_str().len() + 2;
        bytes <= waxseal_domain::limits::OFFENDERS_BYTES
    });
    Offenders { names: fit.collect(), total: count }
}

/// One failure of each kind, as large as it gets.
fn every() -> Vec<Error> {
    let field = || "overrides[99].secret".to_owned();
    let kms = || waxseal_kms::Error::Unavailable { key_id: CANARY.to_owned() };
    vec![
        Error::InvalidName { field: field(), rule: "match ^[a-z]$" },
        Error::InvalidField { field: field(), rule: "must be at most 128 bytes".to_owned() },
        Error::InvalidValue { field: field(), source: InvalidValue::Nul },
        Error::ChecksumMismatch { field: field() },
        Error::InvalidPageToken,
        Error::InvalidFieldMask { rule: "must hold at most 100 paths" },
        Error::InvalidRevision { field: "if_revision_not" },
        Error::InvalidRequestId,
        Error::RequestIdReused,
        Error::RequestInProgress,
        Error::CredentialsMissing,
        Error::CredentialsInvalid,
        Error::PermissionDenied,
        Error::SecretRestricted,
        Error::EnvironmentProtected,
        Error::ProjectNotFound,
        Error::EnvironmentNotFound,
        Error::SecretNotFound(names(1_000)),
        Error::VersionNotFound,
        Error::VersionIsCurrent,
        Error::VersionDestroyed,
        Error::VerifyLimit { retry: Duration::from_millis(59_999) },
        Error::PrincipalNotFound,
        Error::PrincipalExists,
        Error::IdentityTaken,
        Error::SeparationOfDuties,
        Error::BindingNotFound,
        Error::BindingLimit { limit: usize::MAX },
        Error::BindingMissing,
        Error::ApiTokenNotFound,
        Error::TokenShownOnce {
            name: format!("principals/{}/tokens/000000000000", "p".repeat(63)),
        },
        Error::AlreadyInitialized,
        Error::AliasNotFound,
        Error::NameHeldByAlias,
        Error::AliasLimit { limit: usize::MAX },
        Error::ProjectDeleted,
        Error::ProjectNotDeleted,
        Error::IdHeldByDeleted,
        Error::InvalidDocument { rule: "is not JSON (line 1, column 1)".to_owned() },
        Error::DocumentTooLarge,
        Error::InvalidTemplate {
            field: "templates[99].text".to_owned(),
            rule: "must be a JSON document".to_owned(),
        },
        Error::SecretNotText(names(1_000)),
        Error::RenderTooLarge,
        Error::ProjectExists,
        Error::EnvironmentExists,
        Error::SecretExists,
        Error::NameHeldByDeleted,
        Error::EtagMismatch,
        Error::Conflict,
        Error::VisibilityRatchet,
        Error::SecretDeleted,
        Error::SecretNotDeleted,
        Error::SecretUnset(names(1_000)),
        Error::EnvironmentIsMain,
        Error::EnvironmentHasOverrides { count: u64::MAX },
        Error::RevisionMismatch { field: "consistency.at_least.revision" },
        Error::EnvironmentLimit { limit: usize::MAX },
        Error::SecretLimit { limit: usize::MAX },
        Error::ViewTooLarge,
        Error::BatchTooLarge,
        Error::DataLoss { what: "the manifest" },
        Error::KeyUnavailable(kms()),
        Error::KeyServiceUnavailable(kms()),
        Error::StorageUnavailable(waxseal_storage::Error::Unavailable { what: CANARY.to_owned() }),
        Error::StorageFull,
        Error::CommitUnknown,
        Error::AuditUnavailable,
        Error::ShuttingDown,
        Error::StreamExpired,
        Error::SlowConsumer,
        Error::Internal(CANARY.into()),
    ]
}

const RETRY: Duration = Duration::from_nanos(1_500_001);

const REFUSALS: [Refusal; 13] = [
    Refusal::MethodUnknown,
    Refusal::NotGrpc,
    Refusal::Compressed,
    Refusal::MessageTooLarge,
    Refusal::MalformedMessage,
    Refusal::InvalidTimeout,
    Refusal::DeadlineExceeded,
    Refusal::RateLimited { retry: RETRY },
    Refusal::AddressLimited { retry: RETRY },
    Refusal::Overloaded,
    Refusal::CallLimit { most: usize::MAX },
    Refusal::StreamLimit { most: usize::MAX },
    Refusal::Internal,
];

fn statuses() -> Vec<Status> {
    every().into_iter().map(of).chain(REFUSALS.map(Status::from)).collect()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

#[test]
fn every_public_reason_is_given_by_something() {
    let given: BTreeSet<String> = statuses().iter().map(reason).collect();
    let public: BTreeSet<String> = (1..200)
        .filter_map(|number| ErrorReason::try_from(number).ok())
        .map(|reason| name(reason).to_owned())
        .collect();
    assert_eq!(given, public);
}

#[test]
fn every_error_has_one_error_info_and_what_its_code_asks_for() {
    for status in statuses() {
        let details = status.get_error_details_vec();
        let infos: Vec<_> = details
            .iter()
            .filter_map(|detail| match detail {
                tonic_types::ErrorDetail::ErrorInfo(info) => Some(info),
                _ => None,
            })
            .collect();
        assert_eq!(infos.len(), 1, "{status:?}");
        assert_eq!(infos[0].domain, "waxseal.dev");
        assert!(!infos[0].reason.starts_with("ERROR_REASON"));
        let details = status.get_error_details();
        let code = status.code();
        assert_eq!(details.bad_request().is_some(), code == Code::InvalidArgument, "{status:?}");
        assert_eq!(
            details.quota_failure().is_some(),
            code == Code::ResourceExhausted,
            "{status:?}"
        );
        let precondition = details.precondition_failure().is_some();
        assert_eq!(precondition, code == Code::FailedPrecondition, "{status:?}");
        if code == Code::Unavailable {
            assert!(details.retry_info().is_some(), "{status:?}");
        }
    }
}

#[test]
fn details_stay_within_8_kib_and_messages_are_short() {
    for status in statuses() {
        assert!(
            status.details().len() <= 8 * 1024,
            "{:?}: {}",
            status.code(),
            status.details().len()
        );
        assert!(status.message().len() <= 1024, "{}", status.message());
    }
}

#[test]
fn nothing_of_a_source_is_said() {
    for status in statuses() {
        let details = format!("{:?}", status.get_error_details());
        assert!(!status.message().contains(CANARY) && !details.contains(CANARY), "{details}");
    }
}

#[test]
fn causes_are_kept_for_the_log() {
    use std::error::Error as _;
    for error in [Error::Internal("a cause".into()), Error::DataLoss { what: "a row" }] {
        assert!(of(error).source().is_some());
    }
    assert!(of(Error::PermissionDenied).source().is_none());
}

#[test]
fn offenders_are_named_as_many_as_fit_and_counted() {
    let status = of(Error::SecretUnset(names(1_000)));
    let details = status.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    assert_eq!(metadata["total"], "1000");
    let listed = metadata["secrets"].split(',').count();
    assert_eq!(listed, names(1_000).names.len());
    assert!(status.message().ends_with(" and 990 more"), "{}", status.message());

    let few = of(Error::SecretNotFound(names(2)));
    assert!(!few.message().contains("more"), "{}", few.message());
}

#[test]
fn a_verification_too_many_says_when_to_come_back() {
    let status = of(Error::VerifyLimit { retry: Duration::from_millis(1_500) });
    let details = status.get_error_details();
    let retry = details.retry_info().unwrap().retry_delay;
    assert_eq!(retry, Some(Duration::from_millis(1_500)));
}

#[test]
fn what_comes_too_often_is_told_when_to_come_back() {
    for refusal in [Refusal::RateLimited { retry: RETRY }, Refusal::AddressLimited { retry: RETRY }]
    {
        let status = Status::from(refusal);
        let details = status.get_error_details();
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(RETRY));
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "2");
    }
    let overloaded = Status::from(Refusal::Overloaded);
    assert_eq!(overloaded.metadata().get("grpc-retry-pushback-ms").unwrap(), "100");
}

#[test]
fn a_document_and_a_template_are_at_fault_by_their_field() {
    let rule = || "is not JSON".to_owned();
    let document = of(Error::InvalidDocument { rule: rule() });
    let field = "templates[0].text".to_owned();
    let template = of(Error::InvalidTemplate { field: field.clone(), rule: rule() });
    for (status, field) in [(document, "document"), (template, &*field)] {
        let details = status.get_error_details();
        let violation = &details.bad_request().unwrap().field_violations[0];
        assert_eq!((&*violation.field, &*violation.description), (field, "is not JSON"));
        assert_eq!(status.message(), format!("{field} is not JSON"));
    }
}

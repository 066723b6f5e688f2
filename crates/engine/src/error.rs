//! What failures mean to a caller. Every variant is a public reason; the server turns each into
//! a status in one exhaustive match. Sources are for the log and never for the message.

use waxseal_domain::limits::OFFENDERS_BYTES;
use waxseal_domain::name::SecretName;
use waxseal_domain::uid::Deployment;
use waxseal_domain::value::InvalidValue;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is described where it is public, in ErrorReason")]
pub enum Error {
    #[error("{field} must {rule}")]
    InvalidName { field: String, rule: &'static str },
    #[error("{field} {rule}")]
    InvalidField { field: String, rule: String },
    #[error("{field} {source}")]
    InvalidValue { field: String, source: InvalidValue },
    #[error("{field}: the checksum does not fit the payload")]
    ChecksumMismatch { field: String },
    #[error("the page token is not one for this list and caller, or has expired")]
    InvalidPageToken,
    #[error("update_mask {rule}")]
    InvalidFieldMask { rule: &'static str },
    #[error("{field} is not a revision that this service gave")]
    InvalidRevision { field: &'static str },
    #[error("request_id must be a UUID")]
    InvalidRequestId,
    #[error("the request id was used for another request")]
    RequestIdReused,
    #[error("a request with this id is under way")]
    RequestInProgress,
    #[error("credentials are missing")]
    CredentialsMissing,
    #[error("credentials are not valid")]
    CredentialsInvalid,
    #[error("permission denied")]
    PermissionDenied,
    #[error("the secret is restricted")]
    SecretRestricted,
    #[error("the environment is protected")]
    EnvironmentProtected,
    #[error("there is no such project")]
    ProjectNotFound,
    #[error("there is no such environment")]
    EnvironmentNotFound,
    #[error("there is no such secret")]
    SecretNotFound(Offenders),
    #[error("there is no such version")]
    VersionNotFound,
    #[error("the version is the current one")]
    VersionIsCurrent,
    #[error("the version was destroyed")]
    VersionDestroyed,
    #[error("the secret was verified too often")]
    VerifyLimit { retry: std::time::Duration },
    #[error("there is no such alias")]
    AliasNotFound,
    #[error("the name is reserved for a secret that had it")]
    NameHeldByAlias,
    #[error("a secret answers to at most {limit} names that it had")]
    AliasLimit { limit: usize },
    #[error("the project is deleted")]
    ProjectDeleted,
    #[error("the project is not deleted")]
    ProjectNotDeleted,
    #[error("a deleted project holds the id")]
    IdHeldByDeleted,
    #[error("the document {rule}")]
    InvalidDocument { rule: String },
    #[error("the document is too large")]
    DocumentTooLarge,
    #[error("{field} {rule}")]
    InvalidTemplate { field: String, rule: String },
    #[error("a secret holds bytes, not text")]
    SecretNotText(Offenders),
    #[error("the rendered text would be too large")]
    RenderTooLarge,
    #[error("the project exists")]
    ProjectExists,
    #[error("the environment exists")]
    EnvironmentExists,
    #[error("the secret exists")]
    SecretExists,
    #[error("a deleted secret holds the name")]
    NameHeldByDeleted,
    #[error("the etag does not match")]
    EtagMismatch,
    #[error("other changes kept coming first")]
    Conflict,
    #[error("restricted never becomes masked")]
    VisibilityRatchet,
    #[error("the secret is deleted")]
    SecretDeleted,
    #[error("the secret is not deleted")]
    SecretNotDeleted,
    #[error("a secret is unset")]
    SecretUnset(Offenders),
    #[error("main cannot be deleted")]
    EnvironmentIsMain,
    #[error("the environment has {count} overrides")]
    EnvironmentHasOverrides { count: u64 },
    #[error("{field} is not a revision of this project in this store")]
    RevisionMismatch { field: &'static str },
    #[error("a project has at most {limit} environments")]
    EnvironmentLimit { limit: usize },
    #[error("a project has at most {limit} secrets")]
    SecretLimit { limit: usize },
    #[error("a view would be too large")]
    ViewTooLarge,
    #[error("the batch is too large")]
    BatchTooLarge,
    #[error("there is no such principal")]
    PrincipalNotFound,
    #[error("the principal exists")]
    PrincipalExists,
    #[error("another principal is known by the identity")]
    IdentityTaken,
    #[error("a principal does not both set and resolve")]
    SeparationOfDuties,
    #[error("there is no such binding")]
    BindingNotFound,
    #[error("a principal has at most {limit} bindings")]
    BindingLimit { limit: usize },
    #[error("no binding of the principal covers the token")]
    BindingMissing,
    #[error("there is no such API token")]
    ApiTokenNotFound,
    #[error("the token was shown")]
    TokenShownOnce { name: String },
    #[error("somebody was given rights before")]
    AlreadyInitialized,
    #[error("stored data does not authenticate: {what}")]
    DataLoss { what: &'static str },
    #[error("a key cannot be used")]
    KeyUnavailable(#[source] waxseal_kms::Error),
    #[error("the key provider cannot be reached")]
    KeyServiceUnavailable(#[source] waxseal_kms::Error),
    #[error("the store cannot be used")]
    StorageUnavailable(#[source] waxseal_storage::Error),
    #[error("the store is full")]
    StorageFull,
    #[error("the outcome of the commit is unknown")]
    CommitUnknown,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("a stream has lived as long as one may")]
    StreamExpired,
    #[error("the reader of a stream takes nothing")]
    SlowConsumer,
    #[error("the audit trail cannot be written")]
    AuditUnavailable,
    #[error("an internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The names that an error is about: as many as fit, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Offenders {
    /// The first of them, at most 4 KiB together.
    pub names: Vec<SecretName>,
    /// How many there are.
    pub total: usize,
}

impl Offenders {
    /// Just one.
    #[must_use]
    pub fn one(name: &SecretName) -> Self {
        Self { names: vec![name.clone()], total: 1 }
    }

    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a SecretName>) -> Self {
        const SEPARATOR: usize = 2;
        let mut offenders = Self::default();
        let mut bytes = 0;
        for name in names {
            offenders.total += 1;
            bytes += name.as_str().len() + SEPARATOR;
            if bytes <= OFFENDERS_BYTES {
                offenders.names.push(name.clone());
            }
        }
        offenders
    }
}

impl From<waxseal_storage::Error> for Error {
    fn from(error: waxseal_storage::Error) -> Self {
        use waxseal_storage::Error as Storage;
        match error {
            Storage::Malformed { table, column } => {
                tracing::error!(table, column, "a row does not read as it was written");
                Self::DataLoss { what: "a row" }
            }
            Storage::Damaged => Self::DataLoss { what: "the database" },
            Storage::Full => Self::StorageFull,
            Storage::Conflict => Self::Conflict,
            Storage::CommitUnknown => Self::CommitUnknown,
            Storage::RolledBack { .. }
            | Storage::TooNew { .. }
            | Storage::TooOld { .. }
            | Storage::Unavailable { .. } => Self::StorageUnavailable(error),
        }
    }
}

impl From<waxseal_kms::Error> for Error {
    /// A wrapped key that names a key nobody configured is taken for tampering: the keys that
    /// are configured were proven right when the service started.
    fn from(error: waxseal_kms::Error) -> Self {
        use waxseal_kms::Error as Kms;
        match error {
            Kms::Unavailable { .. } | Kms::Throttled { .. } => Self::KeyServiceUnavailable(error),
            Kms::Revoked { .. } | Kms::Denied { .. } => Self::KeyUnavailable(error),
            Kms::Tampered { .. } | Kms::Unconfigured { .. } => {
                Self::DataLoss { what: "a wrapped key" }
            }
        }
    }
}

impl From<waxseal_envelope::Error> for Error {
    fn from(error: waxseal_envelope::Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// Why the engine cannot open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Store and keys are of two deployments.
    #[error(
        "the store belongs to deployment {store} and the keys to deployment {keys}; bring the key \
         file that was made with this store"
    )]
    OtherDeployment {
        /// The deployment of the store.
        store: Deployment,
        /// The deployment of the keys.
        keys: Deployment,
    },
    /// The service key in the store does not read as it was written.
    #[error("the service key in the store does not read as it was written")]
    ServiceKey,
    /// The key provider does not open or make the service key.
    #[error("the service key cannot be opened: {0}")]
    Keys(#[from] waxseal_kms::Error),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] waxseal_storage::Error),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(waxseal_envelope::Error),
    /// The audit key in the store does not read as it was written.
    #[error("the audit key in the store does not read as it was written")]
    AuditKey,
    /// The file of checkpoints and the store do not belong together, or it cannot be used.
    #[error(transparent)]
    Checkpoints(#[from] crate::WitnessError),
    /// That the store was adopted could not be put on record.
    #[error("going on with the database cannot be put on record: {0}")]
    Adoption(#[source] Box<Error>),
}

//! Every limit that is a rule. Those an operator may change are in [`Quotas`].

use std::time::Duration;

/// Longest value of a secret, in bytes.
pub const VALUE_BYTES: usize = 65_536;
/// Longest encoded view, in bytes: 3.5 MiB, so that it stays within a gRPC message of 4 MiB.
pub const VIEW_BYTES: u64 = 3_670_016;
/// Most overrides in one batch.
pub const BATCH_OVERRIDES: usize = 100;
/// Most bytes of values in one batch: 1 MiB.
pub const BATCH_BYTES: usize = 1_048_576;
/// Most names in one resolve of named secrets.
pub const RESOLVE_NAMES: usize = 1_000;
/// Most templates in one rendering.
pub const TEMPLATES: usize = 100;
/// Longest template, in bytes: 1 MiB.
pub const TEMPLATE_BYTES: usize = 1_048_576;
/// Most tokens in a template, escaped ones among them.
pub const TEMPLATE_TOKENS: usize = 10_000;
/// Longest rendered text, in bytes: 3.5 MiB, so that the answer stays within a gRPC message of
/// 4 MiB. The redacted twin has the same limit, and all texts and twins of one call together.
pub const RENDERED_BYTES: usize = 3_670_016;
/// Entries in a page when the caller does not say.
pub const PAGE_DEFAULT: usize = 100;
/// Most entries in a page; a larger wish is coerced to this.
pub const PAGE_MAX: usize = 1_000;
/// How long a page token lives.
pub const PAGE_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Most names that a secret may have had and still answers to.
pub const ALIASES: usize = 20;
/// Verifications of one secret within [`VERIFY_WINDOW`].
pub const VERIFICATIONS: usize = 10;
/// The time that [`VERIFICATIONS`] counts in.
pub const VERIFY_WINDOW: Duration = Duration::from_secs(60);
/// Longest document of an import, in bytes: 1 MiB.
pub const DOCUMENT_BYTES: usize = 1_048_576;
/// How long the answer to a request id is kept.
pub const REQUEST_ID_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Longest display name, in bytes.
pub const DISPLAY_NAME_BYTES: usize = 128;
/// Longest description, in bytes.
pub const DESCRIPTION_BYTES: usize = 1_024;
/// The stalest view that a caller may ask for.
pub const STALENESS_MAX: Duration = Duration::from_secs(1);
/// Most bindings of a principal. No more than there are bits to say which of them give a right.
pub const BINDINGS: usize = 100;
/// Most identities of a principal.
pub const IDENTITIES: usize = 20;
/// The longest life of an API token: a year and a day.
pub const API_TOKEN_LIFE: Duration = Duration::from_secs(366 * 24 * 3600);
/// Most permissions in one `TestPermissions`.
pub const PERMISSIONS: usize = 100;
/// Bytes that the names in an error may take together.
pub const OFFENDERS_BYTES: usize = 4_096;

/// The limits that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Most environments in a project, `main` among them.
    pub environments: usize,
    /// Most secrets in a project, deleted ones that are not purged yet among them.
    pub secrets: usize,
    /// Versions of a slot that are kept, the current one among them.
    pub versions: usize,
    /// How long a deleted secret or project can be brought back.
    pub retention: Duration,
    /// After this a user interface hides a revealed value.
    pub reveal: Duration,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            environments: 10,
            secrets: 1_000,
            versions: 10,
            retention: Duration::from_secs(30 * 24 * 3600),
            reveal: Duration::from_secs(30),
        }
    }
}

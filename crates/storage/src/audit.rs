//! The audit trail as it is stored: records in chains, the heads of the chains, checkpoints, and the
//! key that signs them. What a record's hash is made of, the engine says.

use crate::{Result, Wrapped};
use async_trait::async_trait;
use std::borrow::Cow;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid, SecretUid};

/// Who did what. Names stand beside identities as they were then; they are plain text here, so that
/// a row that was tampered with can still be read and named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When; of the first where several are counted.
    pub at: Timestamp,
    /// Who.
    pub principal: String,
    /// Known by which credential.
    pub credential: Option<String>,
    /// Which method.
    pub action: Cow<'static, str>,
    /// In which project.
    pub project: Option<ProjectUid>,
    /// Its id.
    pub project_id: Option<String>,
    /// In which environment.
    pub environment: Option<EnvironmentUid>,
    /// Its id.
    pub environment_id: Option<String>,
    /// In which stage.
    pub stage: Option<Stage>,
    /// On which secret.
    pub secret: Option<SecretUid>,
    /// Its name.
    pub secret_name: Option<String>,
    /// Which version was written or shown.
    pub version: Option<u64>,
    /// The project's revision: after a change, or as it was read.
    pub revision: Option<u64>,
    /// The revision of the view that was disclosed.
    pub view_revision: Option<u64>,
    /// `ok`, or the public reason of a denial.
    pub outcome: Cow<'static, str>,
    /// The caller's request id.
    pub request: Option<Uuid>,
    /// So many more of the same kind, up to `until`.
    pub count: Option<u64>,
    /// The last of those.
    pub until: Option<Timestamp>,
    /// To what, by its name, where it lies in no project.
    pub resource: Option<String>,
    /// What was given or taken: role, scope and end.
    pub grant: Option<String>,
    /// The id of the call that this was done for, where there was one.
    pub call: Option<Uuid>,
}

impl AuditRow {
    /// What was done as it was asked.
    pub const OK: &'static str = "ok";

    /// That somebody did something, with nothing said of where.
    #[must_use]
    pub const fn new(at: Timestamp, principal: String, action: &'static str) -> Self {
        Self {
            at,
            principal,
            credential: None,
            action: Cow::Borrowed(action),
            project: None,
            project_id: None,
            environment: None,
            environment_id: None,
            stage: None,
            secret: None,
            secret_name: None,
            version: None,
            revision: None,
            view_revision: None,
            outcome: Cow::Borrowed(Self::OK),
            request: None,
            count: None,
            until: None,
            resource: None,
            grant: None,
            call: None,
        }
    }

    /// The same, to one slot.
    #[must_use]
    pub fn at_place(self, place: Place) -> Self {
        match place {
            Place::Default => self,
            Place::Override(environment, stage) => {
                Self { environment: Some(environment), stage: Some(stage), ..self }
            }
        }
    }
}

/// A record in its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAudit {
    /// In the order of insertion; given by the store, and vouched for by nothing.
    pub seq: u64,
    /// The chain.
    pub chain: String,
    /// From 1 in each chain, without a gap.
    pub sequence: u64,
    /// Over the hash before, the sequence and the record.
    pub hash: [u8; 32],
    /// What it says.
    pub row: AuditRow,
}

/// The head of a chain, and what it began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRow {
    /// The chain.
    pub chain: String,
    /// Of the last record; 0 before the first.
    pub sequence: u64,
    /// Of the last record; that of the beginning before the first.
    pub hash: [u8; 32],
    /// The sequence that the last checkpoint signs.
    pub sealed: u64,
    /// The last checkpoint when the chain began; 0 before any.
    pub checkpoint: u64,
    /// Of that checkpoint; zeros before any.
    pub checkpoint_hash: [u8; 32],
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// From 1.
    pub number: u64,
    /// JSON, with its signature.
    pub document: String,
}

/// Which records to list; what is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of which project.
    pub project: Option<ProjectUid>,
    /// By whom.
    pub principal: Option<String>,
    /// Of which method.
    pub action: Option<String>,
    /// Of which secret, by the name it had then.
    pub secret_name: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
}

/// Reads the audit trail.
#[async_trait]
pub trait AuditRows {
    /// The key that signs checkpoints; none before it was made.
    async fn audit_key(&mut self) -> Result<Option<Wrapped>>;

    /// The head of a chain. In a transaction this also orders all who append to it, as
    /// [`crate::ProjectRows::project`] does.
    async fn audit_chain(&mut self, chain: &str) -> Result<Option<ChainRow>>;

    /// Up to `limit` chains that have a head or records, and follow `after`, in their order byte by
    /// byte; the empty one is before all.
    async fn audit_chains(&mut self, after: &str, limit: usize) -> Result<Vec<String>>;

    /// Up to `limit` records of a chain after one sequence and up to another, in their order.
    async fn audit_records(
        &mut self,
        chain: &str,
        after: u64,
        up_to: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>>;

    /// Up to `limit` records before this place in the order of insertion, the newest first; 0 is
    /// after all.
    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        before: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>>;

    /// Up to `limit` chains that moved since the last checkpoint, in their order byte by byte.
    async fn moved_chains(&mut self, limit: usize) -> Result<Vec<ChainRow>>;

    /// The life of the store and the revision of those of these projects that there are.
    async fn revisions(
        &mut self,
        projects: &[ProjectUid],
    ) -> Result<Vec<(ProjectUid, Incarnation, u64)>>;

    /// The last checkpoint.
    async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>>;

    /// Up to `limit` checkpoints after this number, in their order.
    async fn checkpoints(&mut self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>>;
}

/// Writes the audit trail.
#[async_trait]
pub trait AuditEdits {
    /// Writes the key, once; says whether this was it.
    async fn insert_audit_key(&mut self, key: &Wrapped) -> Result<bool>;

    /// Adds a chain, unless there is one of that name.
    async fn begin_chain(&mut self, row: &ChainRow) -> Result<()>;

    /// Adds records; `seq` is not looked at.
    async fn insert_audit(&mut self, rows: &[KeptAudit]) -> Result<()>;

    /// Moves the head of a chain, and says whether it stood where it was taken to be.
    async fn move_chain(
        &mut self,
        chain: &str,
        from: (u64, [u8; 32]),
        to: (u64, [u8; 32]),
    ) -> Result<bool>;

    /// Adds a checkpoint, and says whether its number was free.
    async fn insert_checkpoint(&mut self, row: &CheckpointRow) -> Result<bool>;

    /// Notes that a checkpoint signs a chain up to this record.
    async fn seal_chain(&mut self, chain: &str, sequence: u64) -> Result<()>;
}

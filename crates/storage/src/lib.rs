//! The store: sealed bytes and metadata, one transaction per change.
//!
//! **Architecture Invariant:** the store never sees a value, and never decides a rule. It offers
//! snapshots to read and transactions to write, cut by group of rows; the engine says what they
//! mean. Every backend passes [`contract`].

mod access;
mod audit;
pub mod contract;
mod copy;
mod error;
mod followers;
pub mod postgres;
mod rows;
mod sqlite;

pub use access::{PrincipalEdits, PrincipalRows, TokenEdits, TokenRows};
pub use audit::{AuditEdits, AuditFilter, AuditRow, AuditRows, ChainRow, CheckpointRow, KeptAudit};
pub use copy::CopyRows;
pub use error::Error;
pub use followers::Following;
pub use postgres::Postgres;
pub use rows::{
    AliasRow, CatalogueRows, EnvironmentRow, GroupRow, KeyPlace, KeyRow, Meta, PrincipalRow,
    ProjectRow, RequestRow, Sealed, SlotRow, TokenRow, ValueHead, ValueRow, ViewRows, Wrapped,
};
pub use sqlite::Sqlite;

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid, SecretUid};

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// The newest committed state of a project, as far as a warm read needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The life of the store that the revisions count in.
    pub incarnation: Incarnation,
    /// The project's identity.
    pub project: ProjectUid,
    /// The project's revision.
    pub revision: u64,
    /// Whether the project is deleted: then nothing in it resolves.
    pub deleted: bool,
    /// The project's environments.
    pub environments: Vec<EnvironmentHead>,
}

/// An environment in a [`Head`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentHead {
    /// Its identity.
    pub uid: EnvironmentUid,
    /// Its id.
    pub id: EnvironmentId,
    /// The revision of its draft view.
    pub draft: u64,
    /// The revision of its live view.
    pub live: u64,
}

impl EnvironmentHead {
    /// The revision of one of its views.
    #[must_use]
    pub const fn view(&self, stage: Stage) -> u64 {
        match stage {
            Stage::Draft => self.draft,
            Stage::Live => self.live,
        }
    }
}

impl Head {
    /// The environment of this id.
    #[must_use]
    pub fn environment(&self, id: &EnvironmentId) -> Option<&EnvironmentHead> {
        self.environments.iter().find(|environment| environment.id == *id)
    }
}

/// What a strong question is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The head of the project; none where there is no such project.
    pub head: Option<Arc<Head>>,
    /// The authorisation epoch in the same state or a later one: raised with every change of who
    /// may do what.
    pub epoch: u64,
}

/// A store.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The head of a project and the authorisation epoch: neither older than any commit that was
    /// acknowledged before the call.
    async fn ask(&self, project: &ProjectId) -> Result<Asked>;

    /// The head of a project alone, as new as [`Self::ask`] gives it.
    async fn head(&self, project: &ProjectId) -> Result<Option<Arc<Head>>> {
        Ok(self.ask(project).await?.head)
    }

    /// The authorisation epoch as it stood at most `age` ago, or later, if the store holds one and can
    /// tell by the monotonic clock how old it is.
    fn known_epoch(&self, age: Duration) -> Option<u64>;

    /// The head of a project as it stood at most `age` ago, or later, likewise.
    fn known_head(&self, project: &ProjectId, age: Duration) -> Option<Arc<Head>>;

    /// The known authorisation epoch; else asks the database.
    async fn recent_epoch(&self, age: Duration) -> Result<u64>;

    /// The known head of a project; else asks the database.
    async fn recent_head(&self, project: &ProjectId, age: Duration) -> Result<Option<Arc<Head>>>;

    /// Tells of a project's head that it may have moved; for those who wait for it.
    fn follow(&self, project: &ProjectId) -> Following;

    /// All that one view is made of, in one state at least as new as every head handed out before
    /// the call. None where there is no such project. Where there is no such environment, there
    /// are no overrides either.
    async fn view_rows(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
        stage: Stage,
    ) -> Result<Option<ViewRows>> {
        let mut rows = self.snapshot().await?;
        let Some(project) = rows.project(project).await? else { return Ok(None) };
        let uid = project.project.uid;
        let environments = rows.environments(uid).await?;
        let mut view = ViewRows {
            secrets: rows.secrets(uid).await?,
            aliases: rows.aliases(uid).await?,
            defaults: rows.slots(uid, Place::Default).await?,
            values: rows.current_values(uid, Place::Default).await?,
            overrides: Vec::new(),
            project,
            environments,
        };
        let found = view.environments.iter().find(|row| row.environment.id == *environment);
        if let Some(place) = found.map(|row| Place::Override(row.environment.uid, stage)) {
            view.overrides = rows.slots(uid, place).await?;
            view.values.extend(rows.current_values(uid, place).await?);
        }
        Ok(Some(view))
    }

    /// Whether the store can be read and written just now.
    async fn check(&self) -> Result<()>;

    /// One consistent state to read, at least as new as every head handed out before the call.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>>;

    /// A transaction to write in; `name` is for the log. Dropped without a commit, it leaves
    /// nothing behind.
    async fn begin(&self, name: &'static str) -> Result<Box<dyn Transaction>>;

    /// Sees to it that nothing removed is left in the store's files, as far as that can be done
    /// while snapshots are open; to be called again until it says that it is.
    async fn scrub(&self) -> Result<bool>;
}

/// Everything that can be read of one state. What belongs together has a method of its own, where a
/// store across a network can ask for all of it at once.
#[async_trait]
pub trait Snapshot:
    MetaRows
    + ProjectRows
    + EnvironmentRows
    + SecretRows
    + SlotRows
    + KeyRows
    + RequestRows
    + AuditRows
    + PrincipalRows
    + TokenRows
    + CopyRows
    + Send
{
    /// The project of this id with all its environments, see [`ProjectRows::project`].
    async fn project_and_environments(
        &mut self,
        id: &ProjectId,
    ) -> Result<Option<(ProjectRow, Vec<EnvironmentRow>)>> {
        let Some(project) = self.project(id).await? else { return Ok(None) };
        let environments = self.environments(project.project.uid).await?;
        Ok(Some((project, environments)))
    }

    /// All secrets of a project, all their aliases, and all its default slots.
    async fn catalogue(&mut self, project: ProjectUid) -> Result<CatalogueRows> {
        Ok(CatalogueRows {
            secrets: self.secrets(project).await?,
            aliases: self.aliases(project).await?,
            defaults: self.slots(project, Place::Default).await?,
        })
    }
}

/// A state that can be changed, all at once or not at all. An edit that the store refuses may say so
/// itself, or leave it to what follows: no later than the commit.
#[async_trait]
pub trait Transaction:
    Snapshot
    + MetaEdits
    + ProjectEdits
    + EnvironmentEdits
    + SecretEdits
    + SlotEdits
    + KeyEdits
    + RequestEdits
    + AuditEdits
    + PrincipalEdits
    + TokenEdits
{
    /// Makes the changes durable and then visible, heads among them.
    ///
    /// # Errors
    /// [`Error::CommitUnknown`] where it cannot be told whether the changes were made.
    async fn commit(self: Box<Self>) -> Result<()>;
}

/// What is true of the store as a whole.
#[async_trait]
pub trait MetaRows {
    /// The store's one row; none before the first start is done.
    async fn meta(&mut self) -> Result<Option<Meta>>;
}

/// Writes [`MetaRows`].
#[async_trait]
pub trait MetaEdits {
    /// Writes the store's one row, once.
    async fn insert_meta(&mut self, meta: Meta) -> Result<()>;

    /// Notes that this transaction removes something for good, until a [`Store::scrub`] is done.
    async fn mark_unscrubbed(&mut self) -> Result<()>;
}

/// Projects and their heads.
#[async_trait]
pub trait ProjectRows {
    /// The project of this id. In a transaction this also orders all writers of the project: it
    /// returns once no other can commit before this one ends.
    async fn project(&mut self, id: &ProjectId) -> Result<Option<ProjectRow>>;

    /// Up to `limit` projects whose ids follow `after`, in the order of their ids, with or without
    /// those that are deleted.
    async fn projects(
        &mut self,
        after: Option<&ProjectId>,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<ProjectRow>>;

    /// How many projects there are, with or without those that are deleted.
    async fn count_projects(&mut self, deleted: bool) -> Result<u64>;

    /// The projects in which something, or which themselves, may be purged by now.
    async fn purgeable(&mut self, now: Timestamp) -> Result<Vec<ProjectId>>;
}

/// Writes [`ProjectRows`].
#[async_trait]
pub trait ProjectEdits {
    /// Adds a project.
    async fn insert_project(&mut self, row: &ProjectRow) -> Result<()>;

    /// Writes a project's own fields, its head and its manifest.
    async fn update_project(&mut self, row: &ProjectRow) -> Result<()>;

    /// Removes a project with all that belongs to it but its audit rows.
    async fn remove_project(&mut self, row: &ProjectRow) -> Result<()>;
}

/// Environments.
#[async_trait]
pub trait EnvironmentRows {
    /// All environments of a project, in the order of their ids.
    async fn environments(&mut self, project: ProjectUid) -> Result<Vec<EnvironmentRow>>;
}

/// Writes [`EnvironmentRows`].
#[async_trait]
pub trait EnvironmentEdits {
    /// Adds an environment.
    async fn insert_environment(&mut self, project: ProjectUid, row: &EnvironmentRow)
    -> Result<()>;

    /// Writes an environment's settings, revisions and digests.
    async fn update_environment(&mut self, row: &EnvironmentRow) -> Result<()>;

    /// Removes an environment with all its overrides, every version of them.
    async fn remove_environment(&mut self, project: ProjectUid, uid: EnvironmentUid) -> Result<()>;
}

/// Secrets without their values.
#[async_trait]
pub trait SecretRows {
    /// All secrets of a project, deleted ones too, in the order of their names without regard
    /// to case.
    async fn secrets(&mut self, project: ProjectUid) -> Result<Vec<Secret>>;

    /// All aliases of a project's secrets.
    async fn aliases(&mut self, project: ProjectUid) -> Result<Vec<AliasRow>>;

    /// The secret that holds this name, regardless of case.
    async fn secret(&mut self, project: ProjectUid, name: &SecretName) -> Result<Option<Secret>>;
}

/// Writes [`SecretRows`].
#[async_trait]
pub trait SecretEdits {
    /// Adds a secret.
    async fn insert_secret(&mut self, project: ProjectUid, secret: &Secret) -> Result<()>;

    /// Writes a secret's name and metadata.
    async fn update_secret(&mut self, secret: &Secret) -> Result<()>;

    /// Removes a secret with its slots, every version of its values, and its aliases.
    async fn remove_secret(&mut self, project: ProjectUid, uid: SecretUid) -> Result<()>;

    /// Reserves a name for a secret that had it.
    async fn insert_alias(&mut self, project: ProjectUid, row: &AliasRow) -> Result<()>;

    /// Lets go of a reserved name.
    async fn remove_alias(&mut self, project: ProjectUid, name: &SecretName) -> Result<()>;
}

/// Slots and the versions of their values.
#[async_trait]
pub trait SlotRows {
    /// Every slot of a project in one place: all default slots, or all overrides of one
    /// environment and stage. Slots of deleted secrets too.
    async fn slots(&mut self, project: ProjectUid, place: Place) -> Result<Vec<SlotRow>>;

    /// Every slot of a project.
    async fn all_slots(&mut self, project: ProjectUid) -> Result<Vec<SlotRow>>;

    /// The current values of every slot of a project in one place; cleared ones not.
    async fn current_values(&mut self, project: ProjectUid, place: Place) -> Result<Vec<ValueRow>>;

    /// One version of one slot.
    async fn value(
        &mut self,
        secret: SecretUid,
        place: Place,
        version: u64,
    ) -> Result<Option<ValueRow>>;

    /// Every kept version of one slot, the newest first.
    async fn versions(&mut self, secret: SecretUid, place: Place) -> Result<Vec<ValueRow>>;

    /// Every kept version of every slot of a secret.
    async fn values_of(&mut self, secret: SecretUid) -> Result<Vec<ValueRow>>;
}

/// Writes [`SlotRows`].
#[async_trait]
pub trait SlotEdits {
    /// Adds or replaces a slot's pointer; `value` of the row is not looked at.
    async fn put_slot(&mut self, project: ProjectUid, row: &SlotRow) -> Result<()>;

    /// Adds a value version.
    async fn insert_value(&mut self, row: &ValueRow) -> Result<()>;

    /// Replaces the sealed content of a version that stands: same uid, another data key, or none
    /// where it is destroyed.
    async fn reseal_value(&mut self, row: &ValueRow) -> Result<()>;

    /// Removes the versions of a slot up to this number.
    async fn prune_values(&mut self, secret: SecretUid, place: Place, up_to: u64) -> Result<()>;
}

/// Wrapped keys, wherever they stand.
#[async_trait]
pub trait KeyRows {
    /// How many keys are wrapped under each wrapping key.
    async fn count_keys(&mut self) -> Result<Vec<(String, u64)>>;

    /// Up to `limit` keys that are not wrapped under this wrapping key and follow `after`, in the
    /// order of their places.
    async fn keys_not_under(
        &mut self,
        key_id: &str,
        after: Option<&KeyPlace>,
        limit: usize,
    ) -> Result<Vec<KeyRow>>;
}

/// Writes [`KeyRows`].
#[async_trait]
pub trait KeyEdits {
    /// Puts a newly wrapped key in place of the old, and says whether the old one still stood
    /// there. The key inside has to be the same.
    async fn rewrap_key(&mut self, old: &KeyRow, new: &Wrapped) -> Result<bool>;
}

/// Answers kept for retries.
#[async_trait]
pub trait RequestRows {
    /// What is kept for this caller and request id.
    async fn request(&mut self, principal: &str, id: Uuid) -> Result<Option<RequestRow>>;
}

/// Writes [`RequestRows`].
#[async_trait]
pub trait RequestEdits {
    /// Keeps an answer, in place of an expired one under the same id.
    async fn put_request(&mut self, row: &RequestRow) -> Result<()>;

    /// Drops what was kept before this time.
    async fn forget_requests(&mut self, before: Timestamp) -> Result<()>;
}

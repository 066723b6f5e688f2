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
mod head;
pub mod postgres;
mod rows;
mod sqlite;
mod tables;

pub use access::{PrincipalEdits, PrincipalRows, TokenEdits, TokenRows};
pub use audit::{AuditEdits, AuditFilter, AuditRow, AuditRows, ChainRow, CheckpointRow, KeptAudit};
pub use copy::CopyRows;
pub use error::Error;
pub use followers::Following;
pub use head::{Asked, EnvironmentHead, Head};
pub use postgres::Postgres;
pub use rows::{
    AliasRow, CatalogueRows, EnvironmentRow, GroupRow, KeyPlace, KeyRow, Meta, PrincipalRow,
    ProjectRow, RequestRow, Sealed, SlotRow, TokenRow, ValueHead, ValueRow, ViewRows, Wrapped,
};
pub use sqlite::Sqlite;
pub use tables::{
    EnvironmentEdits, EnvironmentRows, KeyEdits, KeyRows, MetaEdits, MetaRows, ProjectEdits,
    ProjectRows, RequestEdits, RequestRows, SecretEdits, SecretRows, SlotEdits, SlotRows,
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid};

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

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

    /// Begins work that goes on to its end by itself, where this store's statements cost the least.
    fn detach(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
        tokio::spawn(work)
    }

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

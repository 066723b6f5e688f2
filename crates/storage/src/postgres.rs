//! PostgreSQL: for several servers on one database. Any of them may write; what a server believes
//! of a head it has asked the database for.
//!
//! Every wait is bounded here as well as on the server, since a server that is gone bounds
//! nothing; and no connection goes back to the pool with something unanswered on it.

mod audit;
mod columns;
mod copy;
mod core;
mod environments;
mod failure;
mod feed;
mod heads;
mod holders;
mod identity;
mod keys;
mod local;
mod meta;
mod migrate;
mod pending;
mod principals;
mod projects;
mod requests;
mod secrets;
mod session;
mod settings;
mod shared;
mod slots;
mod strong;
mod tokens;
mod view;

pub use settings::Settings;

use self::core::{Core, Line};
use crate::{Asked, Following, Head, Result, Snapshot, Store, Transaction, ViewRows};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use session::{Kind, Session};
use shared::Shared;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};

/// A store in a PostgreSQL database, version 15 or later.
pub struct Postgres {
    core: Arc<Core>,
    asks: strong::Asks,
    _tasks: Vec<Task>,
    /// Where nobody else may have the database open.
    _alone: Option<ClientWrapper>,
}

/// A task that ends with the store.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Postgres {
    /// Connects, makes the schema if there is none, brings it up to date, makes sure that the
    /// database is the one that the store was on before, and begins to follow heads.
    ///
    /// # Errors
    /// [`crate::Error::TooNew`] where a newer version wrote the schema.
    pub async fn open(settings: Settings) -> Result<Self> {
        let line = Line::new(&settings, settings.target()?);
        migrate::migrate(&line.raw().await?, line.name()).await?;
        let shared = Arc::new(Shared::default());
        if settings.adopt {
            identity::adopt(&line.raw().await?, &shared).await?;
        }
        let core = Arc::new(Core::new(&settings, line, shared)?);
        let client = feed::connect(&core).await?;
        let feed = tokio::spawn(feed::run(core.clone(), client, settings.poll_interval));
        Ok(Self::with(core, vec![Task(feed)]))
    }

    /// Opens a database that servers may have open, as it stands: a schema that is not of this
    /// build's version is left alone, and so is the store's identity. For rows that no head
    /// depends on, such as tokens.
    ///
    /// # Errors
    /// [`crate::Error::TooNew`] and [`crate::Error::TooOld`].
    pub async fn attach(settings: Settings) -> Result<Self> {
        let line = Line::new(&settings, settings.target()?);
        migrate::ensure_current(&line.raw().await?, line.name()).await?;
        let shared = Arc::new(Shared::attached());
        Ok(Self::with(Arc::new(Core::new(&settings, line, shared)?), Vec::new()))
    }

    /// [`Self::attach`], while no server has the database open, nor can until this is dropped.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] where one has.
    pub async fn attach_alone(settings: Settings) -> Result<Self> {
        let alone = Line::new(&settings, settings.target()?).raw().await?;
        holders::be_alone(&alone).await?;
        Ok(Self { _alone: Some(alone), ..Self::attach(settings).await? })
    }

    fn with(core: Arc<Core>, mut tasks: Vec<Task>) -> Self {
        let (asks, queue) = strong::asks();
        tasks.push(Task(tokio::spawn(strong::run(core.clone(), queue))));
        Self { core, asks, _tasks: tasks, _alone: None }
    }
}

#[async_trait]
impl Store for Postgres {
    async fn ask(&self, project: &ProjectId) -> Result<Asked> {
        strong::ask(&self.asks, Some(project)).await
    }

    fn known_epoch(&self, age: Duration) -> Option<u64> {
        self.core.shared.alive().ok()?;
        self.core.shared.local().recent_epoch(age, Instant::now())
    }

    fn known_head(&self, project: &ProjectId, age: Duration) -> Option<Arc<Head>> {
        self.core.shared.alive().ok()?;
        self.core.shared.local().recent(project, age, Instant::now())
    }

    async fn recent_epoch(&self, age: Duration) -> Result<u64> {
        match self.known_epoch(age) {
            Some(epoch) => Ok(epoch),
            None => Ok(strong::ask(&self.asks, None).await?.epoch),
        }
    }

    async fn recent_head(&self, project: &ProjectId, age: Duration) -> Result<Option<Arc<Head>>> {
        match self.known_head(project, age) {
            Some(head) => Ok(Some(head)),
            None => self.head(project).await,
        }
    }

    fn follow(&self, project: &ProjectId) -> Following {
        self.core.shared.followers.follow(project)
    }

    async fn view_rows(
        &self,
        project: &ProjectId,
        environment: &EnvironmentId,
        stage: Stage,
    ) -> Result<Option<ViewRows>> {
        view::view_rows(&self.core, project, environment, stage).await
    }

    async fn check(&self) -> Result<()> {
        let check = async {
            let mut loan = self.core.borrow().await?;
            loan.busy = true;
            let sql = "-- check()
                 SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool";
            let prepared = loan.client()?.prepare_cached(sql).await;
            let row = match prepared {
                Ok(prepared) => loan.client()?.query_one(&prepared, &[]).await,
                Err(error) => Err(error),
            };
            let row = row.map_err(|error| failure::of(&error))?;
            loan.busy = false;
            Ok(row.try_get(0).unwrap_or(true))
        };
        match tokio::time::timeout(self.core.head_timeout, check).await {
            Ok(Ok(false)) => Ok(()),
            Ok(Ok(true)) => {
                self.core.drain();
                Err(failure::unavailable("PostgreSQL takes no changes"))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failure::unavailable(failure::SILENT)),
        }
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(Session::begin(&self.core, Kind::Snapshot).await?))
    }

    async fn begin(&self, name: &'static str) -> Result<Box<dyn Transaction>> {
        tracing::trace!(transaction = name, "begin");
        Ok(Box::new(Session::begin(&self.core, Kind::Change(name)).await?))
    }

    /// What was removed stays in PostgreSQL's files until VACUUM, which autovacuum runs, and in its
    /// write-ahead log, replicas and backups until those are recycled. None of that is this
    /// process's to rewrite: what is left is ciphertext whose wrapped keys went with it.
    async fn scrub(&self) -> Result<bool> {
        let mut session = Session::begin(&self.core, Kind::Change("scrub")).await?;
        session.execute("-- scrubbed()\nUPDATE store SET unscrubbed = 0", &[]).await?;
        Transaction::commit(Box::new(session)).await?;
        Ok(true)
    }
}

//! One transaction on one connection of the pool.
//!
//! BEGIN is sent when the session is made and its answer is awaited with the first statement's, so
//! that a snapshot that reads once costs one round trip. A first *edit* waits for BEGIN's answer:
//! were BEGIN refused, a pipelined edit would stand on its own.
//!
//! A connection goes back to the pool only after the server has answered all that was sent on it.
//! One with a statement in flight, because the answer took too long or the caller went away, is
//! cancelled and thrown away.
//!
//! Edits of which nobody needs to know how many rows they touched are sent and not waited for, see
//! [`Pending`]: so a change costs its reads and one round trip more.

use super::columns::{Params, all, first, place_columns};
use super::core::{Core, Loan};
use super::pending::Pending;
use super::{environments, failure, projects, secrets, slots};
use crate::{CatalogueRows, EnvironmentRow, Error, ProjectRow, Result, Snapshot, Transaction};
use async_trait::async_trait;
use deadpool_postgres::ClientWrapper;
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, TryStreamExt};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tokio_postgres::{Row, Statement};
use waxseal_domain::name::ProjectId;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::ProjectUid;

/// For a rollback that nobody waits for.
const ROLLBACK: Duration = Duration::from_secs(1);

/// What a transaction is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To read one state.
    Snapshot,
    /// To write; the name is for the log, here and on the server.
    Change(&'static str),
}

impl Kind {
    fn begin(self) -> String {
        match self {
            // The state is that of the first statement, so there is one with it.
            Self::Snapshot => "-- snapshot()\nBEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                               SELECT 1"
                .to_owned(),
            Self::Change(name) => {
                format!("-- begin(): {name}\nBEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
            }
        }
    }
}

/// What a statement brought.
#[derive(Default)]
struct Answered {
    rows: Vec<Row>,
    touched: u64,
}

async fn ask(
    client: &ClientWrapper,
    prepared: &Statement,
    params: Params<'_>,
) -> std::result::Result<Answered, tokio_postgres::Error> {
    let mut stream = pin!(client.query_raw(prepared, params.iter().copied()).await?);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok(Answered { rows, touched: stream.rows_affected().unwrap_or(0) })
}

/// A statement and its parameters.
pub(super) type Asked<'a> = (&'static str, Params<'a>);

type Answer = BoxFuture<'static, std::result::Result<(), tokio_postgres::Error>>;

pub(super) struct Session {
    core: Arc<Core>,
    kind: Kind,
    loan: Option<Loan>,
    /// The answer to BEGIN, until it is there.
    opening: Option<Answer>,
    /// Edits that were sent after it.
    pending: Pending,
    /// Whether a statement failed: then the server rolls back, whatever it is told.
    failed: bool,
    /// The authorisation epoch, where this transaction raised it.
    pub(super) raised: Option<u64>,
    /// The projects whose heads this transaction moves or removes.
    pub(super) moved: Vec<ProjectId>,
    /// What their revisions are then.
    pub(super) written: Vec<(ProjectId, ProjectUid, u64)>,
    /// Those that it removes.
    pub(super) gone: Vec<ProjectId>,
}

enum Trouble {
    /// The connection is gone.
    Lost(Error),
    Other(Error),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(error) | Trouble::Other(error) => error,
        }
    }
}

impl Session {
    pub(super) async fn begin(core: &Arc<Core>, kind: Kind) -> Result<Self> {
        let mut session = Self {
            core: core.clone(),
            kind,
            loan: None,
            opening: None,
            pending: Pending::default(),
            failed: false,
            raised: None,
            moved: Vec::new(),
            written: Vec::new(),
            gone: Vec::new(),
        };
        session.open().await?;
        Ok(session)
    }

    /// Whether it may lock rows.
    pub(super) fn writes(&self) -> bool {
        self.kind != Kind::Snapshot
    }

    async fn open(&mut self) -> Result<()> {
        let loan = self.core.borrow().await?;
        let (client, begin) = (loan.client()?.clone(), self.kind.begin());
        let mut answer: Answer = async move { client.batch_execute(&begin).await }.boxed();
        // The first poll sends. An answer that is there already is kept for the first statement.
        let early = (&mut answer).now_or_never();
        self.opening = Some(match early {
            Some(answer) => std::future::ready(answer).boxed(),
            None => answer,
        });
        self.loan = Some(loan);
        self.failed = false;
        Ok(())
    }

    /// Reads.
    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        let [rows] = self.query_all([(sql, params)]).await?;
        Ok(rows)
    }

    /// Reads several things in one round trip. They are asked for in this order.
    pub(super) async fn query_all<const N: usize>(
        &mut self,
        statements: [Asked<'_>; N],
    ) -> Result<[Vec<Row>; N]> {
        let first = self.opening.is_some();
        let answers = match self.attempt(&statements).await {
            // The pool's connection had been closed meanwhile, and nothing was done on it.
            Err(Trouble::Lost(_)) if first => {
                self.core.drain();
                self.open().await?;
                self.attempt(&statements).await?
            }
            answers => answers?,
        };
        let rows: Vec<_> = answers.into_iter().map(|answered| answered.rows).collect();
        rows.try_into().map_err(|_| failure::unavailable("PostgreSQL left a statement unanswered"))
    }

    /// Edits, and says how many rows it touched.
    pub(super) async fn execute(&mut self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        self.begun().await?;
        Ok(self.attempt(&[(sql, params)]).await?.iter().map(|answered| answered.touched).sum())
    }

    /// Edits, and leaves it to what follows, the commit at the latest, to say whether that failed.
    pub(super) async fn edit(&mut self, sql: &'static str, params: Params<'_>) -> Result<()> {
        self.begun().await?;
        let core = self.core.clone();
        let loan = self.loan.as_mut().ok_or_else(ended)?;
        let client = loan.client()?.clone();
        loan.busy = true;
        let pending = &mut self.pending;
        let work = async {
            let Err(error) = pending.send(&client, sql, params).await else {
                return Ok(());
            };
            // After a failure the server refuses everything; what failed first is the cause.
            Err(std::mem::take(pending).answers().await.err().unwrap_or(error))
        };
        let sent = tokio::time::timeout(core.query_timeout, work).await;
        drop(client);
        self.settle(sent)?;
        Ok(())
    }

    /// Edits, and gives what the edit returns.
    pub(super) async fn execute_returning(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        self.begun().await?;
        let answers = self.attempt(&[(sql, params)]).await?;
        Ok(answers.into_iter().flat_map(|answered| answered.rows).collect())
    }

    /// The database's identity, where that is known.
    pub(super) fn identity(&self) -> Option<(String, String)> {
        self.core.shared.identity()
    }

    /// Returns once the server has begun the transaction.
    async fn begun(&mut self) -> Result<()> {
        if self.opening.is_none() {
            return Ok(());
        }
        match self.attempt(&[]).await {
            Err(Trouble::Lost(_)) => {
                self.core.drain();
                self.open().await?;
                self.attempt(&[]).await?;
            }
            answer => drop(answer?),
        }
        Ok(())
    }

    async fn attempt(
        &mut self,
        statements: &[Asked<'_>],
    ) -> std::result::Result<Vec<Answered>, Trouble> {
        let core = self.core.clone();
        let (opening, pending) = (self.opening.take(), std::mem::take(&mut self.pending));
        let loan = self.loan.as_mut().ok_or_else(|| Trouble::Other(ended()))?;
        let client = loan.client().map_err(Trouble::Other)?.clone();
        loan.busy = true;
        let work = async {
            let begun = async {
                match opening {
                    Some(answer) => answer.await,
                    None => Ok(()),
                }
            };
            let answered = async {
                // All of them before any is asked: one that has to be prepared first would be asked
                // after those that follow it.
                let prepare = statements.iter().map(|(sql, _)| client.prepare_cached(sql));
                let prepared = try_join_all(prepare).await?;
                let asked = prepared.iter().zip(statements);
                try_join_all(asked.map(|(prepared, (_, params))| ask(&client, prepared, params)))
                    .await
            };
            let (begun, edited, answered) = futures::join!(begun, pending.answers(), answered);
            begun.and(edited).and(answered)
        };
        let answer = tokio::time::timeout(core.query_timeout, work).await;
        drop(client);
        self.settle(answer)
    }

    /// What an answer in time, or none, makes of the session.
    fn settle<T>(
        &mut self,
        answer: std::result::Result<std::result::Result<T, tokio_postgres::Error>, Elapsed>,
    ) -> std::result::Result<T, Trouble> {
        match answer {
            Ok(Ok(answered)) => {
                if let Some(loan) = &mut self.loan {
                    loan.busy = false;
                }
                Ok(answered)
            }
            Ok(Err(error)) => {
                self.failed = true;
                if let Some(loan) = &mut self.loan {
                    loan.busy = false;
                }
                Err(self.trouble(&error))
            }
            Err(_) => {
                self.failed = true;
                self.loan = None;
                Err(Trouble::Other(failure::unavailable(failure::SILENT)))
            }
        }
    }

    fn trouble(&mut self, error: &tokio_postgres::Error) -> Trouble {
        if failure::is_read_only(error) || failure::is_outdated(error) {
            self.core.drain();
        }
        if !failure::is_lost(error) {
            return Trouble::Other(failure::of(error));
        }
        if let Some(loan) = self.loan.take() {
            loan.discard();
        }
        Trouble::Lost(failure::of(error))
    }
}

fn ended() -> Error {
    failure::unavailable("the transaction has already ended")
}

impl Drop for Session {
    fn drop(&mut self) {
        let (opening, pending) = (self.opening.take(), std::mem::take(&mut self.pending));
        let Some(mut loan) = self.loan.take() else { return };
        if loan.busy {
            return;
        }
        loan.busy = true;
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let rollback = async {
                if let Some(answer) = opening {
                    answer.await.map_err(|error| failure::of(&error))?;
                }
                // One that failed is rolled back with the rest.
                drop(pending.answers().await);
                failure::within(ROLLBACK, loan.client()?.batch_execute("ROLLBACK")).await
            };
            let done = tokio::time::timeout(ROLLBACK, rollback).await;
            if let Ok(Ok(())) = done {
                loan.busy = false;
            }
            drop(loan);
        });
    }
}

#[async_trait]
impl Snapshot for Session {
    async fn project_and_environments(
        &mut self,
        id: &ProjectId,
    ) -> Result<Option<(ProjectRow, Vec<EnvironmentRow>)>> {
        let id: Params<'_> = &[&id.as_str()];
        // The lock first: a statement after it sees what whoever held it has committed.
        let asked = [(projects::project(self.writes()), id), (environments::OF_PROJECT_ID, id)];
        let [project, rows] = self.query_all(asked).await?;
        let Some(project) = first("project", &project, projects::read)? else { return Ok(None) };
        Ok(Some((project, all("environment", &rows, environments::read)?)))
    }

    async fn catalogue(&mut self, project: ProjectUid) -> Result<CatalogueRows> {
        let (environment, stage) = place_columns(Place::Default);
        let uid = &project.bytes()[..];
        let whole: Params<'_> = &[&uid];
        let default: Params<'_> = &[&uid, &&environment[..], &stage];
        let asked = [(secrets::SECRETS, whole), (secrets::ALIASES, whole), (slots::SLOTS, default)];
        let [secrets, aliases, defaults] = self.query_all(asked).await?;
        Ok(CatalogueRows {
            secrets: all("secret", &secrets, secrets::read)?,
            aliases: all("alias", &aliases, secrets::read_alias)?,
            defaults: all("slot", &defaults, slots::read_slot)?,
        })
    }
}

#[async_trait]
impl Transaction for Session {
    async fn commit(mut self: Box<Self>) -> Result<()> {
        self.begun().await?;
        if self.failed {
            // COMMIT would be answered with ROLLBACK.
            return Err(Error::Conflict);
        }
        let pending = std::mem::take(&mut self.pending);
        let place = self.core.may_commit()?;
        let mut loan = self.loan.take().ok_or_else(ended)?;
        loan.busy = true;
        loan.committing = Some(place);
        let commit = loan.client()?.batch_execute("COMMIT");
        let answers = async { futures::join!(pending.answers(), commit) };
        match tokio::time::timeout(self.core.query_timeout, answers).await {
            Ok((Ok(()), Ok(()))) => loan.busy = false,
            // The server refused an edit, and so took COMMIT for a rollback.
            Ok((Err(error), Ok(()))) if error.as_db_error().is_some() => {
                loan.busy = false;
                return Err(failure::of(&error));
            }
            Ok((_, Err(error))) if failure::is_rolled_back(&error) => {
                loan.busy = false;
                return Err(failure::of(&error));
            }
            Ok(_) | Err(_) => return Err(Error::CommitUnknown),
        }
        let mut local = self.core.shared.local();
        local.committed(&self.written, Instant::now());
        local.forget(&self.gone);
        if let Some(epoch) = self.raised {
            local.raised(epoch, Instant::now());
        }
        drop(local);
        for project in &self.moved {
            self.core.shared.followers.tell(project);
        }
        Ok(())
    }
}

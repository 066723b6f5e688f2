//! The one path of every mutation: replay, prepare, lock, verify, apply, sign, audit, keep the
//! answer, commit. A verb supplies only what is its own.

mod checks;
mod edits;
mod sign;
mod state;

pub(crate) use checks::Touches;
pub(crate) use state::{Change, Subject};

use crate::audit::Denied;
use crate::called::in_same_call;
use crate::held::held;
use crate::in_flight::Flight;
use crate::permit::Rights;
use crate::revision::Revision;
use crate::step::{Step, carried, step};
use crate::{Engine, Error, Permit, RequestKey};
use async_trait::async_trait;
use futures::FutureExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::oneshot;
use tracing::Instrument as _;
use waxseal_domain::caller::{Action, Caller};
use waxseal_domain::limits::REQUEST_ID_LIFE;
use waxseal_domain::name::ProjectId;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Incarnation, ProjectUid};
use waxseal_storage::{RequestRow, Snapshot};

/// How often a change is prepared anew because another came first.
pub(crate) const ATTEMPTS: usize = 8;

/// The answer to a mutation.
#[derive(Debug)]
pub struct Written<T> {
    /// What the verb answers.
    pub answer: T,
    /// The token of the project's new revision.
    pub revision: String,
}

/// What a mutation has of its own.
#[async_trait]
pub(crate) trait Verb: Send + 'static {
    /// The answer; kept for retries, so it never holds a value.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The method.
    const ACTION: Action;

    /// Whether it also applies to a deleted project.
    const ON_DELETED: bool = false;

    /// Whether it removes something for good, of which nothing may be left in the store's files.
    const REMOVES: bool = false;

    /// What has to be done before the project is locked: calls to the key provider. Repeated
    /// for every attempt.
    async fn prepare(&mut self, _engine: &Engine) -> Result<(), Error> {
        Ok(())
    }

    /// Checks and changes, under the lock. [`Error::Conflict`] asks for another attempt: what
    /// was prepared no longer fits.
    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Self::Answer, Error>;
}

impl Engine {
    /// Carries out a mutation. It goes on to its end when the caller goes away: most calls that
    /// time out around a commit have committed, and half a change is worse than either.
    pub(crate) async fn change<V: Verb>(
        self: &Arc<Self>,
        permit: Permit<'_>,
        project: Option<ProjectId>,
        request: Option<RequestKey>,
        verb: V,
    ) -> Result<Written<V::Answer>, Error> {
        permit.check(V::ACTION)?;
        let (caller, chosen) = (permit.caller.clone(), permit.chosen);
        let flight =
            request.map(|key| self.in_flight.enter(&caller.principal, key.id)).transpose()?;
        let engine = self.clone();
        let held = held();
        self.detached(async move {
            let rights = Rights { caller: &caller, chosen };
            let written = engine.carry_out(rights, project, request, verb, flight).await;
            drop(held);
            written
        })
        .await
    }

    /// Runs a change to its end, also when nobody waits for it any more.
    pub(crate) async fn detached<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, mut changed) = oneshot::channel();
        let task = carried(in_same_call(async move {
            let _ = done.send(change.await);
        }));
        match self.store.detach(task.in_current_span().boxed()).await {
            Ok(()) => changed.try_recv().unwrap_or(Err(Error::ShuttingDown)),
            Err(stopped) if stopped.is_panic() => Err(Error::Internal("a change panicked".into())),
            Err(_) => Err(Error::ShuttingDown),
        }
    }

    async fn carry_out<V: Verb>(
        &self,
        rights: Rights<'_>,
        project: Option<ProjectId>,
        request: Option<RequestKey>,
        mut verb: V,
        _flight: Option<Flight>,
    ) -> Result<Written<V::Answer>, Error> {
        let mut unknown = false;
        for _ in 0..ATTEMPTS {
            match self.prepared_attempt(rights, project.as_ref(), request, &mut verb).await {
                Err(Error::Conflict) => {}
                // With a request id the next attempt finds out: it waits for the lock of one that
                // is still under way, and then sees either its answer or that there is none.
                Err(Error::CommitUnknown) if request.is_some() => unknown = true,
                // What says that nothing was changed would say too much.
                Err(
                    Error::StorageUnavailable(_)
                    | Error::StorageFull
                    | Error::KeyServiceUnavailable(_)
                    | Error::KeyUnavailable(_),
                ) if unknown => return Err(Error::CommitUnknown),
                outcome => {
                    if let Err(error) = &outcome {
                        let project = project.as_ref().map(ProjectId::as_str);
                        let at = Denied { project, ..Denied::default() };
                        self.denied(rights.caller, V::ACTION, at, error);
                    }
                    if V::REMOVES && outcome.is_ok() {
                        self.scrub().await;
                    }
                    return outcome;
                }
            }
        }
        Err(if unknown { Error::CommitUnknown } else { Error::Conflict })
    }

    async fn prepared_attempt<V: Verb>(
        &self,
        rights: Rights<'_>,
        project: Option<&ProjectId>,
        request: Option<RequestKey>,
        verb: &mut V,
    ) -> Result<Written<V::Answer>, Error> {
        // Before anything is prepared: what the first call met may be gone since.
        if let Some(key) = request {
            let mut rows = self.store.snapshot().await?;
            if let Some(first) = self.replay(&mut *rows, rights.caller, key).await? {
                // A permit may be as old as a right may be; under the lock no right is.
                self.ensure_rights(&mut *rows, rights).await?;
                drop(rows);
                self.ensure_in_scope(rights, project).await?;
                return Ok(first);
            }
        }
        if let Some(project) = project {
            self.have_integrity_key(project).await?;
        }
        verb.prepare(self).await?;
        self.attempt(rights, project, request, verb).await
    }

    pub(crate) async fn attempt<V: Verb>(
        &self,
        rights: Rights<'_>,
        project: Option<&ProjectId>,
        request: Option<RequestKey>,
        verb: &mut V,
    ) -> Result<Written<V::Answer>, Error> {
        let tx = step(Step::Begin, self.store.begin(V::ACTION.as_str())).await?;
        let mut change = Change::begin(self, rights, tx, project).await?;
        // Under the lock once more: rights may have ended, the first call may have been under way in
        // another process, and what the caller's scope names may have been made anew.
        self.ensure_rights(change.rows(), rights).await?;
        if !rights.grants().any(|grant| change.is_in(&grant.scope)) {
            return Err(Error::PermissionDenied);
        }
        if let Some(key) = request
            && let Some(first) = self.replay(change.rows(), rights.caller, key).await?
        {
            return Ok(first);
        }
        if !V::ON_DELETED && change.is_deleted() {
            return Err(Error::ProjectDeleted);
        }
        let answer = verb.apply(&mut change).await?;
        let (mut tx, revision) = change.sign(V::ACTION, request).await?;
        let Revision { incarnation, project, number } = revision;
        let kept = Kept { incarnation, project, number, answer };
        if let Some(key) = request {
            let now = self.clock.now();
            tx.forget_requests(now.before(REQUEST_ID_LIFE)).await?;
            tx.put_request(&kept.row(rights.caller, key, now)?).await?;
        }
        if V::REMOVES {
            tx.mark_unscrubbed().await?;
        }
        step(Step::Commit, tx.commit()).await?;
        Ok(self.written(kept))
    }

    /// Whether what one of the grants is for is there, now.
    async fn ensure_in_scope(
        &self,
        rights: Rights<'_>,
        project: Option<&ProjectId>,
    ) -> Result<(), Error> {
        let (Some(project), false) = (project, rights.is_everywhere()) else { return Ok(()) };
        let head = self.store.head(project).await?;
        let stands = head.is_some_and(|head| rights.are_of(&head));
        if stands { Ok(()) } else { Err(Error::PermissionDenied) }
    }

    /// The answer that was given to this request before, if it was.
    async fn replay<A: DeserializeOwned>(
        &self,
        rows: &mut dyn Snapshot,
        caller: &Caller,
        key: RequestKey,
    ) -> Result<Option<Written<A>>, Error> {
        let Some(row) = rows.request(&caller.principal, key.id).await? else { return Ok(None) };
        if row.created < self.clock.now().before(REQUEST_ID_LIFE) {
            return Ok(None);
        }
        if !bool::from(row.body.ct_eq(&key.body)) {
            return Err(Error::RequestIdReused);
        }
        let kept = serde_json::from_str(&row.answer)
            .map_err(|_| Error::DataLoss { what: "a kept answer" })?;
        Ok(Some(self.written(kept)))
    }

    fn written<A>(&self, kept: Kept<A>) -> Written<A> {
        let Kept { incarnation, project, number, answer } = kept;
        let revision = Revision { incarnation, project, number };
        Written { answer, revision: self.keys.write_revision(revision) }
    }
}

/// An answer as it is kept for retries.
#[derive(Serialize, serde::Deserialize)]
struct Kept<A> {
    incarnation: Incarnation,
    project: ProjectUid,
    number: u64,
    answer: A,
}

impl<A: Serialize> Kept<A> {
    fn row(&self, caller: &Caller, key: RequestKey, now: Timestamp) -> Result<RequestRow, Error> {
        Ok(RequestRow {
            principal: caller.principal.clone(),
            id: key.id,
            body: key.body,
            answer: serde_json::to_string(self).map_err(|error| Error::Internal(error.into()))?,
            created: now,
        })
    }
}

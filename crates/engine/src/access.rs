//! Who may do what: the one path of every change to it, and how its rows are trusted.
//!
//! A change is made like one of a project (`change.rs`), without a manifest: each row has a MAC of
//! its own. All changes but making a token raise the authorisation epoch first, which puts them in
//! one order.

mod bindings;
mod initialize;
mod principals;
mod rows;
mod tokens;
mod who;

pub use bindings::{BindingState, CreateBinding};
pub use initialize::{Initialize, Initialized};
pub use principals::{ChangePrincipal, CreatePrincipal, UpdatePrincipal};
pub use tokens::{CreateApiToken, NewApiToken, TokenState};

pub(crate) use bindings::bind;

use crate::audit::{Actor, Changed, Denied, Trail as _};
use crate::change::ATTEMPTS;
use crate::permit::Rights;
use crate::{Engine, Error, Permit, RequestKey};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use waxseal_domain::caller::{Action, Caller};
use waxseal_domain::limits::REQUEST_ID_LIFE;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::principal::Principal;
use waxseal_domain::time::Timestamp;
use waxseal_storage::{AuditRow, RequestRow, Snapshot, Transaction};

/// What a change of access has of its own.
#[async_trait]
trait Verb: Send + 'static {
    /// The answer; kept for retries, so it never holds a token.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The method.
    const ACTION: Action;

    /// Whether anybody's right can be another afterwards.
    const RAISES: bool = true;

    /// What is to be changed, as far as the caller named it.
    fn asked(&self) -> String;

    /// What was changed, for the record.
    fn changed(&self, answer: &Self::Answer) -> Changed;

    /// Checks and changes.
    async fn apply(&mut self, access: &mut Access<'_>) -> Result<Self::Answer, Error>;
}

/// A change of access under way.
struct Access<'a> {
    engine: &'a Engine,
    rights: Rights<'a>,
    now: Timestamp,
    tx: Box<dyn Transaction>,
}

impl Access<'_> {
    /// The principal of this id, locked.
    async fn principal(&mut self, id: &PrincipalId) -> Result<Principal, Error> {
        let row = self.tx.principal(id).await?.ok_or(Error::PrincipalNotFound)?;
        self.engine.read_principal(&row)
    }

    /// Writes a principal.
    async fn put(&mut self, principal: &Principal) -> Result<(), Error> {
        let row = self.engine.principal_row(principal)?;
        Ok(self.tx.update_principal(&row).await?)
    }

    /// What somebody is told who may not see all there is: the same whether or not it is there.
    fn hide(&self, absent: Error) -> Error {
        hide(self.rights, absent)
    }
}

/// That something is not there, for those who may see everything; else that they may not.
fn hide(rights: Rights<'_>, absent: Error) -> Error {
    if rights.is_everywhere() { absent } else { Error::PermissionDenied }
}

/// A change that was made, and whether it was made before, by the call that this one repeats.
struct Made<V: Verb> {
    verb: V,
    answer: V::Answer,
    repeated: bool,
}

impl Engine {
    /// Carries out a change. It goes on to its end when the caller goes away.
    async fn change_access<V: Verb>(
        self: &Arc<Self>,
        permit: Permit<'_>,
        request: Option<RequestKey>,
        mut verb: V,
    ) -> Result<Made<V>, Error> {
        permit.check(V::ACTION)?;
        let (caller, chosen) = (permit.caller.clone(), permit.chosen);
        let flight =
            request.map(|key| self.in_flight.enter(&caller.principal, key.id)).transpose()?;
        let engine = self.clone();
        self.detached(async move {
            let _flight = flight;
            let rights = Rights { caller: &caller, chosen };
            let (answer, repeated) = engine.carry_out_access(rights, request, &mut verb).await?;
            Ok(Made { verb, answer, repeated })
        })
        .await
    }

    async fn carry_out_access<V: Verb>(
        &self,
        rights: Rights<'_>,
        request: Option<RequestKey>,
        verb: &mut V,
    ) -> Result<(V::Answer, bool), Error> {
        let mut unknown = false;
        for _ in 0..ATTEMPTS {
            match self.attempt_access(rights, request, verb).await {
                Err(Error::Conflict) => {}
                // With a request id the next attempt finds out.
                Err(Error::CommitUnknown) if request.is_some() => unknown = true,
                Err(Error::StorageUnavailable(_) | Error::StorageFull) if unknown => {
                    return Err(Error::CommitUnknown);
                }
                outcome => {
                    if let Err(error) = &outcome {
                        let asked = verb.asked();
                        let at = Denied { resource: Some(&asked), ..Denied::default() };
                        self.denied(rights.caller, V::ACTION, at, error);
                    }
                    return outcome;
                }
            }
        }
        Err(if unknown { Error::CommitUnknown } else { Error::Conflict })
    }

    async fn attempt_access<V: Verb>(
        &self,
        rights: Rights<'_>,
        request: Option<RequestKey>,
        verb: &mut V,
    ) -> Result<(V::Answer, bool), Error> {
        let mut tx = self.store.begin(V::ACTION.as_str()).await?;
        if V::RAISES {
            tx.raise_epoch().await?;
        }
        self.ensure_rights(&mut *tx, rights).await?;
        if let Some(key) = request
            && let Some(first) = self.repeated(&mut *tx, rights.caller, key).await?
        {
            return Ok((first, true));
        }
        let now = self.clock.now();
        let mut access = Access { engine: self, rights, now, tx };
        let answer = verb.apply(&mut access).await?;
        let mut tx = access.tx;
        let principal = &rights.caller.principal;
        let audit = Actor::of(rights.caller).did(now, V::ACTION.as_str());
        let changed = verb.changed(&answer).in_row(audit);
        tx.append_audit(&AuditRow { request: request.map(|key| key.id), ..changed }).await?;
        if let Some(key) = request {
            tx.forget_requests(now.before(REQUEST_ID_LIFE)).await?;
            let row = RequestRow {
                principal: principal.clone(),
                id: key.id,
                body: key.body,
                answer: rows::json(&answer)?,
                created: now,
            };
            tx.put_request(&row).await?;
        }
        tx.commit().await?;
        Ok((answer, false))
    }

    /// The answer that was given to this request before, if it was.
    async fn repeated<A: DeserializeOwned>(
        &self,
        rows: &mut dyn Snapshot,
        caller: &Caller,
        key: RequestKey,
    ) -> Result<Option<A>, Error> {
        let Some(row) = rows.request(&caller.principal, key.id).await? else { return Ok(None) };
        if row.created < self.clock.now().before(REQUEST_ID_LIFE) {
            return Ok(None);
        }
        if !bool::from(row.body.ct_eq(&key.body)) {
            return Err(Error::RequestIdReused);
        }
        let kept = serde_json::from_str(&row.answer);
        kept.map(Some).map_err(|_| Error::DataLoss { what: "a kept answer" })
    }
}

//! Reading the trail: a list, a verdict, an export. Each is on record itself.

use super::walk::{Ended, Sink};
use super::{Actor, Line, Problem, Record, Verdict, Verifier};
use crate::{Engine, Error, Page, Permit};
use async_trait::async_trait;
use futures::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use waxseal_domain::caller::{Action, Scope};
use waxseal_domain::name::ProjectId;
use waxseal_domain::time::Timestamp;
use waxseal_storage::AuditFilter;

/// Lines of an export that wait for its reader.
const LINES: usize = 64;

/// Of what the events are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditParent {
    /// All of them.
    Deployment,
    /// Those of one project.
    Project(ProjectId),
}

/// Which events to list.
#[derive(Clone, Debug)]
pub struct ListAuditEvents {
    /// Of what.
    pub parent: AuditParent,
    /// By whom; empty for anybody.
    pub principal: String,
    /// Of which method; empty for any.
    pub action: String,
    /// Of which secret, by the name it had then; empty for any.
    pub secret: String,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub before: Option<Timestamp>,
    /// Which part.
    pub page: Page,
}

impl Engine {
    /// Lists records, the newest first, and gives the token of the next page.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::InvalidPageToken`], [`Error::AuditUnavailable`].
    pub async fn list_audit_events(
        &self,
        permit: Permit<'_>,
        list: ListAuditEvents,
    ) -> Result<(Vec<Record>, String), Error> {
        const ACTION: Action = Action::ListAuditEvents;
        permit.check(ACTION)?;
        let ListAuditEvents { parent, principal, action, secret, since, before, page } = list;
        let mut row = Actor::of(permit.caller).did(self.clock.now(), ACTION.as_str());
        let place = match &parent {
            AuditParent::Deployment => String::new(),
            AuditParent::Project(id) => {
                row.project_id = Some(id.as_str().to_owned());
                row.project = Some(self.project_uid(&permit, id).await?);
                id.as_str().to_owned()
            }
        };
        let time = |time: Option<Timestamp>| time.map_or(String::new(), |t| t.micros().to_string());
        let (from, to) = (time(since), time(before));
        let arguments = [&*place, &principal, &action, &secret, &from, &to];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let after = match wanted.after.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(after)) => after,
            Some(Err(_)) => return Err(Error::InvalidPageToken),
        };
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let filter = AuditFilter {
            project: row.project,
            principal: some(&principal),
            action: some(&action),
            secret_name: some(&secret),
            since,
            before,
        };
        self.record_reading(permit.caller, ACTION, &place, row).await?;
        let mut rows = self.store.snapshot().await?;
        let mut found = rows.list_audit(&filter, after, wanted.limit + 1).await?;
        drop(rows);
        let more = found.len() > wanted.limit;
        found.truncate(wanted.limit);
        let last = found.last().filter(|_| more).map(|kept| kept.seq.to_string());
        let next = self.next(last, &permit, ACTION, &arguments)?;
        Ok((found.into_iter().map(Record::from).collect(), next))
    }

    /// Who may read of one project may read of that one, not of another under its id.
    async fn project_uid(
        &self,
        permit: &Permit<'_>,
        id: &ProjectId,
    ) -> Result<waxseal_domain::uid::ProjectUid, Error> {
        let rights = permit.rights();
        let given = rights.grants().find_map(|grant| match &grant.scope {
            Scope::Project { id: of, uid } if of == id => Some(*uid),
            Scope::Deployment | Scope::Project { .. } | Scope::Environment { .. } => None,
        });
        match given.filter(|_| !rights.is_everywhere()) {
            Some(uid) => Ok(uid),
            None => {
                let project = self.store.snapshot().await?.project(id).await?;
                Ok(project.ok_or(Error::ProjectNotFound)?.project.uid)
            }
        }
    }

    /// Walks all chains and checkpoints.
    ///
    /// # Errors
    /// Of the store, and [`Error::AuditUnavailable`]; what is wrong with the trail is the verdict's.
    pub async fn verify_audit_trail(&self, permit: Permit<'_>) -> Result<Verdict, Error> {
        const ACTION: Action = Action::VerifyAuditTrail;
        permit.check(ACTION)?;
        let row = Actor::of(permit.caller).did(self.clock.now(), ACTION.as_str());
        self.record_reading(permit.caller, ACTION, "", row).await?;
        let mut judge = Judge { verifier: Verifier::new(self.signer.public()), problem: None };
        let problem = match self.walk(&mut judge).await {
            Ok(()) => None,
            Err(Ended::Enough) => judge.problem,
            Err(Ended::Unreadable(problem)) => Some(problem),
            Err(Ended::Failed(error)) => return Err(error),
        };
        if let Some(problem) = &problem {
            tracing::error!(
                chain = problem.chain,
                sequence = problem.sequence,
                what = problem.what,
                "the audit trail is not what was written"
            );
        }
        Ok(judge.verifier.finish(problem))
    }

    /// Gives the whole trail, line by line, as JSON.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`]; later ones come with the lines.
    pub async fn export_audit_trail(
        self: &Arc<Self>,
        permit: Permit<'_>,
    ) -> Result<Exporting, Error> {
        const ACTION: Action = Action::ExportAuditTrail;
        permit.check(ACTION)?;
        let row = Actor::of(permit.caller).did(self.clock.now(), ACTION.as_str());
        self.record_reading(permit.caller, ACTION, "", row).await?;
        let (lines, told) = mpsc::channel(LINES);
        let engine = self.clone();
        let work = async move {
            let mut reader = Reader(lines.clone());
            let failure = match engine.walk(&mut reader).await {
                Ok(()) | Err(Ended::Enough) => return,
                Err(Ended::Unreadable(problem)) => {
                    let Problem { chain, sequence, what } = problem;
                    tracing::error!(chain, sequence, what, "the audit trail cannot be exported");
                    Error::DataLoss { what: "the audit trail" }
                }
                Err(Ended::Failed(error)) => error,
            };
            // An error means that nobody listens any more.
            let _ = lines.send(Err(failure)).await;
        };
        tokio::spawn(work.in_current_span());
        Ok(Exporting(told))
    }
}

struct Judge {
    verifier: Verifier,
    problem: Option<Problem>,
}

#[async_trait]
impl Sink for Judge {
    async fn take(&mut self, line: Line) -> Result<(), Ended> {
        self.verifier.take(&line).map_err(|problem| {
            self.problem = Some(problem);
            Ended::Enough
        })
    }
}

struct Reader(mpsc::Sender<Result<String, Error>>);

#[async_trait]
impl Sink for Reader {
    async fn take(&mut self, line: Line) -> Result<(), Ended> {
        let line = serde_json::to_string(&line).map_err(|error| Error::Internal(error.into()))?;
        self.0.send(Ok(line)).await.map_err(|_| Ended::Enough)
    }
}

/// The lines of an export as they come, without their ends. Dropped, it ends the walk.
#[derive(Debug)]
pub struct Exporting(mpsc::Receiver<Result<String, Error>>);

impl Stream for Exporting {
    type Item = Result<String, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

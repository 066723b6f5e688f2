//! What an agent sees. Warm, a resolve is a look at the head and a look into the cache; cold, it
//! is one snapshot, checked against the manifest, opened, overlaid and encoded once.

mod fetch;
mod fill;
mod fills;

use fills::Filled;
pub(crate) use fills::Fills;

use crate::audit::{Denied, Disclosure};
use crate::revision::Revision;
use crate::step::{Step, step};
use crate::{Engine, Error, Offenders, Permit};
use bytes::Bytes;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use waxseal_cache::{EncodedView, Found, ViewKey};
use waxseal_domain::caller::{Action, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::limits::STALENESS_MAX;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::view::View;
use waxseal_storage::{Asked, Head};

/// Turns a view into the bytes that leave the process, once for each view.
pub trait ViewEncoder: Send + Sync + 'static {
    /// Encodes a view and drops it.
    fn encode(&self, view: View) -> EncodedView;

    /// One entry of a view under another name, as a part of an answer.
    fn rename(&self, view: &EncodedView, found: Found<'_>, name: &SecretName) -> Bytes;
}

/// How new an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency<'a> {
    /// As new as every change acknowledged before the call.
    Strong,
    /// At least as new as this revision token.
    AtLeast(&'a str),
    /// At most this stale; over 0 and up to 1 s.
    Bounded(Duration),
}

/// Which view to resolve.
#[derive(Clone, Copy, Debug)]
pub struct Resolve<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// The stage.
    pub stage: Stage,
    /// How new.
    pub consistency: Consistency<'a>,
    /// The revision token that came with the view the caller holds.
    pub if_revision_not: Option<&'a str>,
}

/// A resolved view, or some of it.
#[derive(Debug)]
pub struct Resolution {
    /// The token of the project's revision as it was read.
    pub revision: Arc<str>,
    /// Encoded entries, to be sent one after another.
    pub parts: Vec<Bytes>,
    /// Whether the caller holds the view already; then there are no parts.
    pub not_modified: bool,
}

impl Engine {
    /// Resolves every secret of a project as one environment and stage sees it.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`], [`Error::InvalidRevision`],
    /// [`Error::RevisionMismatch`], [`Error::DataLoss`].
    pub async fn resolve_environment(
        &self,
        permit: &Permit<'_>,
        ask: &Resolve<'_>,
    ) -> Result<Resolution, Error> {
        permit.check(Action::ResolveEnvironment)?;
        let Seen { revision, view, place } = match self.look(permit, ask).await? {
            Looked::NotModified(revision) => return Ok(not_modified(revision)),
            Looked::View(seen) => seen,
        };
        self.disclose_view(permit, ask, Action::ResolveEnvironment, &place).await?;
        Ok(Resolution { revision, parts: vec![view.bytes.clone()], not_modified: false })
    }

    /// Resolves some secrets by name. A name that is asked for twice is answered once.
    ///
    /// # Errors
    /// Those of resolving the environment, and [`Error::SecretNotFound`] or, unless unset ones
    /// are allowed, [`Error::SecretUnset`], naming the offenders.
    pub async fn resolve_secrets(
        &self,
        permit: &Permit<'_>,
        ask: &Resolve<'_>,
        names: &[SecretName],
        allow_unset: bool,
    ) -> Result<Resolution, Error> {
        permit.check(Action::ResolveSecrets)?;
        let Seen { revision, view, place } = match self.look(permit, ask).await? {
            Looked::NotModified(revision) => return Ok(not_modified(revision)),
            Looked::View(seen) => seen,
        };
        let mut seen = HashSet::new();
        // One alone is no repetition, and is what is mostly asked for.
        let alone = names.len() == 1;
        let names = names.iter().filter(|name| alone || seen.insert(*name));
        let parts = self.pick(&view, names, allow_unset)?;
        self.disclose_view(permit, ask, Action::ResolveSecrets, &place).await?;
        Ok(Resolution { revision, parts, not_modified: false })
    }

    pub(crate) async fn look(
        &self,
        permit: &Permit<'_>,
        ask: &Resolve<'_>,
    ) -> Result<Looked, Error> {
        self.keys.check_health()?;
        let held = self.held(ask.if_revision_not)?;
        let Some(head) = self.head_for(permit, ask).await? else {
            return Err(Box::pin(self.absent(ask.project, None)).await);
        };
        // The permit may go by a head that is up to a second older than this one.
        if !self.without().authorisation && !permit.rights().are_of(&head) {
            return Err(self.refused(permit, ask));
        }
        let Some(environment) = head.environment(ask.environment) else {
            return Err(Box::pin(self.absent(ask.project, Some(ask.environment))).await);
        };
        let key = ViewKey {
            incarnation: head.incarnation,
            project: head.project,
            environment: environment.uid,
            stage: ask.stage,
            revision: environment.view(ask.stage),
        };
        let cached = self.cache.get(&key);
        if held.is_some_and(|held| is_of(&held, &head) && key.revision <= held.number) {
            // Where no view was filled under this revision, nothing has vouched for it yet.
            if cached.is_none() {
                Box::pin(self.read(ask.project)).await?;
            }
            return Ok(Looked::NotModified(self.token(&head)));
        }
        if let Some(view) = cached {
            let place = (key, head.revision);
            return Ok(Looked::View(Seen { revision: self.token(&head), view, place }));
        }
        // Boxed, here and above: what is rare does not make every call's future large.
        let fill = || Box::pin(self.fetch_or_fill(ask, key, &head));
        let filled = Box::pin(self.fills.once(key, fill)).await?;
        let Filled { key: filled, revision, view } = filled;
        // One who joined a fill may know of a later revision of the project than the fill does, in
        // which this view is the same.
        let joined = filled == key && revision.number < head.revision;
        let revision = if joined { shown(&head) } else { revision };
        // A restore may have come between the head and the fill.
        if let Consistency::AtLeast(token) = &ask.consistency
            && !self.keys.read_revision(token).is_some_and(|token| is_met(&token, &revision))
        {
            return Err(Error::RevisionMismatch { field: AT_LEAST });
        }
        let place = (filled, revision.number);
        Ok(Looked::View(Seen { revision: self.keys.revision_token(revision), view, place }))
    }

    /// Puts on record that a view is about to leave.
    pub(crate) async fn disclose_view(
        &self,
        permit: &Permit<'_>,
        ask: &Resolve<'_>,
        action: Action,
        (key, revision): &(ViewKey, u64),
    ) -> Result<(), Error> {
        let (project, environment) = (ask.project.as_str(), ask.environment.as_str());
        let disclosure = Disclosure { action, key, revision: *revision, project, environment };
        self.disclose(permit.caller, disclosure).await
    }

    fn refused(&self, permit: &Permit<'_>, ask: &Resolve<'_>) -> Error {
        let target = Target::Environment(ask.project, ask.environment, ask.stage);
        let error = Error::PermissionDenied;
        self.denied(permit.caller, permit.action, Denied::at(target), &error);
        error
    }

    /// The head to answer from; none where the project is absent or deleted.
    async fn head_for(
        &self,
        permit: &Permit<'_>,
        ask: &Resolve<'_>,
    ) -> Result<Option<Arc<Head>>, Error> {
        let standing = |head: Option<Arc<Head>>| head.filter(|head| !head.deleted);
        match &ask.consistency {
            Consistency::Strong => {
                let Asked { head, epoch } = step(Step::Head, self.store.ask(ask.project)).await?;
                // Somebody's rights have changed since the caller's were read.
                if epoch != permit.caller.epoch {
                    Box::pin(self.ensure_rights_at(epoch, permit.rights())).await?;
                }
                Ok(standing(head))
            }
            Consistency::Bounded(staleness) => {
                if staleness.is_zero() || *staleness > STALENESS_MAX {
                    return Err(Error::InvalidField {
                        field: "consistency.bounded.max_staleness".to_owned(),
                        rule: "must be more than 0 s and at most 1 s".to_owned(),
                    });
                }
                Ok(standing(self.recent_head(ask.project, *staleness).await?))
            }
            Consistency::AtLeast(token) => {
                let field = AT_LEAST;
                let token = self.keys.read_revision(token);
                let token = token.ok_or(Error::InvalidRevision { field })?;
                let recent = self.recent_head(ask.project, STALENESS_MAX).await?;
                if recent.as_ref().is_some_and(|head| is_of(&token, head)) {
                    return Ok(standing(recent));
                }
                let head = standing(step(Step::Head, self.store.head(ask.project)).await?);
                match &head {
                    Some(head) if !is_of(&token, head) => Err(Error::RevisionMismatch { field }),
                    _ => Ok(head),
                }
            }
        }
    }

    /// The head as of so long ago, or later. What is known costs neither a box nor a question.
    pub(crate) async fn recent_head(
        &self,
        project: &ProjectId,
        age: Duration,
    ) -> Result<Option<Arc<Head>>, Error> {
        match self.store.known_head(project, age) {
            Some(head) => Ok(Some(head)),
            None => Ok(self.store.recent_head(project, age).await?),
        }
    }

    fn held(&self, token: Option<&str>) -> Result<Option<Revision>, Error> {
        let read = |token| {
            let read = self.keys.read_revision(token);
            read.ok_or(Error::InvalidRevision { field: "if_revision_not" })
        };
        token.map(read).transpose()
    }

    fn token(&self, head: &Head) -> Arc<str> {
        self.keys.revision_token(shown(head))
    }
}

pub(crate) enum Looked {
    NotModified(Arc<str>),
    View(Seen),
}

/// A view that may leave once that is on record.
pub(crate) struct Seen {
    pub(crate) revision: Arc<str>,
    pub(crate) view: Arc<EncodedView>,
    /// Which view it is, and the project's revision as it was read.
    pub(crate) place: (ViewKey, u64),
}

fn not_modified(revision: Arc<str>) -> Resolution {
    Resolution { revision, parts: Vec::new(), not_modified: true }
}

const AT_LEAST: &str = "consistency.at_least.revision";

/// Whether what was read at a revision is at least as new as a token.
fn is_met(token: &Revision, read: &Revision) -> bool {
    (token.incarnation, token.project) == (read.incarnation, read.project)
        && token.number <= read.number
}

/// The revision that a head shows.
const fn shown(head: &Head) -> Revision {
    let Head { incarnation, project, revision: number, .. } = *head;
    Revision { incarnation, project, number }
}

/// Whether a token is one that this head can have given.
fn is_of(token: &Revision, head: &Head) -> bool {
    is_met(token, &shown(head))
}

impl Engine {
    /// The entries of some secrets, under the names that they were asked for by. Unknown wins
    /// over unset.
    fn pick<'a>(
        &self,
        view: &EncodedView,
        names: impl Iterator<Item = &'a SecretName>,
        allow_unset: bool,
    ) -> Result<Vec<Bytes>, Error> {
        let (mut parts, mut unset, mut unknown) = (Vec::new(), vec![], vec![]);
        for name in names {
            let Some(found) = view.find(name) else {
                unknown.push(name);
                continue;
            };
            let (current, entry) = match found {
                Found::Set(entry) => (&entry.name, &entry.entry),
                Found::Unset(entry) => {
                    unset.push(name);
                    (&entry.name, &entry.entry)
                }
            };
            parts.push(if current == name {
                view.bytes.slice(entry.clone())
            } else {
                self.encoder.rename(view, found, name)
            });
        }
        if !unknown.is_empty() {
            return Err(Error::SecretNotFound(Offenders::of(unknown)));
        }
        if !(unset.is_empty() || allow_unset) {
            return Err(Error::SecretUnset(Offenders::of(unset)));
        }
        Ok(parts)
    }
}

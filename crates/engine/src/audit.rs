//! The audit trail: who did what, in chains of records whose heads are signed.
//!
//! **Architecture Invariant:** a change and its record are in one transaction, and a disclosure is
//! on record before its first byte leaves. A record holds no value, nor the length, hash or
//! fingerprint of one: what it may hold, `record.rs` lists field by field.
//!
//! Changes are chained per project, whose lock orders them anyway, and those of the deployment in one
//! chain more. Disclosures are chained per process, in memory, and committed in groups. Checkpoints
//! sign where all chains are.

mod adopt;
mod chain;
mod changed;
mod checkpoint;
mod hex;
mod key;
mod line;
mod list;
mod record;
mod recorder;
mod verify;
mod walk;
mod windows;
mod witness;

pub(crate) use chain::Trail;
pub use checkpoint::{Checkpoint, Head, ProjectHead};
pub use hex::Hex;
pub use line::{Line, Record};
pub use list::{AuditParent, Exporting, ListAuditEvents};
pub use recorder::AuditCounts;
pub use verify::{Counts, Problem, Verdict, Verifier, verify_export};
pub use witness::WitnessError;

pub(crate) use changed::{Changed, granted};
pub(crate) use key::{Signer, signer};
pub(crate) use recorder::Recorder;
pub(crate) use windows::What;
pub(crate) use witness::Witness;

use crate::called::call;
use crate::{Engine, Error};
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;
use waxseal_cache::ViewKey;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_domain::time::Timestamp;
use waxseal_storage::AuditRow;

/// How the audit trail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// So long, disclosures of one view to one caller count as one record; zero keeps each of them.
    pub window: Duration,
    /// The file outside the database that checkpoints are also written to.
    pub checkpoints: Option<PathBuf>,
    /// Whether to go on where that file knows a later state than the database.
    pub adopt: bool,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { window: Duration::from_secs(60), checkpoints: None, adopt: false }
    }
}

/// Who is on record: all that the trail takes of a caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) principal: &'a str,
    /// What the principal came by; belongs to no other one.
    pub(crate) credential: &'a str,
}

impl<'a> Actor<'a> {
    pub(crate) fn of(caller: &'a Caller) -> Self {
        Self { principal: &caller.principal, credential: &caller.shown }
    }

    /// Whoever can read the keys: no caller of the service.
    pub(crate) const fn local() -> Self {
        Self { principal: "local", credential: "local" }
    }

    /// That this one did something.
    pub(crate) fn did(self, at: Timestamp, action: &'static str) -> AuditRow {
        let Self { principal, credential } = self;
        let credential = Some(credential.to_owned());
        AuditRow { credential, call: call(), ..AuditRow::new(at, principal.to_owned(), action) }
    }
}

/// A view that is about to leave the process.
pub(crate) struct Disclosure<'a> {
    pub(crate) action: Action,
    pub(crate) key: &'a ViewKey,
    /// The project's revision as it was read.
    pub(crate) revision: u64,
    pub(crate) project: &'a str,
    pub(crate) environment: &'a str,
}

impl Engine {
    /// Puts a disclosure on record, unless one of the same view to the same caller is already, within
    /// the window.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`], after two seconds at most; then nothing may be disclosed.
    pub(crate) async fn disclose(
        &self,
        caller: &Caller,
        disclosure: Disclosure<'_>,
    ) -> Result<(), Error> {
        if self.without().audit {
            return Ok(());
        }
        let actor = Actor::of(caller);
        let what = What::View(disclosure.action, *disclosure.key);
        if self.audit.windows().seen(&what, actor.credential) {
            return Ok(());
        }
        // Boxed: once in a window, and otherwise carried along by every call.
        Box::pin(async {
            let Disclosure { action, key, revision, project, environment } = disclosure;
            let row = AuditRow {
                project: Some(key.project),
                project_id: Some(project.to_owned()),
                environment: Some(key.environment),
                environment_id: Some(environment.to_owned()),
                stage: Some(key.stage),
                revision: Some(revision),
                view_revision: Some(key.revision),
                ..actor.did(self.clock.now(), action.as_str())
            };
            self.audit.record(what, row).await
        })
        .await
    }

    /// Puts what somebody read of the trail itself on record.
    pub(crate) async fn record_reading(
        &self,
        caller: &Caller,
        action: Action,
        place: &str,
        row: AuditRow,
    ) -> Result<(), Error> {
        let what = What::Place(action, AuditRow::OK, place.to_owned());
        if self.audit.windows().seen(&what, Actor::of(caller).credential) {
            return Ok(());
        }
        self.audit.record(what, row).await
    }

    /// Puts a denial on record, without waiting for it. What is none of the denials that are
    /// recorded is passed over.
    pub(crate) fn denied(&self, caller: &Caller, action: Action, at: Denied<'_>, error: &Error) {
        let Some(reason) = reason(error) else { return };
        let actor = Actor::of(caller);
        let Denied { project, environment, secret, resource } = at;
        let place = [project, environment, secret, resource];
        let place = place.map(Option::unwrap_or_default).join("/");
        let what = What::Place(action, reason, place);
        if self.audit.windows().seen(&what, actor.credential) {
            return;
        }
        let own = |name: Option<&str>| name.map(str::to_owned);
        let row = AuditRow {
            project_id: own(project),
            environment_id: own(environment),
            secret_name: own(secret),
            resource: own(resource),
            outcome: Cow::Borrowed(reason),
            ..actor.did(self.clock.now(), action.as_str())
        };
        self.audit.note(what, row);
    }

    /// Writes what is only counted so far; for a server that stops.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`].
    pub async fn settle_audit(&self) -> Result<(), Error> {
        self.audit.settle().await
    }

    /// Ends the recording of disclosures and denials, and returns once nothing of it holds the store;
    /// for a server that has stopped. What is disclosed afterwards is refused.
    pub async fn end_audit(&self) {
        self.audit.end().await;
    }

    /// What came of disclosures and denials since the start.
    #[must_use]
    pub fn audit_counts(&self) -> AuditCounts {
        self.audit.counts()
    }

    /// The key that checkpoints are verified with.
    #[must_use]
    pub fn audit_public_key(&self) -> Hex<32> {
        self.signer.public()
    }
}

/// What was denied, by the names that were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Denied<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) environment: Option<&'a str>,
    pub(crate) secret: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
}

impl<'a> Denied<'a> {
    pub(crate) fn at(target: Target<'a>) -> Self {
        match target {
            Target::Deployment => Self::default(),
            Target::Project(project) => Self { project: Some(project.as_str()), ..Self::default() },
            Target::Environment(project, environment, _) => Self {
                project: Some(project.as_str()),
                environment: Some(environment.as_str()),
                ..Self::default()
            },
        }
    }
}

/// The public reason of a denial that is recorded.
const fn reason(error: &Error) -> Option<&'static str> {
    match error {
        Error::PermissionDenied => Some("PERMISSION_DENIED"),
        Error::SecretRestricted => Some("SECRET_RESTRICTED"),
        Error::EnvironmentProtected => Some("ENVIRONMENT_PROTECTED"),
        _ => None,
    }
}

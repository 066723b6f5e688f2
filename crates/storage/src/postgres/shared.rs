//! What every task and session of one store shares.

use super::local::{Local, Moved, Regression};
use crate::followers::Followers;
use crate::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

#[derive(Default)]
pub(super) struct Shared {
    local: Mutex<Local>,
    pub(super) followers: Followers,
    /// Why the store stopped.
    stopped: OnceLock<String>,
    /// System identifier and timeline, as the last connection that could tell saw them.
    identity: Mutex<Option<(String, String)>>,
    unknown: AtomicBool,
    /// Attached beside a server, which looks after the identity itself.
    pub(super) attached: bool,
}

impl Shared {
    pub(super) fn attached() -> Self {
        Self { attached: true, ..Self::default() }
    }

    pub(super) fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails once the store has been found rolled back.
    pub(super) fn alive(&self) -> Result<()> {
        match self.stopped.get() {
            Some(what) => Err(Error::RolledBack { what: what.clone() }),
            None => Ok(()),
        }
    }

    /// Stops the store: from now on every call fails.
    pub(super) fn stop(&self, regression: Regression) -> Error {
        let Regression { project, seen, found } = regression;
        let what = match project {
            Some(project) => format!("project {project} was at revision {seen} and is at {found}"),
            None => format!("the authorisation epoch was {seen} and is {found}"),
        };
        if self.stopped.set(what.clone()).is_ok() {
            let error = Error::RolledBack { what: what.clone() };
            tracing::error!(%error, "the store stops");
            self.followers.tell_all();
        }
        Error::RolledBack { what }
    }

    pub(super) fn tell(&self, moved: &Moved) {
        match moved {
            Moved::All => self.followers.tell_all(),
            Moved::These(projects) => {
                for project in projects {
                    self.followers.tell(project);
                }
            }
        }
    }

    pub(super) fn identity(&self) -> Option<(String, String)> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note_identity(&self, identity: (String, String)) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Says once that the database's identity cannot be told.
    pub(super) fn identity_is_unknown(&self) {
        if !self.unknown.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "PostgreSQL does not tell this user its identity (pg_control_system(), \
                 pg_current_wal_lsn()): a restore or failover is noticed only by a revision that \
                 goes back"
            );
        }
    }
}

//! A view as it stands, and again whenever it changes. Whole views, so that nothing has to be
//! replayed: what a slow reader missed is in the next one.

use crate::resolve::{Looked, Seen};
use crate::{Consistency, Engine, Error, Permit, Resolution, Resolve};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_storage::Following;

/// How often the caller's right is looked at while nothing changes. With the age that an answer
/// about a right may have, below, a right that ends is noticed within a second.
const RIGHTS: Duration = Duration::from_millis(500);
/// How old what is known of a right may be.
const RIGHTS_AGE: Duration = Duration::from_millis(400);

/// Which view to watch.
#[derive(Clone, Debug)]
pub struct WatchEnvironment {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
    /// The stage.
    pub stage: Stage,
    /// The revision token that came with the view the caller holds.
    pub if_revision_not: Option<String>,
}

/// A view that is being watched.
pub struct Watch {
    engine: Arc<Engine>,
    caller: Arc<Caller>,
    watched: WatchEnvironment,
    following: Following,
    /// Whether the first answer was given.
    begun: bool,
}

impl Engine {
    /// Watches a view. Nothing is read before the first [`Watch::next`].
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] where the permit is for something else.
    pub fn watch_environment(
        self: &Arc<Self>,
        permit: &Permit<'_>,
        watched: WatchEnvironment,
    ) -> Result<Watch, Error> {
        permit.check(Action::WatchEnvironment)?;
        Ok(Watch {
            engine: self.clone(),
            caller: Arc::new(permit.caller.clone()),
            // From before the first look, so that no change falls between the two.
            following: self.store.follow(&watched.project),
            watched,
            begun: false,
        })
    }
}

impl Watch {
    /// The view: the first time at once, then when it is another than the one given last. Changes
    /// that come in between are in it.
    ///
    /// # Errors
    /// Those of resolving the environment, [`Error::CredentialsInvalid`] and
    /// [`Error::PermissionDenied`] within a second of the end of the caller's right. An outage of
    /// the store or the key provider is waited out once the first view was given.
    pub async fn next(&mut self) -> Result<Resolution, Error> {
        loop {
            match self.look().await {
                Ok(Some(resolution)) => {
                    self.begun = true;
                    self.watched.if_revision_not = Some(resolution.revision.to_string());
                    return Ok(resolution);
                }
                Ok(None) => {}
                Err(error) if self.begun && is_outage(&error) => {
                    tokio::time::sleep(RIGHTS).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.moved().await?;
        }
    }

    /// The token of the view given last; to go on from elsewhere.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.watched.if_revision_not.as_deref()
    }

    async fn look(&mut self) -> Result<Option<Resolution>, Error> {
        self.caller = self.engine.still(&self.caller, RIGHTS_AGE).await?;
        let permit = self.permit().await?;
        let WatchEnvironment { project, environment, stage, if_revision_not } = &self.watched;
        let ask = Resolve {
            project,
            environment,
            stage: *stage,
            consistency: Consistency::Strong,
            if_revision_not: if_revision_not.as_deref(),
        };
        Ok(match self.engine.look(&permit, &ask).await? {
            Looked::View(Seen { revision, view, place }) => {
                let action = Action::WatchEnvironment;
                self.engine.disclose_view(&permit, &ask, action, &place).await?;
                let parts = vec![view.bytes.clone()];
                Some(Resolution { revision, parts, not_modified: false })
            }
            Looked::NotModified(revision) if !self.begun => {
                Some(Resolution { revision, parts: Vec::new(), not_modified: true })
            }
            // The project's revision is another, the view is not.
            Looked::NotModified(_) => None,
        })
    }

    /// Asks for the right to watch, as the caller was read last.
    async fn permit(&self) -> Result<Permit<'_>, Error> {
        let WatchEnvironment { project, environment, stage, .. } = &self.watched;
        let target = Target::Environment(project, environment, *stage);
        self.engine.permit(&self.caller, Action::WatchEnvironment, target).await
    }

    async fn still_may(&mut self) -> Result<(), Error> {
        self.caller = self.engine.still(&self.caller, RIGHTS_AGE).await?;
        self.permit().await.map(drop)
    }

    /// Returns once the view may have changed.
    async fn moved(&mut self) -> Result<(), Error> {
        while timeout(RIGHTS, self.following.moved()).await.is_err() {
            match self.still_may().await {
                Err(error) if !is_outage(&error) => return Err(error),
                // Whoever cannot be asked about a right has nothing to disclose either.
                _ => {}
            }
        }
        Ok(())
    }
}

const fn is_outage(error: &Error) -> bool {
    matches!(error, Error::StorageUnavailable(_) | Error::KeyServiceUnavailable(_))
}

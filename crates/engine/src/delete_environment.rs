//! An environment goes with all its overrides.

use crate::change::{Change, Subject, Verb, Written};
use crate::manifest::is_set;
use crate::{Engine, Error, Permit, RequestKey, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};

/// What to delete.
#[derive(Debug)]
pub struct DeleteEnvironment {
    /// In which project.
    pub project: ProjectId,
    /// Which environment.
    pub id: EnvironmentId,
    /// Whether its overrides may go with it.
    pub force: bool,
    /// What the environment must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Deletes an environment.
    ///
    /// # Errors
    /// [`Error::EnvironmentNotFound`], [`Error::EnvironmentIsMain`],
    /// [`Error::EnvironmentProtected`], [`Error::EtagMismatch`],
    /// [`Error::EnvironmentHasOverrides`].
    pub async fn delete_environment(
        self: &Arc<Self>,
        permit: Permit<'_>,
        delete: DeleteEnvironment,
    ) -> Result<Written<()>, Error> {
        let DeleteEnvironment { project, id, force, etag, request } = delete;
        self.change(permit, Some(project), request, Delete { id, force, etag }).await
    }
}

struct Delete {
    id: EnvironmentId,
    force: bool,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Delete {
    type Answer = ();
    const ACTION: Action = Action::DeleteEnvironment;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<(), Error> {
        let environment = change.project()?.environment(&self.id)?.environment.clone();
        etag::check(self.etag.as_deref(), &etag::environment(&environment))?;
        if self.id.is_main() {
            return Err(Error::EnvironmentIsMain);
        }
        if environment.settings.protected && !change.rights.may_change_protected() {
            return Err(Error::EnvironmentProtected);
        }
        let mut count = 0;
        for stage in Stage::ALL {
            let overrides = change.overrides(environment.uid, stage).await?;
            count += overrides.iter().filter(|slot| is_set(slot)).count() as u64;
        }
        if count > 0 && !self.force {
            return Err(Error::EnvironmentHasOverrides { count });
        }
        change.about(Subject { environment: Some(environment.uid), ..Subject::default() });
        change.remove_environment(environment.uid).await
    }
}

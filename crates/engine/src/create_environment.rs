//! A new environment has settings and no override.

use crate::change::{Change, Subject, Verb, Written};
use crate::{Engine, Error, Permit, RequestKey, keys};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::{Environment, Settings};
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::uid::EnvironmentUid;

/// What to create.
#[derive(Debug)]
pub struct CreateEnvironment {
    /// In which project.
    pub project: ProjectId,
    /// Its id.
    pub id: EnvironmentId,
    /// What its owner sets.
    pub settings: Settings,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Creates an environment.
    ///
    /// # Errors
    /// [`Error::EnvironmentExists`], [`Error::EnvironmentLimit`], [`Error::ViewTooLarge`].
    pub async fn create_environment(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreateEnvironment,
    ) -> Result<Written<Environment>, Error> {
        let CreateEnvironment { project, id, settings, request } = new;
        self.change(permit, Some(project), request, Create { id, settings }).await
    }
}

struct Create {
    id: EnvironmentId,
    settings: Settings,
}

#[async_trait]
impl Verb for Create {
    type Answer = Environment;
    const ACTION: Action = Action::CreateEnvironment;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Environment, Error> {
        add(change, &self.id, self.settings.clone()).await
    }
}

/// Adds an environment where there is room for it.
pub(crate) async fn add(
    change: &mut Change<'_>,
    id: &EnvironmentId,
    settings: Settings,
) -> Result<Environment, Error> {
    let project = change.project()?;
    if project.environment(id).is_ok() {
        return Err(Error::EnvironmentExists);
    }
    let limit = change.engine.quotas.environments;
    if project.environments.len() >= limit {
        return Err(Error::EnvironmentLimit { limit });
    }
    let now = change.now;
    let environment = Environment {
        uid: EnvironmentUid::new(keys::new_uid(now)?),
        id: id.clone(),
        settings,
        edition: 1,
        created: now,
        updated: now,
    };
    change.about(Subject { environment: Some(environment.uid), ..Subject::default() });
    change.add_environment(environment.clone()).await?;
    // Without overrides it shows every default, which another environment may have overridden
    // by something shorter.
    change.check_views().await?;
    Ok(environment)
}

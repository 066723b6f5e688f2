//! An environment's settings.

use crate::change::{Change, Subject, Verb, Written};
use crate::{Engine, Error, Permit, RequestKey, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::{Environment, Fallback, Settings};
use waxseal_domain::name::{EnvironmentId, ProjectId};

/// What to change; `None` stays as it is.
#[derive(Debug)]
pub struct UpdateEnvironment {
    /// In which project.
    pub project: ProjectId,
    /// Which environment.
    pub id: EnvironmentId,
    /// For people.
    pub display_name: Option<String>,
    /// Whether defaults are used.
    pub fallback: Option<Fallback>,
    /// Whether only an admin may change what the live stage resolves.
    pub protected: Option<bool>,
    /// What the environment must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Changes an environment's settings.
    ///
    /// # Errors
    /// [`Error::EnvironmentNotFound`], [`Error::EtagMismatch`],
    /// [`Error::EnvironmentProtected`], [`Error::ViewTooLarge`].
    pub async fn update_environment(
        self: &Arc<Self>,
        permit: Permit<'_>,
        update: UpdateEnvironment,
    ) -> Result<Written<Environment>, Error> {
        let (project, request) = (update.project.clone(), update.request);
        self.change(permit, Some(project), request, Update(update)).await
    }
}

struct Update(UpdateEnvironment);

#[async_trait]
impl Verb for Update {
    type Answer = Environment;
    const ACTION: Action = Action::UpdateEnvironment;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Environment, Error> {
        let UpdateEnvironment {
            project: _,
            id,
            display_name,
            fallback,
            protected,
            etag,
            request: _,
        } = &self.0;
        let (now, may_change_protected) = (change.now, change.rights.may_change_protected());
        let row = &mut change.environment_mut(id)?.environment;
        etag::check(etag.as_deref(), &etag::environment(row))?;
        if row.settings.protected && !may_change_protected {
            return Err(Error::EnvironmentProtected);
        }
        let before = row.settings.clone();
        let settings = Settings {
            display_name: display_name.clone().unwrap_or_else(|| before.display_name.clone()),
            fallback: fallback.unwrap_or(before.fallback),
            protected: protected.unwrap_or(before.protected),
        };
        if settings != before {
            row.settings = settings.clone();
            row.edition += 1;
            row.updated = now;
        }
        let answer = row.clone();
        change.about(Subject { environment: Some(answer.uid), ..Subject::default() });
        if settings.fallback != before.fallback {
            change.touch_both(answer.uid);
            change.check_views().await?;
        }
        Ok(answer)
    }
}

//! Permission, decided before anything is looked up, so that what exists and what does not look
//! the same to a caller without the right.

use crate::{Engine, Error};
use waxseal_domain::caller::{Action, Caller, Scope, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::uid::{EnvironmentUid, ProjectUid};

/// Proof that a caller may do one thing in one place. Only [`Engine::permit`] makes one.
#[derive(Debug)]
pub struct Permit<'a> {
    pub(crate) caller: &'a Caller,
    action: Action,
}

impl Permit<'_> {
    /// A permit opens the one door it was made for.
    pub(crate) fn check(&self, action: Action) -> Result<(), Error> {
        if self.action == action { Ok(()) } else { Err(Error::PermissionDenied) }
    }
}

impl Engine {
    /// Asks whether a caller may do this here.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], the same whether or not the target exists.
    pub async fn permit<'a>(
        &self,
        caller: &'a Caller,
        action: Action,
        target: Target<'_>,
    ) -> Result<Permit<'a>, Error> {
        if caller.expires <= self.clock.now() {
            return Err(Error::CredentialsInvalid);
        }
        if !(caller.may(action, target) && self.is_same(&caller.scope).await?) {
            return Err(Error::PermissionDenied);
        }
        Ok(Permit { caller, action })
    }

    /// Whether what a scope names is still what it named when the right was given: a right does
    /// not pass to something made anew under an old id.
    pub(crate) async fn is_same(&self, scope: &Scope) -> Result<bool, Error> {
        match scope {
            Scope::Deployment => Ok(true),
            Scope::Project { id, uid } => self.is_project(id, *uid).await,
            Scope::Environment { project, project_uid, environment, environment_uid, stage: _ } => {
                Ok(self.is_project(project, *project_uid).await?
                    && self.is_environment(project, environment, *environment_uid).await?)
            }
        }
    }

    async fn is_project(&self, id: &ProjectId, uid: ProjectUid) -> Result<bool, Error> {
        Ok(self.store.head(id).await?.is_some_and(|head| head.project == uid))
    }

    async fn is_environment(
        &self,
        project: &ProjectId,
        id: &EnvironmentId,
        uid: EnvironmentUid,
    ) -> Result<bool, Error> {
        let head = self.store.head(project).await?;
        Ok(head.and_then(|head| head.environment(id).map(|found| found.uid)) == Some(uid))
    }

    /// What a scope's ids name now; `None` if nothing.
    pub(crate) async fn scope(
        &self,
        project: &ProjectId,
        environment: Option<(&EnvironmentId, Stage)>,
    ) -> Result<Option<Scope>, Error> {
        let Some(head) = self.store.head(project).await? else { return Ok(None) };
        let (id, uid) = (project.clone(), head.project);
        Ok(match environment {
            None => Some(Scope::Project { id, uid }),
            Some((environment, stage)) => {
                head.environment(environment).map(|found| Scope::Environment {
                    project: id,
                    project_uid: uid,
                    environment: found.id.clone(),
                    environment_uid: found.uid,
                    stage,
                })
            }
        })
    }
}

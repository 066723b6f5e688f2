//! Permission, decided before anything is looked up, so that what exists and what does not look
//! the same to a caller without the right.

use crate::audit::Denied;
use crate::authenticate::TRUST;
use crate::{Engine, Error};
use waxseal_domain::caller::{Action, Caller, Scope, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_storage::Head;

/// Proof that a caller may do one thing in one place. Only [`Engine::permit`] makes one.
#[derive(Debug)]
pub struct Permit<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) action: Action,
}

impl Permit<'_> {
    /// A permit opens the one door it was made for.
    pub(crate) fn check(&self, action: Action) -> Result<(), Error> {
        if self.action == action { Ok(()) } else { Err(Error::PermissionDenied) }
    }
}

/// Whether what a scope names is what this head shows.
pub(crate) fn is_of(scope: &Scope, head: &Head) -> bool {
    match scope {
        Scope::Deployment => true,
        Scope::Project { id: _, uid } => head.project == *uid,
        Scope::Environment { project_uid, environment, environment_uid, .. } => {
            head.project == *project_uid
                && head.environment(environment).is_some_and(|at| at.uid == *environment_uid)
        }
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
            self.denied(caller, action, Denied::at(target), &Error::PermissionDenied);
            return Err(Error::PermissionDenied);
        }
        Ok(Permit { caller, action })
    }

    /// Whether what a scope names is still what it named when the right was given: a right does
    /// not pass to something made anew under an old id. As old as a right may be.
    pub(crate) async fn is_same(&self, scope: &Scope) -> Result<bool, Error> {
        match scope {
            Scope::Deployment => Ok(true),
            Scope::Project { id: project, .. } | Scope::Environment { project, .. } => {
                let head = self.store.recent_head(project, TRUST).await?;
                Ok(head.is_some_and(|head| is_of(scope, &head)))
            }
        }
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

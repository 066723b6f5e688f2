//! Permission, decided before anything is looked up, so that what exists and what does not look
//! the same to a caller without the right.

use crate::audit::Denied;
use crate::authenticate::TRUST;
use crate::{Engine, Error};
use waxseal_domain::caller::{Action, Caller, Grant, Scope, Target};
use waxseal_domain::environment::Stage;
use waxseal_domain::limits::BINDINGS;
use waxseal_domain::name::{EnvironmentId, PrincipalId, ProjectId, principal};
use waxseal_domain::time::Timestamp;
use waxseal_storage::Head;

/// Proof that a caller may do one thing in one place. Only [`Engine::permit`] and its like make one.
#[derive(Clone, Copy, Debug)]
pub struct Permit<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) chosen: Chosen,
    pub(crate) action: Action,
}

/// Which of a caller's grants an action is taken on: a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen(u128);

/// A caller, and the grants that an action is taken on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) chosen: Chosen,
}

impl Permit<'_> {
    /// A permit opens the one door it was made for.
    pub(crate) fn check(&self, action: Action) -> Result<(), Error> {
        if self.action == action { Ok(()) } else { Err(Error::PermissionDenied) }
    }
}

impl<'a> Permit<'a> {
    pub(crate) const fn rights(&self) -> Rights<'a> {
        Rights { caller: self.caller, chosen: self.chosen }
    }
}

const _: () = assert!(BINDINGS <= u128::BITS as usize);

impl Chosen {
    /// Those grants of a caller that hold now and that `choose` picks.
    fn of(caller: &Caller, now: Timestamp, choose: impl Fn(&Grant) -> bool) -> Self {
        let chosen = |grant: &Grant| grant.expires > now && choose(grant);
        let places = caller.grants.iter().take(u128::BITS as usize).enumerate();
        Self(places.filter(|(_, grant)| chosen(grant)).fold(0, |bits, (at, _)| bits | 1 << at))
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl<'a> Rights<'a> {
    /// All that a caller has.
    pub(crate) const fn all(caller: &'a Caller) -> Self {
        Self { caller, chosen: Chosen(u128::MAX) }
    }

    /// The grants, each of which would do.
    pub(crate) fn grants(self) -> impl Iterator<Item = &'a Grant> {
        let Self { caller, chosen: Chosen(bits) } = self;
        let places = caller.grants.iter().take(u128::BITS as usize).enumerate();
        places.filter(move |(at, _)| bits >> at & 1 == 1).map(|(_, grant)| grant)
    }

    /// Whether one of the grants is for the whole deployment.
    pub(crate) fn is_everywhere(self) -> bool {
        self.grants().any(|grant| grant.scope == Scope::Deployment)
    }

    /// Whether a scope lies wholly within that of one of the grants.
    pub(crate) fn cover(self, scope: &Scope) -> bool {
        self.grants().any(|grant| grant.scope.contains(scope))
    }

    /// Whether an environment's protection lets one of the grants through.
    pub(crate) fn may_change_protected(self) -> bool {
        self.grants().any(Grant::may_change_protected)
    }

    /// Whether what a grant's scope names is what this head shows.
    pub(crate) fn are_of(self, head: &Head) -> bool {
        self.grants().any(|grant| is_of(&grant.scope, head))
    }

    /// Whether the caller, read anew, still has one of these grants. Nobody needs a grant for what
    /// is their own.
    pub(crate) fn ensure_in(self, fresh: &Caller, now: Timestamp) -> Result<(), Error> {
        if fresh.uid != self.caller.uid || fresh.expires.min(self.caller.expires) <= now {
            return Err(Error::CredentialsInvalid);
        }
        let is = |one: &Grant, other: &Grant| {
            (one.role, one.reveal, &one.scope) == (other.role, other.reveal, &other.scope)
        };
        let held = |grant: &Grant| {
            fresh.grants.iter().any(|other| other.expires > now && is(grant, other))
        };
        if self.chosen.is_none() || self.grants().any(held) {
            return Ok(());
        }
        Err(Error::PermissionDenied)
    }
}

/// Whether what a scope names is what this head shows.
fn is_of(scope: &Scope, head: &Head) -> bool {
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
        let permit = self.permit_by(caller, action, |grant| grant.may(action, target)).await;
        if let Err(error) = &permit {
            self.denied(caller, action, Denied::at(target), error);
        }
        permit
    }

    /// Asks whether a caller may do this anywhere; where, the verb has to look for itself.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`].
    pub async fn permit_somewhere<'a>(
        &self,
        caller: &'a Caller,
        action: Action,
    ) -> Result<Permit<'a>, Error> {
        let permit = self.permit_by(caller, action, |grant| grant.may_somewhere(action)).await;
        if let Err(error) = &permit {
            self.denied(caller, action, Denied::default(), error);
        }
        permit
    }

    /// [`Self::permit_somewhere`], which is also given to a principal for what is its own.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`].
    pub async fn permit_own<'a>(
        &self,
        caller: &'a Caller,
        action: Action,
        owner: &PrincipalId,
    ) -> Result<Permit<'a>, Error> {
        let permit = self.permit_by(caller, action, |grant| grant.may_somewhere(action)).await;
        let Err(error) = permit else { return permit };
        let owner = principal(owner);
        if matches!(error, Error::PermissionDenied) && caller.principal == owner {
            return Ok(Permit { caller, chosen: Chosen(0), action });
        }
        let at = Denied { resource: Some(&owner), ..Denied::default() };
        self.denied(caller, action, at, &error);
        Err(error)
    }

    async fn permit_by<'a>(
        &self,
        caller: &'a Caller,
        action: Action,
        choose: impl Fn(&Grant) -> bool,
    ) -> Result<Permit<'a>, Error> {
        if self.without().authorisation {
            return Ok(Permit { caller, chosen: Chosen(u128::MAX), action });
        }
        let now = self.clock.now();
        if caller.expires <= now {
            return Err(Error::CredentialsInvalid);
        }
        let everywhere = |grant: &Grant| grant.scope == Scope::Deployment && choose(grant);
        let chosen = Chosen::of(caller, now, everywhere);
        if !chosen.is_none() {
            return Ok(Permit { caller, chosen, action });
        }
        let named = Rights { caller, chosen: Chosen::of(caller, now, choose) };
        let chosen = self.same(named).await?;
        if chosen.is_none() {
            return Err(Error::PermissionDenied);
        }
        Ok(Permit { caller, chosen, action })
    }

    /// Those of the grants whose scopes still are what they named when the right was given: a right
    /// does not pass to something made anew under an old id. As old as a right may be.
    pub(crate) async fn same(&self, rights: Rights<'_>) -> Result<Chosen, Error> {
        let mut same = 0;
        // Mostly all are of one project.
        let mut known: Option<(&ProjectId, Option<std::sync::Arc<Head>>)> = None;
        for (at, grant) in rights.caller.grants.iter().enumerate().take(u128::BITS as usize) {
            if rights.chosen.0 >> at & 1 == 0 {
                continue;
            }
            let stands = match &grant.scope {
                Scope::Deployment => true,
                Scope::Project { id: project, .. } | Scope::Environment { project, .. } => {
                    let head = match known.take() {
                        Some((id, head)) if id == project => head,
                        _ => self.recent_head(project, TRUST).await?,
                    };
                    let stands = head.as_ref().is_some_and(|head| is_of(&grant.scope, head));
                    known = Some((project, head));
                    stands
                }
            };
            same |= u128::from(stands) << at;
        }
        Ok(Chosen(same))
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

//! Bindings: roles given to principals. An admin gives within their own scope, and never to
//! themselves.

use super::{Access, Verb, hide};
use crate::audit::{Changed, granted};
use crate::create_token::check_reveal;
use crate::keys::new_uid;
use crate::{Engine, Error, Listed, Page, Permit, RequestKey};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Role, Scope, ScopeName, conflict};
use waxseal_domain::limits::BINDINGS;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::principal::{Binding, Principal};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::BindingUid;

/// What to give.
#[derive(Debug)]
pub struct CreateBinding {
    /// To whom.
    pub principal: PrincipalId,
    /// The role.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: ScopeName,
    /// Until when; for ever where there is none.
    pub expires: Option<Timestamp>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// A binding, and whose it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BindingState {
    /// Whose.
    pub principal: PrincipalId,
    /// The binding.
    pub binding: Binding,
}

impl Engine {
    /// Gives a role to a principal.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`], [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`],
    /// [`Error::SeparationOfDuties`], [`Error::BindingLimit`], [`Error::InvalidField`];
    /// [`Error::PermissionDenied`] where the caller would give it to themselves.
    pub async fn create_binding(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreateBinding,
    ) -> Result<BindingState, Error> {
        permit.check(Action::CreateBinding)?;
        let now = self.clock.now();
        check_reveal(new.role, new.reveal)?;
        if new.expires.is_some_and(|expires| expires <= now) {
            let rule = "must lie in the future".to_owned();
            return Err(Error::InvalidField { field: "binding.expire_time".to_owned(), rule });
        }
        let scope = self.find_scope(&new.scope).await?;
        let request = new.request;
        Ok(self.change_access(permit, request, Create { new, scope }).await?.answer)
    }

    /// Those of a principal's bindings that lie within the caller's scope, in the order in which
    /// they were made.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`] for those who administer the whole deployment; of the page wish.
    pub async fn list_bindings(
        &self,
        permit: Permit<'_>,
        id: &PrincipalId,
        page: Page,
    ) -> Result<Listed<BindingState>, Error> {
        const ACTION: Action = Action::ListBindings;
        permit.check(ACTION)?;
        let arguments = [id.as_str()];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let mut seen = Vec::new();
        match self.store.snapshot().await?.principal(id).await? {
            Some(row) => {
                let principal = self.read_principal(&row)?;
                let rights = permit.rights();
                let bindings = principal.bindings.into_iter();
                seen.extend(bindings.filter(|binding| rights.cover(&binding.scope)));
            }
            None if permit.rights().is_everywhere() => return Err(Error::PrincipalNotFound),
            None => {}
        }
        seen.sort_by_key(|binding| binding.uid);
        let total = seen.len() as u64;
        let (items, last) = wanted.cut(seen, |binding| binding.uid.to_string());
        let state = |binding| BindingState { principal: id.clone(), binding };
        let items = items.into_iter().map(state).collect();
        Ok(Listed { items, next: self.next(last, &permit, ACTION, &arguments)?, total })
    }

    /// Takes a role away again. What was done with it ends within a second.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`] and [`Error::BindingNotFound`] for those who administer the
    /// whole deployment, [`Error::PermissionDenied`] for others, also where it is out of their scope.
    pub async fn delete_binding(
        self: &Arc<Self>,
        permit: Permit<'_>,
        principal: PrincipalId,
        uid: BindingUid,
        request: Option<RequestKey>,
    ) -> Result<(), Error> {
        self.change_access(permit, request, Delete { principal, uid, taken: None }).await?;
        Ok(())
    }
}

/// Gives a binding to a principal, if that is not too many, or two roles that one may not hold.
/// Those that are over go.
pub(crate) fn bind(
    principal: &mut Principal,
    binding: Binding,
    now: Timestamp,
) -> Result<(), Error> {
    principal.bindings.retain(|other| other.is_live(now));
    let part = |binding: &Binding| (binding.role, binding.scope.clone());
    let (role, scope) = part(&binding);
    if principal.bindings.iter().any(|held| conflict((held.role, &held.scope), (role, &scope))) {
        return Err(Error::SeparationOfDuties);
    }
    if principal.bindings.len() >= BINDINGS {
        return Err(Error::BindingLimit { limit: BINDINGS });
    }
    principal.bindings.push(binding);
    Ok(())
}

struct Create {
    new: CreateBinding,
    scope: Scope,
}

#[async_trait]
impl Verb for Create {
    type Answer = BindingState;
    const ACTION: Action = Action::CreateBinding;

    fn asked(&self) -> String {
        format!("principals/{}/bindings", self.new.principal)
    }

    fn changed(&self, BindingState { principal, binding }: &BindingState) -> Changed {
        Changed::binding(principal, binding)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<BindingState, Error> {
        // What is named like the caller's scope may have been made anew.
        if !access.rights.cover(&self.scope) {
            return Err(Error::PermissionDenied);
        }
        let mut principal = access.principal(&self.new.principal).await?;
        if principal.uid == access.rights.caller.uid {
            return Err(Error::PermissionDenied);
        }
        let binding = Binding {
            uid: BindingUid::new(new_uid(access.now)?),
            role: self.new.role,
            reveal: self.new.reveal,
            scope: self.scope.clone(),
            expires: self.new.expires,
            created: access.now,
        };
        bind(&mut principal, binding.clone(), access.now)?;
        access.put(&principal).await?;
        Ok(BindingState { principal: principal.id, binding })
    }
}

struct Delete {
    principal: PrincipalId,
    uid: BindingUid,
    /// What it gave.
    taken: Option<String>,
}

#[async_trait]
impl Verb for Delete {
    type Answer = ();
    const ACTION: Action = Action::DeleteBinding;

    fn asked(&self) -> String {
        format!("principals/{}/bindings/{}", self.principal, self.uid)
    }

    fn changed(&self, (): &()) -> Changed {
        Changed { resource: self.asked(), grant: self.taken.clone() }
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<(), Error> {
        let principal = access.principal(&self.principal).await;
        let mut principal = principal.map_err(|error| match error {
            Error::PrincipalNotFound => hide(access.rights, error),
            error => error,
        })?;
        let at = principal.bindings.iter().position(|binding| binding.uid == self.uid);
        let at = at.filter(|at| access.rights.cover(&principal.bindings[*at].scope));
        let at = at.ok_or_else(|| access.hide(Error::BindingNotFound))?;
        let Binding { role, reveal, scope, expires, .. } = principal.bindings.remove(at);
        self.taken = Some(granted(role, reveal, &scope, expires));
        access.put(&principal).await
    }
}

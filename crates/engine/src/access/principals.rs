//! Principals: made, changed and deleted by those who administer the whole deployment.

use super::{Access, Verb};
use crate::audit::Changed;
use crate::keys::new_uid;
use crate::{Engine, Error, Listed, Page, Permit, RequestKey, etag};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;
use waxseal_domain::caller::{Action, Credential};
use waxseal_domain::identity::Identity;
use waxseal_domain::limits::IDENTITIES;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::principal::Principal;
use waxseal_domain::uid::PrincipalUid;

/// What to create.
#[derive(Debug)]
pub struct CreatePrincipal {
    /// Its id.
    pub id: PrincipalId,
    /// For people.
    pub display_name: String,
    /// What it is known by.
    pub identities: Vec<Identity>,
    /// Whether nobody is let in as it.
    pub disabled: bool,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// What to change; what is none stays.
#[derive(Debug)]
pub struct UpdatePrincipal {
    /// Which.
    pub id: PrincipalId,
    /// For people.
    pub display_name: Option<String>,
    /// What it is known by.
    pub identities: Option<Vec<Identity>>,
    /// Whether nobody is let in as it.
    pub disabled: Option<bool>,
    /// What it must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// Which to delete.
#[derive(Debug)]
pub struct ChangePrincipal {
    /// Which.
    pub id: PrincipalId,
    /// What it must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Makes a principal, without any right.
    ///
    /// # Errors
    /// [`Error::PrincipalExists`], [`Error::IdentityTaken`], [`Error::InvalidField`].
    pub async fn create_principal(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreatePrincipal,
    ) -> Result<Principal, Error> {
        Ok(self.change_access(permit, new.request, new).await?.answer)
    }

    /// One principal.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`].
    pub async fn get_principal(
        &self,
        permit: Permit<'_>,
        id: &PrincipalId,
    ) -> Result<Principal, Error> {
        permit.check(Action::GetPrincipal)?;
        let row = self.store.snapshot().await?.principal(id).await?;
        self.read_principal(&row.ok_or(Error::PrincipalNotFound)?)
    }

    /// All principals, by id.
    ///
    /// # Errors
    /// Of the page wish.
    pub async fn list_principals(
        &self,
        permit: Permit<'_>,
        page: Page,
    ) -> Result<Listed<Principal>, Error> {
        const ACTION: Action = Action::ListPrincipals;
        permit.check(ACTION)?;
        let wanted = self.wanted(&page, &permit, ACTION, &[])?;
        let after = wanted.after.as_deref().map(PrincipalId::parse).transpose();
        let after = after.map_err(|_| Error::InvalidPageToken)?;
        let mut rows = self.store.snapshot().await?;
        let found = rows.principals(after.as_ref(), wanted.limit + 1).await?;
        let more = found.len() > wanted.limit;
        let read = found.iter().take(wanted.limit).map(|row| self.read_principal(row));
        let items = read.collect::<Result<Vec<_>, _>>()?;
        let last = items.last().filter(|_| more).map(|principal| principal.id.to_string());
        let next = self.next(last, &permit, ACTION, &[])?;
        Ok(Listed { items, next, total: rows.count_principals().await? })
    }

    /// Changes a principal. Who is disabled is let in no more, and their streams end.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`], [`Error::EtagMismatch`], [`Error::IdentityTaken`],
    /// [`Error::InvalidField`]; [`Error::PermissionDenied`] where the bearer of a token would give
    /// their own principal another identity.
    pub async fn update_principal(
        self: &Arc<Self>,
        permit: Permit<'_>,
        update: UpdatePrincipal,
    ) -> Result<Principal, Error> {
        Ok(self.change_access(permit, update.request, update).await?.answer)
    }

    /// Deletes a principal with its bindings and its tokens.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`], [`Error::EtagMismatch`].
    pub async fn delete_principal(
        self: &Arc<Self>,
        permit: Permit<'_>,
        delete: ChangePrincipal,
    ) -> Result<(), Error> {
        self.change_access(permit, delete.request, delete).await?;
        Ok(())
    }
}

#[async_trait]
impl Verb for CreatePrincipal {
    type Answer = Principal;
    const ACTION: Action = Action::CreatePrincipal;

    fn asked(&self) -> String {
        format!("principals/{}", self.id)
    }

    fn changed(&self, _answer: &Principal) -> Changed {
        Changed::principal(&self.id)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<Principal, Error> {
        if access.tx.principal(&self.id).await?.is_some() {
            return Err(Error::PrincipalExists);
        }
        let principal = Principal {
            uid: PrincipalUid::new(new_uid(access.now)?),
            id: self.id.clone(),
            display_name: self.display_name.clone(),
            identities: self.identities.clone(),
            disabled: self.disabled,
            bindings: Vec::new(),
            edition: 1,
            created: access.now,
            updated: access.now,
        };
        access.check_identities(&principal).await?;
        access.tx.insert_principal(&access.engine.principal_row(&principal)?).await?;
        Ok(principal)
    }
}

#[async_trait]
impl Verb for UpdatePrincipal {
    type Answer = Principal;
    const ACTION: Action = Action::UpdatePrincipal;

    fn asked(&self) -> String {
        format!("principals/{}", self.id)
    }

    fn changed(&self, _answer: &Principal) -> Changed {
        Changed::principal(&self.id)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<Principal, Error> {
        let before = access.principal(&self.id).await?;
        etag::check(self.etag.as_deref(), &etag::principal(&before))?;
        let mut principal = before.clone();
        if let Some(display_name) = &self.display_name {
            principal.display_name.clone_from(display_name);
        }
        if let Some(identities) = &self.identities {
            principal.identities.clone_from(identities);
        }
        principal.disabled = self.disabled.unwrap_or(before.disabled);
        if principal == before {
            return Ok(before);
        }
        if principal.identities != before.identities {
            // Else a token that leaked would outlive its own revocation.
            let caller = access.rights.caller;
            let own = caller.uid == principal.uid;
            if own && matches!(caller.credential, Credential::Token(_)) {
                return Err(Error::PermissionDenied);
            }
            access.check_identities(&principal).await?;
        }
        principal.edition += 1;
        principal.updated = access.now;
        access.put(&principal).await?;
        Ok(principal)
    }
}

#[async_trait]
impl Verb for ChangePrincipal {
    type Answer = ();
    const ACTION: Action = Action::DeletePrincipal;

    fn asked(&self) -> String {
        format!("principals/{}", self.id)
    }

    fn changed(&self, (): &()) -> Changed {
        Changed::principal(&self.id)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<(), Error> {
        let principal = access.principal(&self.id).await?;
        etag::check(self.etag.as_deref(), &etag::principal(&principal))?;
        Ok(access.tx.remove_principal(principal.uid).await?)
    }
}

impl Access<'_> {
    /// Refuses identities that are too many, that stand there twice, or that are another's.
    async fn check_identities(&mut self, principal: &Principal) -> Result<(), Error> {
        let identities = &principal.identities;
        let distinct: BTreeSet<_> = identities.iter().collect();
        if identities.len() > IDENTITIES || distinct.len() < identities.len() {
            let rule = format!("must be at most {IDENTITIES}, each of them once");
            return Err(Error::InvalidField { field: "principal.identities".to_owned(), rule });
        }
        for identity in identities {
            let known = self.tx.principal_known_by(&identity.key()).await?;
            if known.is_some_and(|known| known.uid != principal.uid) {
                return Err(Error::IdentityTaken);
            }
        }
        Ok(())
    }
}

//! API tokens of principals.

use super::{Access, Verb, hide};
use crate::audit::{Changed, Denied};
use crate::create_token::{Wish, check_life, check_reveal};
use crate::permit::Rights;
use crate::{Engine, Error, Listed, Page, Permit, RequestKey};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Credential, Role, Scope, ScopeName};
use waxseal_domain::name::{PrincipalId, principal};
use waxseal_domain::principal::ApiToken;
use waxseal_domain::time::Timestamp;
use waxseal_storage::Snapshot;
use zeroize::Zeroizing;

/// What token to make.
#[derive(Debug)]
pub struct CreateApiToken {
    /// Whose it is.
    pub principal: PrincipalId,
    /// What its bearer is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: ScopeName,
    /// Until when.
    pub expires: Timestamp,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// A token as it is shown: without what opens anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenState {
    /// Whose it is.
    pub principal: PrincipalId,
    /// The token.
    pub token: ApiToken,
    /// When it was last used, to the minute.
    pub used: Option<Timestamp>,
}

/// A token that was made.
pub struct NewApiToken {
    /// What it is.
    pub state: TokenState,
    /// The token itself, shown this once.
    pub token: Zeroizing<String>,
}

impl Engine {
    /// Makes a token of a principal.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`], [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`],
    /// [`Error::InvalidField`], [`Error::BindingMissing`]; [`Error::PermissionDenied`] where the
    /// bearer of a token would make one for themselves; [`Error::TokenShownOnce`] for a retry of a
    /// call that has made it.
    pub async fn create_api_token(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreateApiToken,
    ) -> Result<NewApiToken, Error> {
        permit.check(Action::CreateApiToken)?;
        check_life(self.clock.now(), new.expires)?;
        check_reveal(new.role, new.reveal)?;
        let scope = self.find_scope(&new.scope).await?;
        let request = new.request;
        let verb = Create { new, scope, made: None };
        let made = self.change_access(permit, request, verb).await?;
        match made.verb.made.filter(|_| !made.repeated) {
            Some(token) => Ok(NewApiToken { state: made.answer, token }),
            None => {
                let TokenState { principal, token, .. } = made.answer;
                let name = format!("principals/{principal}/tokens/{}", token.id);
                Err(Error::TokenShownOnce { name })
            }
        }
    }

    /// One token.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`] and [`Error::ApiTokenNotFound`] for those who administer the
    /// whole deployment, [`Error::PermissionDenied`] for others, also where it is out of their scope.
    pub async fn get_api_token(
        &self,
        permit: Permit<'_>,
        principal: &PrincipalId,
        id: &str,
    ) -> Result<TokenState, Error> {
        permit.check(Action::GetApiToken)?;
        let mut rows = self.store.snapshot().await?;
        let found = self.find_token(&mut *rows, permit.rights(), principal, id).await;
        if let Err(error) = &found {
            let asked = format!("principals/{principal}/tokens/{id}");
            let at = Denied { resource: Some(&asked), ..Denied::default() };
            self.denied(permit.caller, Action::GetApiToken, at, error);
        }
        Ok(found?.0)
    }

    /// Those of a principal's tokens that lie within the caller's scope, by their ids.
    ///
    /// # Errors
    /// [`Error::PrincipalNotFound`] for those who administer the whole deployment; of the page wish.
    pub async fn list_api_tokens(
        &self,
        permit: Permit<'_>,
        id: &PrincipalId,
        page: Page,
    ) -> Result<Listed<TokenState>, Error> {
        const ACTION: Action = Action::ListApiTokens;
        permit.check(ACTION)?;
        let arguments = [id.as_str()];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let mut rows = self.store.snapshot().await?;
        let mut seen = Vec::new();
        match rows.principal(id).await? {
            Some(row) => {
                let principal = self.read_principal(&row)?;
                for row in rows.tokens_of(principal.uid).await? {
                    let token = self.read_token(&row)?;
                    if permit.rights().cover(&token.scope) {
                        seen.push(TokenState { principal: id.clone(), token, used: row.used });
                    }
                }
            }
            None if permit.rights().is_everywhere() => return Err(Error::PrincipalNotFound),
            None => {}
        }
        let total = seen.len() as u64;
        let (items, last) = wanted.cut(seen, |state| state.token.id.clone());
        Ok(Listed { items, next: self.next(last, &permit, ACTION, &arguments)?, total })
    }

    /// Revokes a token, at once and for good. One that is revoked already stays as it is.
    ///
    /// # Errors
    /// Those of [`Self::get_api_token`]. A principal may revoke its own tokens.
    pub async fn revoke_api_token(
        self: &Arc<Self>,
        permit: Permit<'_>,
        principal: PrincipalId,
        id: String,
        request: Option<RequestKey>,
    ) -> Result<TokenState, Error> {
        Ok(self.change_access(permit, request, Revoke { principal, id }).await?.answer)
    }

    /// A token that the caller may see or that is their own, and the hash of its secret.
    async fn find_token(
        &self,
        rows: &mut dyn Snapshot,
        rights: Rights<'_>,
        id: &PrincipalId,
        token: &str,
    ) -> Result<(TokenState, [u8; 32]), Error> {
        let own = rights.caller.principal == principal(id);
        let hidden = |absent| if own { absent } else { hide(rights, absent) };
        let row = rows.principal(id).await?.ok_or_else(|| hidden(Error::PrincipalNotFound))?;
        let uid = self.read_principal(&row)?.uid;
        let row = rows.token(token).await?.filter(|row| row.principal == uid);
        let row = row.ok_or_else(|| hidden(Error::ApiTokenNotFound))?;
        let token = self.read_token(&row)?;
        if !(own || rights.cover(&token.scope)) {
            return Err(Error::PermissionDenied);
        }
        Ok((TokenState { principal: id.clone(), token, used: row.used }, row.hash))
    }
}

struct Create {
    new: CreateApiToken,
    scope: Scope,
    /// The token, once it is made; it is not kept for retries.
    made: Option<Zeroizing<String>>,
}

#[async_trait]
impl Verb for Create {
    type Answer = TokenState;
    const ACTION: Action = Action::CreateApiToken;
    // Nobody has seen the token: nothing that is known of it can be out of date.
    const RAISES: bool = false;

    fn asked(&self) -> String {
        format!("principals/{}/tokens", self.new.principal)
    }

    fn changed(&self, TokenState { principal, token, .. }: &TokenState) -> Changed {
        Changed::token(principal, token)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<TokenState, Error> {
        if !access.rights.cover(&self.scope) {
            return Err(Error::PermissionDenied);
        }
        let principal = access.principal(&self.new.principal).await?;
        let caller = access.rights.caller;
        // Else a token that leaked would outlive its own revocation.
        let own = caller.uid == principal.uid;
        if own && matches!(caller.credential, Credential::Token(_)) {
            return Err(Error::PermissionDenied);
        }
        let (role, reveal, scope) = (self.new.role, self.new.reveal, self.scope.clone());
        let (now, expires) = (access.now, self.new.expires);
        let covered = principal
            .bindings
            .iter()
            .any(|binding| binding.is_live(now) && binding.covers(role, reveal, &scope));
        if !covered {
            return Err(Error::BindingMissing);
        }
        let wish = Wish { role, reveal, scope, expires };
        let (token, made) = access.engine.add_token(&mut *access.tx, &principal, wish, now).await?;
        self.made = Some(made);
        Ok(TokenState { principal: principal.id, token, used: None })
    }
}

struct Revoke {
    principal: PrincipalId,
    id: String,
}

#[async_trait]
impl Verb for Revoke {
    type Answer = TokenState;
    const ACTION: Action = Action::RevokeApiToken;

    fn asked(&self) -> String {
        format!("principals/{}/tokens/{}", self.principal, self.id)
    }

    fn changed(&self, TokenState { principal, token, .. }: &TokenState) -> Changed {
        Changed::token(principal, token)
    }

    async fn apply(&mut self, access: &mut Access<'_>) -> Result<TokenState, Error> {
        let (engine, rights) = (access.engine, access.rights);
        let found = engine.find_token(&mut *access.tx, rights, &self.principal, &self.id);
        let (mut state, hash) = found.await?;
        if state.token.revoked.is_none() {
            state.token.revoked = Some(access.now);
            let row = engine.token_row(&state.token, hash, state.used)?;
            access.tx.update_token(&row).await?;
        }
        Ok(state)
    }
}

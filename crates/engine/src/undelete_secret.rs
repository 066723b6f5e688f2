//! Brings a deleted secret back, with its default and all its overrides.

use crate::change::{Change, Verb, Written};
use crate::delete_secret::{ChangeSecret, put};
use crate::{Engine, Error, Permit, SecretState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::SecretName;
use waxseal_domain::secret::Secret;

impl Engine {
    /// Brings a deleted secret back.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], also when the time to undo is over;
    /// [`Error::SecretNotDeleted`], [`Error::EtagMismatch`], [`Error::ViewTooLarge`].
    pub async fn undelete_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        undelete: ChangeSecret,
    ) -> Result<Written<SecretState>, Error> {
        let ChangeSecret { project, name, etag, request } = undelete;
        self.change(permit, Some(project), request, Undelete { name, etag }).await
    }
}

struct Undelete {
    name: SecretName,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Undelete {
    type Answer = SecretState;
    const ACTION: Action = Action::UndeleteSecret;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretState, Error> {
        let before = change.catalogue().await?.secret(&self.name)?.clone();
        etag::check(self.etag.as_deref(), &etag::secret(&before))?;
        let deletion = before.deletion.ok_or(Error::SecretNotDeleted)?;
        if deletion.purge <= change.now {
            return Err(Error::SecretNotFound(crate::Offenders::one(&self.name)));
        }
        let state = put(change, Secret { deletion: None, ..before }).await?;
        change.check_views().await?;
        Ok(state)
    }
}

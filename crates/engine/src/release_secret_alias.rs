//! Lets go of a name that a secret had: it no longer resolves, and may be given anew.

use crate::change::{Change, Subject, Verb, Written};
use crate::{Engine, Error, Permit, RequestKey, SecretState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::secret::Secret;

/// Which name to let go of.
#[derive(Debug)]
pub struct ReleaseSecretAlias {
    /// In which project.
    pub project: ProjectId,
    /// The secret's present name.
    pub name: SecretName,
    /// The name that it had.
    pub alias: SecretName,
    /// What the secret's metadata must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Releases an alias.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EtagMismatch`],
    /// [`Error::AliasNotFound`].
    pub async fn release_secret_alias(
        self: &Arc<Self>,
        permit: Permit<'_>,
        release: ReleaseSecretAlias,
    ) -> Result<Written<SecretState>, Error> {
        let ReleaseSecretAlias { project, name, alias, etag, request } = release;
        self.change(permit, Some(project), request, Release { name, alias, etag }).await
    }
}

struct Release {
    name: SecretName,
    alias: SecretName,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Release {
    type Answer = SecretState;
    const ACTION: Action = Action::ReleaseSecretAlias;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretState, Error> {
        let catalogue = change.catalogue().await?;
        let before = catalogue.secret(&self.name)?.clone();
        etag::check(self.etag.as_deref(), &etag::secret(&before))?;
        if before.deletion.is_some() {
            return Err(Error::SecretDeleted);
        }
        if !catalogue.aliases_of(before.uid).contains(&self.alias) {
            return Err(Error::AliasNotFound);
        }
        change.about(Subject { secret: Some(before.uid), ..Subject::default() });
        change.remove_alias(&self.alias).await?;
        let after = Secret { edition: before.edition + 1, updated: change.now, ..before };
        change.put_secret(&after).await?;
        SecretState::after(change, after).await
    }
}

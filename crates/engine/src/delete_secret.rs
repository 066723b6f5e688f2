//! Deleting is soft: default and all overrides stop resolving at once, and can be brought back
//! until the secret is purged.

use crate::change::{Change, Subject, Touches, Verb, Written};
use crate::{Engine, Error, Permit, RequestKey, SecretState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::secret::{Deletion, Secret};

/// Which secret to delete or to bring back.
#[derive(Debug)]
pub struct ChangeSecret {
    /// In which project.
    pub project: ProjectId,
    /// Which secret.
    pub name: SecretName,
    /// What the secret's metadata must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Deletes a secret.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EtagMismatch`],
    /// [`Error::EnvironmentProtected`].
    pub async fn delete_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        delete: ChangeSecret,
    ) -> Result<Written<SecretState>, Error> {
        let ChangeSecret { project, name, etag, request } = delete;
        self.change(permit, Some(project), request, Delete { name, etag }).await
    }
}

struct Delete {
    name: SecretName,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Delete {
    type Answer = SecretState;
    const ACTION: Action = Action::DeleteSecret;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretState, Error> {
        let before = change.catalogue().await?.secret(&self.name)?.clone();
        etag::check(self.etag.as_deref(), &etag::secret(&before))?;
        if before.deletion.is_some() {
            return Err(Error::SecretDeleted);
        }
        change.check_protection(before.uid, Touches::Everything).await?;
        let purge = change.now.after(change.engine.quotas.retention);
        let deletion = Some(Deletion { deleted: change.now, purge });
        put(change, Secret { deletion, ..before }).await
    }
}

/// Writes a secret whose deletion has changed; every view could tell.
pub(crate) async fn put(change: &mut Change<'_>, secret: Secret) -> Result<SecretState, Error> {
    let secret = Secret { edition: secret.edition + 1, updated: change.now, ..secret };
    change.about(Subject { secret: Some(secret.uid), ..Subject::default() });
    change.put_secret(&secret).await?;
    change.touch_all()?;
    SecretState::after(change, secret).await
}

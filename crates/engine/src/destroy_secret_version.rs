//! Destroys one version's record and data key for good. The current one stays.

use crate::change::{Change, Subject, Verb, Written};
use crate::rollback_secret_value::ChangeVersion;
use crate::{Engine, Error, Permit, SlotState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::SecretName;
use waxseal_domain::slot::Slot;

impl Engine {
    /// Destroys a version that is not the current one.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::EnvironmentNotFound`], [`Error::EtagMismatch`],
    /// [`Error::VersionNotFound`], [`Error::VersionIsCurrent`], [`Error::VersionDestroyed`].
    pub async fn destroy_secret_version(
        self: &Arc<Self>,
        permit: Permit<'_>,
        destroy: ChangeVersion,
    ) -> Result<Written<()>, Error> {
        let ChangeVersion { project, name, slot, version, etag, request } = destroy;
        self.change(permit, Some(project), request, Destroy { name, slot, version, etag }).await
    }
}

struct Destroy {
    name: SecretName,
    slot: Slot,
    version: u64,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Destroy {
    type Answer = ();
    const ACTION: Action = Action::DestroySecretVersion;
    const REMOVES: bool = true;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<(), Error> {
        let place = change.project()?.place(&self.slot)?;
        let secret = change.catalogue().await?.standing(&self.name)?.uid;
        let slot = change.slot(secret, place).await?;
        etag::check(self.etag.as_deref(), &SlotState::of(secret, place, slot.as_ref()).etag)?;
        let row = change.value(secret, place, self.version).await?;
        let row = row.ok_or(Error::VersionNotFound)?;
        let slot = slot.ok_or(Error::VersionNotFound)?;
        if slot.current == self.version {
            return Err(Error::VersionIsCurrent);
        }
        if row.destroyed {
            return Err(Error::VersionDestroyed);
        }
        change.about(Subject { version: Some(self.version), ..Subject::slot(secret, place) });
        change.destroy(slot, row).await
    }
}

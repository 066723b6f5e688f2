//! Rolling back moves the slot's pointer. Nothing is opened, so it works for restricted secrets
//! and on a host that could not open them.

use crate::change::{Change, Subject, Touches, Verb, Written};
use crate::{Engine, Error, Offenders, Permit, RequestKey, SlotState, ValueWritten, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::slot::Slot;

/// Which version of which slot.
#[derive(Debug)]
pub struct ChangeVersion {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// In which slot.
    pub slot: Slot,
    /// Its number.
    pub version: u64,
    /// What the slot must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Makes an older version current again.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EnvironmentNotFound`],
    /// [`Error::EtagMismatch`], [`Error::VersionNotFound`], [`Error::VersionDestroyed`],
    /// [`Error::SecretUnset`] for a version that was made by clearing,
    /// [`Error::EnvironmentProtected`], [`Error::ViewTooLarge`].
    pub async fn rollback_secret_value(
        self: &Arc<Self>,
        permit: Permit<'_>,
        rollback: ChangeVersion,
    ) -> Result<Written<ValueWritten>, Error> {
        let ChangeVersion { project, name, slot, version, etag, request } = rollback;
        self.change(permit, Some(project), request, Rollback { name, slot, version, etag }).await
    }
}

struct Rollback {
    name: SecretName,
    slot: Slot,
    version: u64,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Rollback {
    type Answer = ValueWritten;
    const ACTION: Action = Action::RollbackSecretValue;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<ValueWritten, Error> {
        let place = change.project()?.place(&self.slot)?;
        let secret = change.catalogue().await?.standing(&self.name)?.uid;
        let before = change.slot(secret, place).await?;
        etag::check(self.etag.as_deref(), &SlotState::of(secret, place, before.as_ref()).etag)?;
        let before = before.ok_or(Error::VersionNotFound)?;
        let row = change.value(secret, place, self.version).await?;
        let row = row.ok_or(Error::VersionNotFound)?;
        if row.destroyed {
            return Err(Error::VersionDestroyed);
        }
        if row.sealed.is_none() {
            return Err(Error::SecretUnset(Offenders::one(&self.name)));
        }
        change.check_protection(secret, Touches::Slot(place)).await?;
        change.about(Subject { version: Some(self.version), ..Subject::slot(secret, place) });
        let after = if before.current == self.version {
            before
        } else {
            change.point_slot(before, &row).await?
        };
        change.check_views().await?;
        let SlotState { version, etag, .. } = SlotState::of(secret, place, Some(&after));
        Ok(ValueWritten { version, etag, warnings: Vec::new() })
    }
}

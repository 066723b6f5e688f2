//! Clearing makes a new, empty version: what was there is kept, and no longer resolves.

use crate::change::{Change, Subject, Touches, Verb, Written};
use crate::manifest::is_set;
use crate::{Engine, Error, Offenders, Permit, RequestKey, SlotState, ValueWritten, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::slot::Slot;
use waxseal_domain::uid::ValueUid;

/// Which slot to clear.
#[derive(Debug)]
pub struct ClearSecretValue {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// Which slot.
    pub slot: Slot,
    /// What the slot must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Clears a slot.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EnvironmentNotFound`],
    /// [`Error::EtagMismatch`], [`Error::SecretUnset`] where nothing is set,
    /// [`Error::EnvironmentProtected`], [`Error::ViewTooLarge`] where a longer default comes to
    /// light.
    pub async fn clear_secret_value(
        self: &Arc<Self>,
        permit: Permit<'_>,
        clear: ClearSecretValue,
    ) -> Result<Written<ValueWritten>, Error> {
        let ClearSecretValue { project, name, slot, etag, request } = clear;
        self.change(permit, Some(project), request, Clear { name, slot, etag }).await
    }
}

struct Clear {
    name: SecretName,
    slot: Slot,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Clear {
    type Answer = ValueWritten;
    const ACTION: Action = Action::ClearSecretValue;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<ValueWritten, Error> {
        let place = change.project()?.place(&self.slot)?;
        let secret = change.catalogue().await?.standing(&self.name)?.clone();
        let before = change.slot(secret.uid, place).await?;
        etag::check(self.etag.as_deref(), &SlotState::of(secret.uid, place, before.as_ref()).etag)?;
        if !before.as_ref().is_some_and(is_set) {
            return Err(Error::SecretUnset(Offenders::one(&self.name)));
        }
        change.check_protection(secret.uid, Touches::Slot(place)).await?;
        change.about(Subject::slot(secret.uid, place));
        let mut random = [0; 16];
        waxseal_envelope::fill_random(&mut random)?;
        let after =
            change.write_slot(secret.uid, place, ValueUid::from_bytes(random), None).await?;
        change.check_views().await?;
        let SlotState { version, etag, .. } = SlotState::of(secret.uid, place, Some(&after));
        Ok(ValueWritten { version, etag, warnings: Vec::new() })
    }
}

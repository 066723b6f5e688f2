//! Every write to a slot makes a new version; older ones are kept.

use crate::change::{Change, Subject, Touches, Verb, Written};
use crate::keys::SealedValue;
use crate::{Engine, Error, Offenders, Permit, RequestKey, SlotState, etag};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::slot::Slot;
use waxseal_domain::value::{SecretValue, Warning};

/// What to write, and where.
#[derive(Debug)]
pub struct SetSecretValue {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// In which slot.
    pub slot: Slot,
    /// The value.
    pub value: SecretValue,
    /// What the slot must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// What became of a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueWritten {
    /// The number of the new version.
    pub version: u64,
    /// The slot's new etag.
    pub etag: String,
    /// About the value.
    pub warnings: Vec<Warning>,
}

impl Engine {
    /// Sets the value of a slot.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EnvironmentNotFound`],
    /// [`Error::EtagMismatch`], [`Error::EnvironmentProtected`], [`Error::ViewTooLarge`].
    pub async fn set_secret_value(
        self: &Arc<Self>,
        permit: Permit<'_>,
        set: SetSecretValue,
    ) -> Result<Written<ValueWritten>, Error> {
        let SetSecretValue { project, name, slot, value, etag, request } = set;
        let verb = Set { project: project.clone(), name, slot, value, etag, sealed: None };
        self.change(permit, Some(project), request, verb).await
    }
}

struct Set {
    project: ProjectId,
    name: SecretName,
    slot: Slot,
    value: SecretValue,
    etag: Option<String>,
    sealed: Option<SealedValue>,
}

#[async_trait]
impl Verb for Set {
    type Answer = ValueWritten;
    const ACTION: Action = Action::SetSecretValue;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        let values = [(&self.name, &self.value)];
        self.sealed = engine.seal_all(&self.project, &self.slot, &values).await?.pop();
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<ValueWritten, Error> {
        let sealed = self.sealed.take().ok_or(Error::Conflict)?;
        let written = write(change, &self.name, &self.slot, self.etag.as_deref(), sealed).await?;
        change.check_grown_views().await?;
        let (SlotState { version, etag, .. }, warnings) = (written, self.value.warnings());
        Ok(ValueWritten { version, etag, warnings })
    }
}

impl Engine {
    /// Seals values for one slot of each of these secrets, as they are now; that they still are
    /// is checked under the lock.
    pub(crate) async fn seal_all(
        &self,
        project: &ProjectId,
        slot: &Slot,
        values: &[(&SecretName, &SecretValue)],
    ) -> Result<Vec<SealedValue>, Error> {
        let (mut rows, project) = self.read(project).await?;
        let place = project.place(slot)?;
        let catalogue = project.catalogue(&mut *rows).await?;
        drop(rows);
        let unknown = Offenders::of(
            values.iter().map(|(name, _)| *name).filter(|name| catalogue.secret(name).is_err()),
        );
        if unknown.total > 0 {
            return Err(Error::SecretNotFound(unknown));
        }
        let mut sealed = Vec::with_capacity(values.len());
        for (name, value) in values {
            let secret = catalogue.standing(name)?;
            sealed.push(
                self.keys.seal(&project.row, secret.uid, place, secret.visibility, value).await?,
            );
        }
        Ok(sealed)
    }
}

/// Writes a sealed value into a slot, if it was sealed for what is there.
pub(crate) async fn write(
    change: &mut Change<'_>,
    name: &SecretName,
    slot: &Slot,
    etag: Option<&str>,
    sealed: SealedValue,
) -> Result<SlotState, Error> {
    let place = change.project()?.place(slot)?;
    let secret = change.catalogue().await?.standing(name)?.clone();
    let fits = sealed.secret == secret.uid
        && sealed.place == place
        && sealed.visibility == secret.visibility;
    if !fits {
        return Err(Error::Conflict);
    }
    let before = change.slot(secret.uid, place).await?;
    etag::check(etag, &SlotState::of(secret.uid, place, before.as_ref()).etag)?;
    change.check_protection(secret.uid, Touches::Slot(place)).await?;
    change.about(Subject::slot(secret.uid, place));
    let after = change.write_slot(secret.uid, place, sealed.uid, Some(sealed.sealed)).await?;
    change.weigh(&secret, before.as_ref(), &after);
    Ok(SlotState::of(secret.uid, place, Some(&after)))
}

//! A secret's metadata; and the ratchet, masked to restricted.

use crate::change::{Change, Subject, Verb, Written};
use crate::keys::SealedValue;
use crate::{Engine, Error, Permit, RequestKey, SecretState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{SecretUid, ValueUid};
use waxseal_storage::ValueRow;

/// What to change; `None` stays as it is.
#[derive(Debug)]
pub struct UpdateSecret {
    /// In which project.
    pub project: ProjectId,
    /// Which secret.
    pub name: SecretName,
    /// For people.
    pub description: Option<String>,
    /// Masked may become restricted, never the other way.
    pub visibility: Option<Visibility>,
    /// What the secret's metadata must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Changes a secret's metadata.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EtagMismatch`],
    /// [`Error::VisibilityRatchet`].
    pub async fn update_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        update: UpdateSecret,
    ) -> Result<Written<SecretState>, Error> {
        let (project, request) = (update.project.clone(), update.request);
        self.change(permit, Some(project), request, Update { update, resealed: None }).await
    }
}

struct Update {
    update: UpdateSecret,
    resealed: Option<Resealed>,
}

/// Every kept version of a secret, sealed anew as restricted.
struct Resealed {
    secret: SecretUid,
    values: Vec<(u64, SealedValue)>,
}

#[async_trait]
impl Verb for Update {
    type Answer = SecretState;
    const ACTION: Action = Action::UpdateSecret;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        self.resealed = match self.update.visibility {
            Some(Visibility::Restricted) => engine.reseal(&self.update).await?,
            _ => None,
        };
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretState, Error> {
        let UpdateSecret { project: _, name, description, visibility, etag, request: _ } =
            &self.update;
        let before = change.catalogue().await?.secret(name)?.clone();
        etag::check(etag.as_deref(), &etag::secret(&before))?;
        if before.deletion.is_some() {
            return Err(Error::SecretDeleted);
        }
        let visibility = visibility.unwrap_or(before.visibility);
        if !before.visibility.may_become(visibility) {
            return Err(Error::VisibilityRatchet);
        }
        change.about(Subject { secret: Some(before.uid), ..Subject::default() });
        if visibility != before.visibility {
            swap(change, before.uid, self.resealed.take()).await?;
        }
        let description = description.clone().unwrap_or_else(|| before.description.clone());
        let mut after = Secret { visibility, description, ..before.clone() };
        if after != before {
            after.edition += 1;
            after.updated = change.now;
            change.put_secret(&after).await?;
        }
        SecretState::after(change, after).await
    }
}

impl Engine {
    /// Opens every kept version of a masked secret and seals it anew, before the project is
    /// locked. `None` where there is nothing to do; the verb finds out why under the lock.
    async fn reseal(&self, update: &UpdateSecret) -> Result<Option<Resealed>, Error> {
        let (mut rows, project) = self.read(&update.project).await?;
        let catalogue = project.catalogue(&mut *rows).await?;
        let secret = match catalogue.standing(&update.name) {
            Ok(secret) if secret.visibility == Visibility::Masked => secret,
            _ => return Ok(None),
        };
        let mut slots = catalogue.defaults.clone();
        for environment in &project.environments {
            for stage in Stage::ALL {
                slots.extend(project.overrides(&mut *rows, environment, stage).await?);
            }
        }
        slots.retain(|slot| slot.secret == secret.uid);
        let kept = rows.values_of(secret.uid).await?;
        drop(rows);
        let rows = kept;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows.iter().filter(|row| row.sealed.is_some()) {
            let slot = slots.iter().find(|slot| slot.place == row.place).ok_or(Error::Conflict)?;
            project.vouch(slot, row)?;
            let (project, uid) = (&project.row, secret.uid);
            let value = self.keys.open(project.project.uid, Visibility::Masked, row).await?;
            let sealed = self
                .keys
                .seal_as(project, uid, row.place, Visibility::Restricted, row.uid, &value)
                .await?;
            values.push((row.version, sealed));
        }
        Ok(Some(Resealed { secret: secret.uid, values }))
    }
}

/// Puts the new records in place of the old ones, all at once, if they are still of the same
/// versions.
async fn swap(
    change: &mut Change<'_>,
    secret: SecretUid,
    resealed: Option<Resealed>,
) -> Result<(), Error> {
    let resealed = resealed.filter(|made| made.secret == secret).ok_or(Error::Conflict)?;
    let standing = identities(&change.values_of(secret).await?);
    let mut made: Vec<_> =
        resealed.values.iter().map(|(version, value)| (value.place, *version, value.uid)).collect();
    made.sort_unstable();
    if made != standing {
        return Err(Error::Conflict);
    }
    for (version, value) in &resealed.values {
        change.reseal(*version, value).await?;
    }
    change.touch_all()
}

fn identities(rows: &[ValueRow]) -> Vec<(Place, u64, ValueUid)> {
    let mut identities: Vec<_> = rows
        .iter()
        .filter(|row| row.sealed.is_some())
        .map(|row| (row.place, row.version, row.uid))
        .collect();
    identities.sort_unstable();
    identities
}

//! A secret begins with a name and a visibility; without a value it is a placeholder.

use crate::change::{Change, Subject, Verb, Written};
use crate::keys::{SealedValue, new_uid};
use crate::manifest::Holder;
use crate::{Engine, Error, Permit, RequestKey, SecretState};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_domain::value::{SecretValue, Warning};

/// What to create.
#[derive(Debug)]
pub struct CreateSecret {
    /// In which project.
    pub project: ProjectId,
    /// Its name.
    pub name: SecretName,
    /// Who may read its values.
    pub visibility: Visibility,
    /// For people.
    pub description: String,
    /// The value of the default slot.
    pub value: Option<SecretValue>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// A new secret, and what its owner should know about the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretCreated {
    /// The secret.
    pub secret: SecretState,
    /// About the value.
    pub warnings: Vec<Warning>,
}

impl Engine {
    /// Creates a secret.
    ///
    /// # Errors
    /// [`Error::SecretExists`], [`Error::NameHeldByDeleted`], [`Error::SecretLimit`],
    /// [`Error::ViewTooLarge`].
    pub async fn create_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreateSecret,
    ) -> Result<Written<SecretCreated>, Error> {
        let (project, request) = (new.project.clone(), new.request);
        self.change(permit, Some(project), request, Create { new, prepared: None }).await
    }
}

struct Create {
    new: CreateSecret,
    prepared: Option<(SecretUid, Option<SealedValue>)>,
}

#[async_trait]
impl Verb for Create {
    type Answer = SecretCreated;
    const ACTION: Action = Action::CreateSecret;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        let new = &self.new;
        let project = engine.read(&new.project).await?.1.row;
        let uid = SecretUid::new(new_uid(engine.clock.now())?);
        let sealed = match &new.value {
            Some(value) => {
                let place = Place::Default;
                Some(engine.keys.seal(&project, uid, place, new.visibility, value).await?)
            }
            None => None,
        };
        self.prepared = Some((uid, sealed));
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretCreated, Error> {
        let (uid, sealed) = self.prepared.take().ok_or(Error::Conflict)?;
        let Self { new, prepared: _ } = self;
        let description = new.description.clone();
        let secret = add(change, uid, &new.name, new.visibility, description).await?;
        if let Some(sealed) = sealed {
            change.write_slot(uid, Place::Default, sealed.uid, Some(sealed.sealed)).await?;
        }
        change.check_views().await?;
        let warnings = new.value.as_ref().map(SecretValue::warnings).unwrap_or_default();
        Ok(SecretCreated { secret: SecretState::after(change, secret).await?, warnings })
    }
}

/// Adds a secret without a value where there is room for it. Deleted secrets count and hold their
/// names until they are purged, and names that secrets had are reserved.
pub(crate) async fn add(
    change: &mut Change<'_>,
    uid: SecretUid,
    name: &SecretName,
    visibility: Visibility,
    description: String,
) -> Result<Secret, Error> {
    let limit = change.engine.quotas.secrets;
    let catalogue = change.catalogue().await?;
    match catalogue.holder(name) {
        Some(Holder::Name(other)) if other.deletion.is_some() => {
            return Err(Error::NameHeldByDeleted);
        }
        Some(Holder::Name(_)) => return Err(Error::SecretExists),
        Some(Holder::Alias(_)) => return Err(Error::NameHeldByAlias),
        None if catalogue.secrets.len() >= limit => return Err(Error::SecretLimit { limit }),
        None => {}
    }
    let secret = Secret {
        uid,
        name: name.clone(),
        visibility,
        description,
        edition: 1,
        created: change.now,
        updated: change.now,
        deletion: None,
    };
    change.about(Subject::slot(uid, Place::Default));
    change.add_secret(secret.clone()).await?;
    Ok(secret)
}

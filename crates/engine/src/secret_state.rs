//! A secret as its methods answer with it.

use crate::change::Change;
use crate::manifest::is_set;
use crate::{Error, etag};
use serde::{Deserialize, Serialize};
use waxseal_domain::name::SecretName;
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_storage::{AliasRow, SlotRow};

/// A secret's metadata and the state of its default slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretState {
    /// The metadata.
    pub secret: Secret,
    /// Names that it had, and still answers to.
    pub aliases: Vec<SecretName>,
    /// The default slot.
    pub default: SlotState,
    /// Whether the environment and stage that were asked about override it; `None` if none were.
    pub has_override: Option<bool>,
}

/// What can be told of a slot without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotState {
    /// The number of the current version; 0 if the slot was never written.
    pub version: u64,
    /// Whether it holds a value.
    pub set: bool,
    /// The slot's etag; there is one before the first write too.
    pub etag: String,
}

impl SlotState {
    pub(crate) fn of(secret: SecretUid, place: Place, slot: Option<&SlotRow>) -> Self {
        Self {
            version: slot.map_or(0, |slot| slot.current),
            set: slot.is_some_and(is_set),
            etag: etag::slot(secret, place, slot.map_or(0, |slot| slot.edition)),
        }
    }
}

impl SecretState {
    pub(crate) fn of(secret: Secret, default: Option<&SlotRow>, aliases: &[AliasRow]) -> Self {
        let default = SlotState::of(secret.uid, Place::Default, default);
        let own = aliases.iter().filter(|alias| alias.secret == secret.uid);
        let mut aliases: Vec<_> = own.map(|alias| alias.name.clone()).collect();
        aliases.sort();
        Self { secret, aliases, default, has_override: None }
    }

    /// A secret as a change leaves it.
    pub(crate) async fn after(change: &mut Change<'_>, secret: Secret) -> Result<Self, Error> {
        let slot = change.slot(secret.uid, Place::Default).await?;
        let aliases = &change.catalogue().await?.aliases;
        Ok(Self::of(secret, slot.as_ref(), aliases))
    }
}

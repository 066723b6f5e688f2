//! A secret as its methods answer with it.

use crate::etag;
use crate::manifest::is_set;
use serde::{Deserialize, Serialize};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_storage::SlotRow;

/// A secret's metadata and the state of its default slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretState {
    /// The metadata.
    pub secret: Secret,
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
    pub(crate) fn of(secret: Secret, default: Option<&SlotRow>) -> Self {
        let default = SlotState::of(secret.uid, Place::Default, default);
        Self { secret, default, has_override: None }
    }
}

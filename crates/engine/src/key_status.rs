//! Which wrapping keys are in use.

use crate::{Engine, Error, Permit};
use waxseal_domain::caller::Action;
use waxseal_kms::Health;

/// The wrapping keys in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The wrapping key that new data keys are wrapped under.
    pub active: String,
    /// Whether it can be used, as far as was seen lately.
    pub health: Health,
    /// How many data keys are under each wrapping key, in the order of their ids; the active one is
    /// there in any case.
    pub keys: Vec<(String, u64)>,
}

impl KeyStatus {
    /// Data keys that are not under the active wrapping key.
    #[must_use]
    pub fn due(&self) -> u64 {
        let others = self.keys.iter().filter(|(key_id, _)| *key_id != self.active);
        others.map(|(_, count)| count).sum()
    }
}

impl Engine {
    /// Says which wrapping keys are in use.
    ///
    /// # Errors
    /// Of the store.
    pub async fn key_status(&self, permit: Permit<'_>) -> Result<KeyStatus, Error> {
        permit.check(Action::GetKeyStatus)?;
        self.local_key_status().await
    }

    /// [`Self::key_status`] for whoever may read the key file: no caller of the service.
    ///
    /// # Errors
    /// Of the store.
    pub async fn local_key_status(&self) -> Result<KeyStatus, Error> {
        let active = self.keys.provider().active_key_id();
        let mut keys = self.store.snapshot().await?.count_keys().await?;
        if !keys.iter().any(|(key_id, _)| *key_id == active) {
            keys.push((active.clone(), 0));
        }
        keys.sort();
        Ok(KeyStatus { active, health: self.keys.provider().health().now(), keys })
    }
}

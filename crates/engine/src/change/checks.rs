//! What a change must not do: alter what a protected live view resolves, or make a view too
//! large to be sent.

use super::Change;
use crate::Error;
use crate::manifest::{by_secret, is_set};
use std::collections::{BTreeMap, HashMap};
use waxseal_domain::environment::{Fallback, Stage};
use waxseal_domain::limits::VIEW_BYTES;
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_domain::view::{Effective, Origin, effective, encoded_unset, encoded_value};
use waxseal_envelope::OVERHEAD;
use waxseal_storage::SlotRow;

/// What of a secret a change touches.
#[derive(Clone, Copy)]
pub(crate) enum Touches {
    /// One slot.
    Slot(Place),
    /// All of them.
    Everything,
}

impl Change<'_> {
    /// Refuses a change to what the live view of a protected environment resolves, unless an
    /// admin makes it. An override there is refused also where nothing resolves yet: whoever
    /// protects a live stage means all of its slots.
    pub(crate) async fn check_protection(
        &mut self,
        secret: SecretUid,
        places: Touches,
    ) -> Result<(), Error> {
        if self.rights.may_change_protected() {
            return Ok(());
        }
        let protected: Vec<_> = self
            .project()?
            .environments
            .iter()
            .filter(|row| row.environment.settings.protected)
            .map(|row| (row.environment.uid, row.environment.settings.fallback))
            .collect();
        for (environment, fallback) in protected {
            let live = Place::Override(environment, Stage::Live);
            let over = self.slot(secret, live).await?.filter(is_set);
            let default = self.slot(secret, Place::Default).await?.filter(is_set);
            let resolves = effective(fallback, default, over);
            let refused = match places {
                Touches::Slot(place) if place == live => true,
                Touches::Slot(Place::Default) => {
                    matches!(resolves, Effective::Value(Origin::Default, _))
                }
                Touches::Slot(Place::Override(..)) => false,
                Touches::Everything => matches!(resolves, Effective::Value(..)),
            };
            if refused {
                return Err(Error::EnvironmentProtected);
            }
        }
        Ok(())
    }

    /// Remembers whether a value that was written takes more room in a view than the one before.
    pub(crate) fn weigh(&mut self, secret: &Secret, before: Option<&SlotRow>, after: &SlotRow) {
        let room = |slot: &SlotRow| encoded_value(&secret.name, length(slot), slot.current);
        let before = before.filter(|slot| is_set(slot));
        self.grown |= before.is_none_or(|before| room(after) > room(before));
    }

    /// [`Self::check_views`] of a change that writes values and does nothing else. Where none of
    /// them takes more room than the one before, no view does, and the project's slots need not be
    /// read for it.
    pub(crate) async fn check_grown_views(&mut self) -> Result<(), Error> {
        if self.grown { self.check_views().await } else { Ok(()) }
    }

    /// Refuses a change that makes any view too large to be sent.
    pub(crate) async fn check_views(&mut self) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        let slots = self.tx.all_slots(project).await?;
        let mut by_place: BTreeMap<Place, Vec<SlotRow>> = BTreeMap::new();
        for slot in slots.into_iter().filter(is_set) {
            by_place.entry(slot.place).or_default().push(slot);
        }
        let none = Vec::new();
        let defaults = by_secret(by_place.get(&Place::Default).unwrap_or(&none));
        self.catalogue().await?;
        let secrets = self.catalogue.as_ref().map_or(&[][..], |catalogue| &catalogue.secrets);
        for row in &self.project()?.environments {
            for stage in Stage::ALL {
                let place = Place::Override(row.environment.uid, stage);
                let overrides = by_secret(by_place.get(&place).unwrap_or(&none));
                let fallback = row.environment.settings.fallback;
                let size: u64 = secrets
                    .iter()
                    .filter(|secret| secret.deletion.is_none())
                    .map(|secret| {
                        let slot = |slots: &HashMap<_, &SlotRow>| {
                            slots.get(&secret.uid).map(|slot| (slot.current, length(slot)))
                        };
                        encoded(secret, fallback, slot(&defaults), slot(&overrides))
                    })
                    .sum();
                if size > VIEW_BYTES {
                    return Err(Error::ViewTooLarge);
                }
            }
        }
        Ok(())
    }
}

/// Bytes of a slot's value, told from the length of its record.
fn length(slot: &SlotRow) -> u64 {
    let sealed = slot.value.and_then(|value| value.sealed).map_or(0, |(_, length)| length);
    sealed.saturating_sub(OVERHEAD as u64)
}

/// Bytes that a secret takes in a view, from version and length in each slot.
fn encoded(
    secret: &Secret,
    fallback: Fallback,
    default: Option<(u64, u64)>,
    over: Option<(u64, u64)>,
) -> u64 {
    match effective(fallback, default, over) {
        Effective::Value(_, (version, length)) => encoded_value(&secret.name, length, version),
        Effective::Unset(_) => encoded_unset(&secret.name),
    }
}

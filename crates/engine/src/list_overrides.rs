//! The overrides that one environment sets in one stage.

use crate::manifest::{by_secret, is_set};
use crate::projects::standing;
use crate::{Engine, Error, Listed, Page, Permit, etag};
use serde::{Deserialize, Serialize};
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_storage::SlotRow;

/// An override that holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideState {
    /// The secret.
    pub name: SecretName,
    /// The stage.
    pub stage: Stage,
    /// The number of the current version.
    pub version: u64,
    /// When the slot last changed.
    pub updated: Timestamp,
    /// The slot's etag.
    pub etag: String,
}

impl OverrideState {
    pub(crate) fn of(name: &SecretName, stage: Stage, slot: &SlotRow) -> Self {
        Self {
            name: name.clone(),
            stage,
            version: slot.current,
            updated: slot.updated,
            etag: etag::slot(slot.secret, slot.place, slot.edition),
        }
    }
}

impl Engine {
    /// The overrides of one environment and stage, by name regardless of case.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`], and of the page wish.
    pub async fn list_overrides(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
        environment: &EnvironmentId,
        stage: Stage,
        page: Page,
    ) -> Result<Listed<OverrideState>, Error> {
        const ACTION: Action = Action::ListOverrides;
        permit.check(ACTION)?;
        let arguments = [project.as_str(), environment.as_str(), stage.as_str()];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let mut rows = self.store.snapshot().await?;
        let uid = standing(&mut *rows, project).await?.uid;
        let environments = rows.environments(uid).await?;
        let row = environments.iter().find(|row| row.environment.id == *environment);
        let place = Place::Override(row.ok_or(Error::EnvironmentNotFound)?.environment.uid, stage);
        let slots = rows.slots(uid, place).await?;
        let slots = by_secret(&slots);
        let secrets = rows.secrets(uid).await?;
        let all: Vec<_> = secrets
            .iter()
            .filter(|secret| secret.deletion.is_none())
            .filter_map(|secret| {
                let slot = slots.get(&secret.uid).filter(|slot| is_set(slot))?;
                Some(OverrideState::of(&secret.name, stage, slot))
            })
            .collect();
        let total = all.len() as u64;
        let (items, last) = wanted.cut(all, |state| state.name.folded());
        let next = self.next(last, &permit, ACTION, &arguments)?;
        Ok(Listed { items, next, total })
    }
}

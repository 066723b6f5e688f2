//! The kept versions of a slot, without their values.

use crate::projects::standing;
use crate::{Engine, Error, Listed, Offenders, Page, Permit, SlotState};
use waxseal_domain::caller::Action;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::slot::{Place, Slot};
use waxseal_domain::time::Timestamp;

/// Which slot.
#[derive(Debug)]
pub struct ListSecretVersions {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// Which of its slots.
    pub slot: Slot,
    /// Which part of the list.
    pub page: Page,
}

/// A page of the kept versions of a slot.
#[derive(Debug)]
pub struct Versions {
    /// The page, the newest first.
    pub listed: Listed<VersionState>,
    /// The slot's etag.
    pub etag: String,
}

/// A kept version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionState {
    /// Its number.
    pub version: u64,
    /// When it was written.
    pub created: Timestamp,
    /// Whether it is the one that resolves.
    pub current: bool,
    /// Whether it is an empty one, made by clearing.
    pub cleared: bool,
    /// Whether its value was destroyed for good.
    pub destroyed: bool,
}

impl Engine {
    /// Lists the kept versions of a slot, the newest first.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::SecretNotFound`], [`Error::SecretDeleted`],
    /// [`Error::EnvironmentNotFound`], and of the page wish.
    pub async fn list_secret_versions(
        &self,
        permit: Permit<'_>,
        list: ListSecretVersions,
    ) -> Result<Versions, Error> {
        const ACTION: Action = Action::ListSecretVersions;
        permit.check(ACTION)?;
        let ListSecretVersions { project, name, slot, page } = list;
        let at = match &slot {
            Slot::Default => String::new(),
            Slot::Override(environment, stage) => format!("{environment}:{}", stage.as_str()),
        };
        let arguments = [project.as_str(), name.as_str(), &at];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let mut rows = self.store.snapshot().await?;
        let project = standing(&mut *rows, &project).await?.uid;
        let secret = rows.secret(project, &name).await?.filter(|found| found.name == name);
        let secret = secret.ok_or_else(|| Error::SecretNotFound(Offenders::one(&name)))?;
        if secret.deletion.is_some() {
            return Err(Error::SecretDeleted);
        }
        let secret = secret.uid;
        let place = match slot {
            Slot::Default => Place::Default,
            Slot::Override(id, stage) => {
                let environments = rows.environments(project).await?;
                let row = environments.iter().find(|row| row.environment.id == id);
                Place::Override(row.ok_or(Error::EnvironmentNotFound)?.environment.uid, stage)
            }
        };
        let slots = rows.slots(project, place).await?;
        let slot = slots.iter().find(|slot| slot.secret == secret);
        let current = slot.map(|slot| slot.current);
        let etag = SlotState::of(secret, place, slot).etag;
        let versions = rows.versions(secret, place).await?;
        let all: Vec<_> = versions
            .iter()
            .map(|row| VersionState {
                version: row.version,
                created: row.created,
                current: Some(row.version) == current,
                cleared: row.sealed.is_none() && !row.destroyed,
                destroyed: row.destroyed,
            })
            .collect();
        let total = all.len() as u64;
        // The newest first: keys that sort the other way round.
        let key = |state: &VersionState| format!("{:020}", u64::MAX - state.version);
        let (items, last) = wanted.cut(all, key);
        let next = self.next(last, &permit, ACTION, &arguments)?;
        Ok(Versions { listed: Listed { items, next, total }, etag })
    }
}

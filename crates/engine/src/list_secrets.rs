//! Secrets without their values.

use crate::manifest::{by_secret, is_set};
use crate::projects::standing;
use crate::{Engine, Error, Listed, Offenders, Page, Permit, SecretState};
use std::collections::HashSet;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;
use waxseal_storage::Snapshot;

/// Which secrets to list.
#[derive(Debug)]
pub struct ListSecrets {
    /// Of which project.
    pub project: ProjectId,
    /// Only names that begin so, matched exactly.
    pub prefix: String,
    /// Also tell whether this environment and stage overrides each.
    pub place: Option<(EnvironmentId, Stage)>,
    /// Deleted ones too.
    pub show_deleted: bool,
    /// Which part of the list.
    pub page: Page,
}

impl Engine {
    /// One secret; a deleted one too.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::SecretNotFound`].
    pub async fn get_secret(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
        name: &SecretName,
    ) -> Result<SecretState, Error> {
        permit.check(Action::GetSecret)?;
        let mut rows = self.store.snapshot().await?;
        let project = standing(&mut *rows, project).await?.uid;
        let secret = rows.secret(project, name).await?.filter(|found| found.name == *name);
        let secret = secret.ok_or_else(|| Error::SecretNotFound(Offenders::one(name)))?;
        let defaults = rows.slots(project, Place::Default).await?;
        let default = defaults.iter().find(|slot| slot.secret == secret.uid);
        let aliases = rows.aliases(project).await?;
        Ok(SecretState::of(secret, default, &aliases))
    }

    /// The secrets of a project, by name regardless of case.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`], and of the page wish.
    pub async fn list_secrets(
        &self,
        permit: Permit<'_>,
        list: ListSecrets,
    ) -> Result<Listed<SecretState>, Error> {
        const ACTION: Action = Action::ListSecrets;
        permit.check(ACTION)?;
        let ListSecrets { project, prefix, place, show_deleted, page } = list;
        let at = place.as_ref().map_or_else(String::new, |(environment, stage)| {
            format!("{environment}:{}", stage.as_str())
        });
        let arguments = [project.as_str(), &prefix, &at, if show_deleted { "deleted" } else { "" }];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let mut rows = self.store.snapshot().await?;
        let overridden = self.overridden(&mut *rows, &project, place.as_ref()).await?;
        let uid = standing(&mut *rows, &project).await?.uid;
        let defaults = rows.slots(uid, Place::Default).await?;
        let defaults = by_secret(&defaults);
        let aliases = rows.aliases(uid).await?;
        let matching: Vec<_> = rows
            .secrets(uid)
            .await?
            .into_iter()
            .filter(|secret| show_deleted || secret.deletion.is_none())
            .filter(|secret| secret.name.as_str().starts_with(&prefix))
            .map(|secret| {
                let default = defaults.get(&secret.uid).copied();
                let has_override = overridden.as_ref().map(|set| set.contains(&secret.uid));
                SecretState { has_override, ..SecretState::of(secret, default, &aliases) }
            })
            .collect();
        let total = matching.len() as u64;
        let (items, last) = wanted.cut(matching, |state| state.secret.name.folded());
        let next = self.next(last, &permit, ACTION, &arguments)?;
        Ok(Listed { items, next, total })
    }

    /// The secrets that an environment and stage overrides; `None` if none was asked about.
    async fn overridden(
        &self,
        rows: &mut dyn Snapshot,
        project: &ProjectId,
        place: Option<&(EnvironmentId, Stage)>,
    ) -> Result<Option<HashSet<SecretUid>>, Error> {
        let Some((id, stage)) = place else { return Ok(None) };
        let project = standing(rows, project).await?.uid;
        let environments = rows.environments(project).await?;
        let row = environments.iter().find(|row| row.environment.id == *id);
        let environment = row.ok_or(Error::EnvironmentNotFound)?.environment.uid;
        let slots = rows.slots(project, Place::Override(environment, *stage)).await?;
        Ok(Some(slots.iter().filter(|slot| is_set(slot)).map(|slot| slot.secret).collect()))
    }
}

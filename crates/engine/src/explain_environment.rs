//! Which slot wins, and why, without opening anything.

use crate::manifest::{by_secret, is_set};
use crate::{Engine, Error, Permit};
use std::collections::HashMap;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::uid::SecretUid;
use waxseal_domain::view::{Effective, effective};
use waxseal_storage::SlotRow;

/// What a view holds for one secret, and what there would be to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The secret.
    pub name: SecretName,
    /// The slot that wins with its version, or why none does.
    pub effective: Effective<u64>,
    /// Whether the default slot holds a value.
    pub default_set: bool,
    /// Whether the override of this environment and stage holds a value.
    pub override_set: bool,
}

impl Engine {
    /// Explains a view.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`].
    pub async fn explain_environment(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
        environment: &EnvironmentId,
        stage: Stage,
    ) -> Result<Vec<Explained>, Error> {
        permit.check(Action::ExplainEnvironment)?;
        let (mut rows, project) = self.read(project).await?;
        let environment = project.environment(environment)?;
        let mut catalogue = project.catalogue(&mut *rows).await?;
        let overrides = project.overrides(&mut *rows, environment, stage).await?;
        let (defaults, overrides) = (by_secret(&catalogue.defaults), by_secret(&overrides));
        catalogue.secrets.retain(|secret| secret.deletion.is_none());
        catalogue.secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(catalogue
            .secrets
            .iter()
            .map(|secret| {
                let set = |slots: &HashMap<SecretUid, &SlotRow>| {
                    slots.get(&secret.uid).filter(|slot| is_set(slot)).map(|slot| slot.current)
                };
                let (default, over) = (set(&defaults), set(&overrides));
                Explained {
                    name: secret.name.clone(),
                    effective: effective(environment.environment.settings.fallback, default, over),
                    default_set: default.is_some(),
                    override_set: over.is_some(),
                }
            })
            .collect())
    }
}

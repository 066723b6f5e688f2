//! A clone has the settings of its source and none of its overrides, in either stage, not even
//! as ciphertext.

use crate::change::{Change, Verb, Written};
use crate::manifest::is_set;
use crate::{Engine, Error, Permit, RequestKey, create_environment};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::{Environment, Settings, Stage};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::uid::SecretUid;

/// What to clone.
#[derive(Debug)]
pub struct CloneEnvironment {
    /// In which project.
    pub project: ProjectId,
    /// The environment to copy the settings of.
    pub source: EnvironmentId,
    /// The new environment's id.
    pub id: EnvironmentId,
    /// The new environment's display name.
    pub display_name: String,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// A clone, and what it does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cloned {
    /// The new environment.
    pub environment: Environment,
    /// The overrides of the source, by name and stage, so that setting them again is a list to
    /// work through and not a test of memory.
    pub overrides_not_copied: Vec<(SecretName, Stage)>,
}

impl Engine {
    /// Clones an environment.
    ///
    /// # Errors
    /// [`Error::EnvironmentNotFound`] of the source, and those of creating an environment.
    pub async fn clone_environment(
        self: &Arc<Self>,
        permit: Permit<'_>,
        clone: CloneEnvironment,
    ) -> Result<Written<Cloned>, Error> {
        let CloneEnvironment { project, source, id, display_name, request } = clone;
        self.change(permit, Some(project), request, Clone { source, id, display_name }).await
    }
}

struct Clone {
    source: EnvironmentId,
    id: EnvironmentId,
    display_name: String,
}

#[async_trait]
impl Verb for Clone {
    type Answer = Cloned;
    const ACTION: Action = Action::CloneEnvironment;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Cloned, Error> {
        let source = change.project()?.environment(&self.source)?.environment.clone();
        let mut overrides_not_copied = Vec::new();
        for stage in Stage::ALL {
            let overrides = change.overrides(source.uid, stage).await?;
            let set: Vec<SecretUid> =
                overrides.iter().filter(|slot| is_set(slot)).map(|slot| slot.secret).collect();
            let secrets = &change.catalogue().await?.secrets;
            let names = secrets
                .iter()
                .filter(|secret| secret.deletion.is_none() && set.contains(&secret.uid))
                .map(|secret| (secret.name.clone(), stage));
            overrides_not_copied.extend(names);
        }
        overrides_not_copied.sort_by(|(a, _), (b, _)| a.cmp(b));
        let settings = Settings { display_name: self.display_name.clone(), ..source.settings };
        let environment = create_environment::add(change, &self.id, settings).await?;
        Ok(Cloned { environment, overrides_not_copied })
    }
}

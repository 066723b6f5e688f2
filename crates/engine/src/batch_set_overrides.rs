//! Several overrides of one environment and stage, all or none.

use crate::change::{Change, Verb, Written};
use crate::keys::SealedValue;
use crate::set_secret_value::write;
use crate::{Engine, Error, OverrideState, Permit, RequestKey};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Stage;
use waxseal_domain::limits::{BATCH_BYTES, BATCH_OVERRIDES};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::slot::Slot;
use waxseal_domain::value::{SecretValue, Warning};

/// What to write, and where.
#[derive(Debug)]
pub struct BatchSetOverrides {
    /// In which project.
    pub project: ProjectId,
    /// In which environment.
    pub environment: EnvironmentId,
    /// In which stage.
    pub stage: Stage,
    /// Of each secret at most one value.
    pub overrides: Vec<(SecretName, SecretValue)>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// What became of the slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchWritten {
    /// The overrides, in the order of the request.
    pub overrides: Vec<OverrideState>,
    /// About the values.
    pub warnings: Vec<(SecretName, Warning)>,
}

impl Engine {
    /// Sets several overrides at once.
    ///
    /// # Errors
    /// [`Error::BatchTooLarge`]; [`Error::SecretNotFound`] naming all that are unknown; and
    /// those of setting one value. Nothing is written then.
    pub async fn batch_set_overrides(
        self: &Arc<Self>,
        permit: Permit<'_>,
        batch: BatchSetOverrides,
    ) -> Result<Written<BatchWritten>, Error> {
        let BatchSetOverrides { project, environment, stage, overrides, request } = batch;
        permit.check(Action::BatchSetOverrides)?;
        check_shape(&overrides)?;
        let slot = Slot::Override(environment, stage);
        let verb = SetAll { project: project.clone(), slot, stage, overrides, sealed: Vec::new() };
        self.change(permit, Some(project), request, verb).await
    }
}

fn check_shape(overrides: &[(SecretName, SecretValue)]) -> Result<(), Error> {
    let invalid =
        |rule: &str| Error::InvalidField { field: "overrides".to_owned(), rule: rule.to_owned() };
    if overrides.is_empty() {
        return Err(invalid("must hold at least one override"));
    }
    let bytes: usize = overrides.iter().map(|(_, value)| value.expose().len()).sum();
    if overrides.len() > BATCH_OVERRIDES || bytes > BATCH_BYTES {
        return Err(Error::BatchTooLarge);
    }
    let mut names = HashSet::new();
    if overrides.iter().all(|(name, _)| names.insert(name)) {
        Ok(())
    } else {
        Err(invalid("must name each secret at most once"))
    }
}

struct SetAll {
    project: ProjectId,
    slot: Slot,
    stage: Stage,
    overrides: Vec<(SecretName, SecretValue)>,
    sealed: Vec<SealedValue>,
}

#[async_trait]
impl Verb for SetAll {
    type Answer = BatchWritten;
    const ACTION: Action = Action::BatchSetOverrides;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        let values: Vec<_> = self.overrides.iter().map(|(name, value)| (name, value)).collect();
        self.sealed = engine.seal_all(&self.project, &self.slot, &values).await?;
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<BatchWritten, Error> {
        let mut answer = BatchWritten { overrides: Vec::new(), warnings: Vec::new() };
        let place = change.project()?.place(&self.slot)?;
        for ((name, value), sealed) in self.overrides.iter().zip(std::mem::take(&mut self.sealed)) {
            let secret = sealed.secret;
            write(change, name, &self.slot, None, sealed).await?;
            let slot = change.slot(secret, place).await?.ok_or(Error::Conflict)?;
            answer.overrides.push(OverrideState::of(name, self.stage, &slot));
            answer.warnings.extend(value.warnings().into_iter().map(|w| (name.clone(), w)));
        }
        change.check_views().await?;
        Ok(answer)
    }
}

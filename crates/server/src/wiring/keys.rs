//! Which key provider.

use super::StartError;
use super::data_dir::{DataDir, DataDirError};
use crate::Config;
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use waxseal_domain::time::Clock;
use waxseal_domain::uid::Deployment;
use waxseal_kms::{Aws, AwsSettings, KeyProvider, Local, Observed, Remembered, RememberedSettings};
use waxseal_storage::Store;

/// Makes a key file where there is none; for a store that is empty, and no other.
pub(super) fn create(dir: &DataDir, clock: &dyn Clock) -> Result<(), StartError> {
    if !dir.keys().exists() {
        Local::create(&dir.keys(), Deployment::new(Uuid::new_v4()), clock.now())?;
    }
    Ok(())
}

/// The provider, and the deployment that it is for. A key file says that itself; for a key service
/// the store does or, where that is empty, this. `probe` is how often a key service's key is tried.
pub(super) async fn open(
    config: &Config,
    dir: Option<&DataDir>,
    store: &dyn Store,
    probe: Option<Duration>,
    metrics: &Metrics,
) -> Result<(Arc<dyn KeyProvider>, Deployment), StartError> {
    if let Some(key) = config.engines.kms_key() {
        let meta = store.snapshot().await?.meta().await?;
        let deployment =
            meta.map_or_else(|| Deployment::new(Uuid::new_v4()), |meta| meta.deployment);
        let mut settings = AwsSettings {
            also: config.engines.kms_also(),
            endpoint: config.engines.kms_endpoint().map(str::to_owned),
            ..AwsSettings::new(key)
        };
        if let Some(probe) = probe {
            settings.canary_interval = probe;
            settings.canary_interval_unhealthy = probe;
        }
        let aws = Aws::open(settings, deployment);
        let observed = Observed::new(aws, Arc::new(metrics.clone()));
        let remembered = Remembered::new(observed, RememberedSettings::default());
        metrics.key_hits(remembered.hits());
        return Ok((Arc::new(remembered), deployment));
    }
    let dir = dir.ok_or(DataDirError::NotSet)?;
    if !dir.keys().exists() {
        return Err(StartError::KeyFileMissing { path: dir.keys() });
    }
    let local = Local::load(&dir.keys())?;
    let deployment = local.deployment();
    Ok((Arc::new(Observed::new(local, Arc::new(metrics.clone()))), deployment))
}

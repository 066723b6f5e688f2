//! Which key provider.

use super::StartError;
use super::data_dir::{DataDir, DataDirError};
use crate::Config;
use std::sync::Arc;
use uuid::Uuid;
use waxseal_domain::time::Clock;
use waxseal_domain::uid::Deployment;
use waxseal_kms::{KeyProvider, Local};

/// Makes a key file where there is none; for a store that is empty, and no other.
pub(super) fn create(dir: &DataDir, clock: &dyn Clock) -> Result<(), StartError> {
    if !dir.keys().exists() {
        Local::create(&dir.keys(), Deployment::new(Uuid::new_v4()), clock.now())?;
    }
    Ok(())
}

/// The provider, and the deployment that it is for where it says so itself.
pub(super) fn open(
    config: &Config,
    dir: Option<&DataDir>,
) -> Result<(Arc<dyn KeyProvider>, Option<Deployment>), StartError> {
    let dir = dir.ok_or(DataDirError::NotSet)?;
    if !dir.keys().exists() {
        return Err(StartError::KeyFileMissing { path: dir.keys() });
    }
    let local = Local::load(&dir.keys())?;
    let deployment = local.deployment();
    Ok((Arc::new(local), Some(deployment)))
}

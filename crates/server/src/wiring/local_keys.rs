//! What an operator does to the local key file.

use super::{DataDir, StartError};
use crate::config::Config;
use waxseal_domain::time::Timestamp;

/// Adds a wrapping key to the key file of a data directory and makes it the active one; gives its
/// id. A server that runs there takes it up when it is started again.
///
/// # Errors
/// See [`StartError`]; then nothing is changed.
pub fn rotate_local_key(config: &Config, now: Timestamp) -> Result<String, StartError> {
    let dir = DataDir::existing(config.data_dir.as_deref())?;
    if !dir.keys().exists() {
        return Err(StartError::KeyFileMissing { path: dir.keys() });
    }
    Ok(waxseal_kms::Local::load(&dir.keys())?.rotate(now)?)
}

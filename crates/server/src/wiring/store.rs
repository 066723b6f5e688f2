//! Which store.

use super::StartError;
use super::data_dir::{DataDir, DataDirError};
use crate::Config;
use std::sync::Arc;
use waxseal_storage::{Sqlite, Store};

/// The store, made where there is none.
pub(super) async fn open(
    config: &Config,
    dir: Option<&DataDir>,
) -> Result<Arc<dyn Store>, StartError> {
    let dir = dir.ok_or(DataDirError::NotSet)?;
    Ok(Arc::new(Sqlite::open(&dir.database()).await?))
}

/// The store as it stands, beside a server that may have it open.
pub(super) async fn attach(
    config: &Config,
    dir: Option<&DataDir>,
) -> Result<Arc<dyn Store>, StartError> {
    let dir = dir.ok_or(DataDirError::NotSet)?;
    if !dir.database().exists() {
        return Err(StartError::NoStore { path: dir.database() });
    }
    Ok(Arc::new(Sqlite::attach(&dir.database()).await?))
}

//! Which store.

use super::StartError;
use super::data_dir::{DataDir, DataDirError};
use crate::Config;
use std::sync::Arc;
use waxseal_storage::{Error, Postgres, Sqlite, Store, postgres};

/// The database of the configuration, if it names one.
fn database(config: &Config) -> Result<Option<postgres::Settings>, StartError> {
    let Some(url) = config.engines.database()? else { return Ok(None) };
    let settings = postgres::Settings {
        max_connections: config.engines.database_connections,
        adopt: config.engines.adopt_restored,
        ..postgres::Settings::new(url.expose())
    };
    // What is wrong with the URL itself does not get better by waiting.
    match settings.check() {
        Ok(()) => Ok(Some(settings)),
        Err(Error::Unavailable { what }) => Err(StartError::Database(what)),
        Err(error) => Err(error.into()),
    }
}

/// The store, made where there is none.
pub(super) async fn open(
    config: &Config,
    dir: Option<&DataDir>,
) -> Result<Arc<dyn Store>, StartError> {
    if let Some(settings) = database(config)? {
        return Ok(Arc::new(Postgres::open(settings).await?));
    }
    let dir = dir.ok_or(DataDirError::NotSet)?;
    Ok(Arc::new(Sqlite::open(&dir.database()).await?))
}

/// The store as it stands, beside a server that may have it open.
pub(super) async fn attach(
    config: &Config,
    dir: Option<&DataDir>,
) -> Result<Arc<dyn Store>, StartError> {
    if let Some(settings) = database(config)? {
        return Ok(Arc::new(Postgres::attach(settings).await?));
    }
    let dir = dir.ok_or(DataDirError::NotSet)?;
    if !dir.database().exists() {
        return Err(StartError::NoStore { path: dir.database() });
    }
    Ok(Arc::new(Sqlite::attach(&dir.database()).await?))
}

/// [`attach`], where no server may have the store open; for SQLite that is up to the lock of the
/// data directory.
pub(super) async fn attach_alone(
    config: &Config,
    dir: &DataDir,
) -> Result<Arc<dyn Store>, StartError> {
    match database(config)? {
        Some(settings) => Ok(Arc::new(Postgres::attach_alone(settings).await?)),
        None => attach(config, Some(dir)).await,
    }
}

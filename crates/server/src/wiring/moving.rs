//! Parts for moving from one engine to another, while nobody is served: data keys from the key file
//! to a key service, and rows from SQLite to PostgreSQL.

use super::data_dir::{DataDir, DataDirError, Lock};
use super::{Opened, Seams, StartError, engine, store};
use crate::config::{Config, ConfigError};
use crate::metrics::Metrics;
use std::sync::Arc;
use waxseal_engine::{AuditSettings, Copied, CopyError, Engine};
use waxseal_kms::{Local, Moving};
use waxseal_storage::{Sqlite, Store};

/// An engine whose data keys move from the local key file to the key service of the configuration:
/// both unwrap, the key service wraps.
///
/// # Errors
/// See [`StartError`].
pub async fn open_to_move_keys(config: &Config) -> Result<Opened, StartError> {
    config.check()?;
    if config.engines.kms_key().is_none() {
        return Err(ConfigError::NoKmsKey.into());
    }
    let dir = DataDir::existing(config.data_dir.as_deref())?;
    let sqlite = Some(&dir).filter(|_| !config.engines.has_database());
    let lock = sqlite.map(DataDir::lock).transpose()?;
    sqlite.map(DataDir::ensure_not_moved).transpose()?;
    if !dir.keys().exists() {
        return Err(StartError::KeyFileMissing { path: dir.keys() });
    }
    let local = Arc::new(Local::load(&dir.keys())?);
    let store = store::attach_alone(config, &dir).await?;
    let keys = Seams { keys: Box::new(|to| Arc::new(Moving::new(local, to))), ..Seams::default() };
    let (audit, metrics) = (AuditSettings::default(), Metrics::new());
    Ok(Opened {
        engine: engine(config, Some(&dir), store, keys, audit, &metrics).await?,
        metrics,
        _lock: lock,
    })
}

/// The SQLite store of a data directory and the empty database that it is copied to.
pub struct Copying {
    config: Config,
    dir: DataDir,
    from: Arc<dyn Store>,
    to: Arc<dyn Store>,
    /// Nobody serves from the data directory until this is dropped.
    _lock: Lock,
}

impl Copying {
    /// Opens both. The configuration names the database, and the keys as the copy will be served.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn open(config: &Config) -> Result<Self, StartError> {
        config.check()?;
        if !config.engines.has_database() {
            return Err(StartError::NoDatabase);
        }
        let dir = DataDir::existing(config.data_dir.as_deref())?;
        let lock = dir.lock()?;
        if !dir.database().exists() {
            return Err(StartError::NoStore { path: dir.database() });
        }
        dir.ensure_not_moved()?;
        let from: Arc<dyn Store> = Arc::new(Sqlite::open(&dir.database()).await?);
        let to = store::open(config, Some(&dir)).await?;
        Ok(Self { config: config.clone(), dir, from, to, _lock: lock })
    }

    /// Copies every row; see [`waxseal_engine::copy_store`].
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn copy(&self, told: impl FnMut(&Copied) + Send) -> Result<Copied, CopyError> {
        waxseal_engine::copy_store(&*self.from, &*self.to, told).await
    }

    /// Compares every row; see [`waxseal_engine::compare_stores`].
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn compare(&self, told: impl FnMut(&Copied) + Send) -> Result<Copied, CopyError> {
        waxseal_engine::compare_stores(&*self.from, &*self.to, told).await
    }

    /// An engine on the copy, with the keys of the configuration.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn engine(&self) -> Result<Arc<Engine>, StartError> {
        let (to, metrics) = (self.to.clone(), Metrics::new());
        let (seams, audit) = (Seams::default(), AuditSettings::default());
        engine(&self.config, Some(&self.dir), to, seams, audit, &metrics).await
    }

    /// Marks the SQLite store as moved, so that no server starts on it any more.
    ///
    /// # Errors
    /// Of the data directory.
    pub fn retire(&self) -> Result<(), DataDirError> {
        self.dir.mark_moved()
    }
}

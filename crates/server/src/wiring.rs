//! Puts the parts together.
//!
//! **Architecture Invariant:** this is the one place that names `storage::Sqlite`, `kms::Local`
//! and `cache::Local`. Everything else knows their traits.

mod data_dir;
mod local_keys;

pub use data_dir::DataDirError;
pub use local_keys::rotate_local_key;

use crate::config::{Config, ConfigError};
use crate::wire::view::Encoder;
use data_dir::{DataDir, Lock};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;
use waxseal_domain::time::Clock;
use waxseal_domain::uid::Deployment;
use waxseal_engine::{Engine, OpenError, Parts, SystemClock};
use waxseal_kms::KeyProvider;
use waxseal_kms::local::FileError;
use waxseal_storage::Sqlite;

/// An engine that is ready, and the lock on its data directory for as long as this lives.
pub struct Opened {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Another process is refused until this is dropped.
    _lock: Lock,
}

/// Puts one key provider on top of another.
pub type StackKeys = Box<dyn FnOnce(Arc<dyn KeyProvider>) -> Arc<dyn KeyProvider> + Send>;

/// Where tests put in something of their own.
pub struct Seams {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Stacked on the key provider.
    pub keys: StackKeys,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key file is gone while there is a database.
    #[error(
        "{path} is missing, and the database beside it cannot be opened without it: restore the \
         key file from where it is backed up. Should it be lost, so are all values"
    )]
    KeyFileMissing {
        /// The key file.
        path: PathBuf,
    },
    /// There is no store yet.
    #[error("{path} does not exist: start `waxseal serve` on this data directory first")]
    NoStore {
        /// The database.
        path: PathBuf,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] FileError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] waxseal_storage::Error),
    /// Store and keys do not make an engine.
    #[error(transparent)]
    Engine(#[from] OpenError),
}

impl Default for Seams {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), keys: Box::new(|keys| keys) }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened")
    }
}

impl fmt::Debug for Seams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seams")
    }
}

/// Opens the embedded default in the data directory, and makes what is not there yet.
///
/// # Errors
/// See [`StartError`].
pub async fn open(config: &Config) -> Result<Opened, StartError> {
    open_with(config, Seams::default()).await
}

/// [`open`], with parts of the caller's own.
///
/// # Errors
/// See [`StartError`].
pub async fn open_with(config: &Config, seams: Seams) -> Result<Opened, StartError> {
    config.check()?;
    let dir = DataDir::create(config.data_dir.as_deref())?;
    let lock = dir.lock()?;
    // The keys come first: so a database without a key file has lost it, and is not a fresh one.
    if !dir.keys().exists() {
        if dir.database().exists() {
            return Err(StartError::KeyFileMissing { path: dir.keys() });
        }
        let deployment = Deployment::new(Uuid::new_v4());
        waxseal_kms::Local::create(&dir.keys(), deployment, seams.clock.now())?;
    }
    let store = Sqlite::open(&dir.database()).await?;
    let engine = engine(config, &dir, store, seams).await?;
    Ok(Opened { engine, _lock: lock })
}

/// An engine on the store of a server that may be running; without the lock, and only where there
/// is a store already. For what an operator does on the same machine, such as issuing a token.
///
/// # Errors
/// See [`StartError`].
pub async fn open_beside(config: &Config) -> Result<Arc<Engine>, StartError> {
    config.check()?;
    let dir = DataDir::existing(config.data_dir.as_deref())?;
    if !dir.database().exists() {
        return Err(StartError::NoStore { path: dir.database() });
    }
    if !dir.keys().exists() {
        return Err(StartError::KeyFileMissing { path: dir.keys() });
    }
    let store = Sqlite::attach(&dir.database()).await?;
    engine(config, &dir, store, Seams::default()).await
}

/// The list of parts.
async fn engine(
    config: &Config,
    dir: &DataDir,
    store: Sqlite,
    seams: Seams,
) -> Result<Arc<Engine>, StartError> {
    let Seams { clock, keys: stacked } = seams;
    let local = waxseal_kms::Local::load(&dir.keys())?;
    let deployment = local.deployment();
    let parts = Parts {
        store: Arc::new(store),
        keys: stacked(Arc::new(local)),
        cache: Arc::new(waxseal_cache::Local::new(config.view_cache)),
        shared: None,
        encoder: Arc::new(Encoder),
        clock,
        quotas: config.quotas(),
        deployment,
    };
    Ok(Engine::open(parts).await?)
}

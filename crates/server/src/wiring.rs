//! Puts the parts together.
//!
//! **Architecture Invariant:** this is the one place that names stores, key providers and caches.
//! Everything else knows their traits.

mod data_dir;
mod keys;
mod local_keys;
mod moving;
mod shared;
mod store;

pub use data_dir::DataDirError;
pub use local_keys::rotate_local_key;
pub use moving::{Copying, open_to_move_keys};

use crate::config::{Config, ConfigError};
use crate::metrics::{MeteredViews, Metrics};
use crate::wire::view::Encoder;
use data_dir::{DataDir, Lock};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use waxseal_domain::time::Clock;
use waxseal_engine::{AuditSettings, Engine, OpenError, Parts, SystemClock, Without};
use waxseal_kms::KeyProvider;
use waxseal_kms::local::FileError;
use waxseal_storage::Store;

/// An engine that is ready, and the lock on its data directory for as long as this lives.
pub struct Opened {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What is counted while it serves.
    pub metrics: Metrics,
    /// Another process is refused until this is dropped.
    _lock: Option<Lock>,
}

/// Puts one key provider on top of another.
pub type StackKeys = Box<dyn FnOnce(Arc<dyn KeyProvider>) -> Arc<dyn KeyProvider> + Send>;

/// Where tests and the benchmark put in something of their own.
pub struct Seams {
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Stacked on the key provider.
    pub keys: StackKeys,
    /// How often it is tried whether a key service's key can be used, where not as often as by
    /// default.
    pub probe: Option<Duration>,
    /// What calls go without, to measure what it costs.
    pub without: Without,
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
    /// No database to copy to.
    #[error(
        "no database to copy to: set --database-url (WAXSEAL_DATABASE_URL) to an empty PostgreSQL \
         database"
    )]
    NoDatabase,
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] FileError),
    /// The shared cache is configured wrongly.
    #[error("WAXSEAL_REDIS_URL: {0}")]
    Redis(#[from] waxseal_cache::RedisUrlError),
    /// The database is configured wrongly.
    #[error("WAXSEAL_DATABASE_URL: {0}")]
    Database(String),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] waxseal_storage::Error),
    /// Store and keys do not make an engine.
    #[error(transparent)]
    Engine(#[from] OpenError),
}

impl StartError {
    /// Whether it is an outage of an engine that runs elsewhere, so that starting again later may
    /// succeed. What is wrong with a file stays wrong.
    #[must_use]
    pub fn is_outage(&self, config: &Config) -> bool {
        use waxseal_kms::Error as Kms;
        use waxseal_storage::Error as Storage;
        match self {
            Self::Store(error) | Self::Engine(OpenError::Store(error)) => {
                config.engines.has_database()
                    && matches!(
                        error,
                        Storage::Unavailable { .. } | Storage::Conflict | Storage::CommitUnknown
                    )
            }
            Self::Engine(OpenError::Keys(error)) => {
                matches!(error, Kms::Unavailable { .. } | Kms::Throttled { .. })
            }
            _ => false,
        }
    }
}

impl Default for Seams {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            keys: Box::new(|keys| keys),
            probe: None,
            without: Without::default(),
        }
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

/// Opens the parts that the configuration names, and makes what is not there yet.
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
    let needed = config.engines.needs_data_dir() || config.data_dir.is_some();
    let dir = needed.then(|| DataDir::create(config.data_dir.as_deref())).transpose()?;
    let sqlite = dir.as_ref().filter(|_| !config.engines.has_database());
    let lock = sqlite.map(DataDir::lock).transpose()?;
    sqlite.map(DataDir::ensure_not_moved).transpose()?;
    // The keys come first: so a database without a key file has lost it, and is not a fresh one.
    if let Some(dir) = sqlite
        && config.engines.kms_key().is_none()
        && !dir.database().exists()
    {
        keys::create(dir, &*seams.clock)?;
    }
    let store = store::open(config, dir.as_ref()).await?;
    if let Some(dir) = &dir
        && sqlite.is_none()
        && store.snapshot().await?.meta().await?.is_none()
    {
        keys::create(dir, &*seams.clock)?;
    }
    let beside = || dir.as_ref().map(DataDir::checkpoints);
    let checkpoints = config.audit.file().cloned().or_else(beside);
    if checkpoints.is_none() {
        tracing::warn!(
            "checkpoints of the audit trail are kept in the database only, so that nothing shows \
             when it is rolled back: set --audit-checkpoints (WAXSEAL_AUDIT_CHECKPOINTS)"
        );
    }
    let audit = AuditSettings {
        window: config.audit.audit_window,
        checkpoints,
        adopt: config.engines.adopt_restored,
    };
    let metrics = Metrics::new();
    let engine = engine(config, dir.as_ref(), store, seams, audit, &metrics).await?;
    Ok(Opened { engine, metrics, _lock: lock })
}

/// An engine on the store of a server that may be running; without the lock, and only where there
/// is a store already. For what an operator does beside it, such as issuing a token.
///
/// # Errors
/// See [`StartError`].
pub async fn open_beside(config: &Config) -> Result<Arc<Engine>, StartError> {
    config.check()?;
    let dir =
        config.engines.needs_data_dir().then(|| DataDir::existing(config.data_dir.as_deref()));
    let dir = dir.transpose()?;
    let sqlite = dir.as_ref().filter(|_| !config.engines.has_database());
    sqlite.map(DataDir::ensure_not_moved).transpose()?;
    let store = store::attach(config, dir.as_ref()).await?;
    let (seams, audit) = (Seams::default(), AuditSettings::default());
    engine(config, dir.as_ref(), store, seams, audit, &Metrics::new()).await
}

/// The list of parts.
async fn engine(
    config: &Config,
    dir: Option<&DataDir>,
    store: Arc<dyn Store>,
    seams: Seams,
    audit: AuditSettings,
    metrics: &Metrics,
) -> Result<Arc<Engine>, StartError> {
    let Seams { clock, keys: stacked, probe, without } = seams;
    let (provider, deployment) = keys::open(config, dir, &*store, probe, metrics).await?;
    let views = waxseal_cache::Local::new(config.view_cache);
    let parts = Parts {
        store,
        keys: stacked(provider),
        cache: Arc::new(MeteredViews::new(views, metrics.clone())),
        shared: shared::open(config, metrics)?,
        encoder: Arc::new(Encoder),
        clock,
        quotas: config.quotas(),
        audit,
        deployment,
        without,
    };
    let engine = Engine::open(parts).await?;
    // Weak: whoever keeps the metrics does not keep the engine, and that the store.
    let counting = Arc::downgrade(&engine);
    metrics.cache_auth_fail(move || counting.upgrade().map_or(0, |engine| engine.unopened_views()));
    let counting = Arc::downgrade(&engine);
    let counts = move || counting.upgrade().map(|engine| engine.audit_counts());
    metrics.audit(move || counts().unwrap_or_default());
    Ok(engine)
}

//! SQLite: the embedded default. One writer, a few readers, write-ahead log, every commit
//! synced to the disk before it is acknowledged.

mod audit;
mod blocking;
mod columns;
mod copy;
mod environments;
mod heads;
mod keys;
mod meta;
mod principals;
mod projects;
mod requests;
mod scrub;
mod secrets;
mod session;
mod slots;
mod tokens;

use crate::{Asked, Error, Following, Head, Result, Snapshot, Store, Transaction};
use async_trait::async_trait;
use futures::future::BoxFuture;
use heads::Heads;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use session::{Lease, Session};
use std::cmp::Ordering;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use waxseal_domain::name::ProjectId;

/// Snapshots that can be read at the same time; a further one waits.
const READERS: usize = 4;

/// How long a statement waits for another process, such as the command that makes tokens.
const BUSY: Duration = Duration::from_secs(5);

/// Changes that have a thread of their own at the same time. One writes; the others prepare.
const THREADS: usize = 4;

const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/sqlite/0001_initial.sql")),
    M::up(include_str!("../migrations/sqlite/0002_access.sql")),
    M::up(include_str!("../migrations/sqlite/0003_audit.sql")),
    M::up(include_str!("../migrations/sqlite/0004_calls.sql")),
];

/// A store in one SQLite file. The caller holds the data directory's lock: two servers on one
/// file would each believe their own heads.
pub struct Sqlite {
    /// The only connection that writes, so that writers queue here and not in SQLite.
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Readers>,
    /// Published after a commit and before it is acknowledged.
    heads: Arc<Heads>,
    /// Threads for changes.
    threads: Arc<Semaphore>,
}

/// Connections for snapshots; a permit for each.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Error::TooNew`] where a newer version wrote the file.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let open = move || Self::with(&path, OpenFlags::SQLITE_OPEN_CREATE, migrate);
        tokio::task::spawn_blocking(open).await.map_err(stopped)?
    }

    /// Opens a file that a server may have open, as it stands: a schema that is not of this
    /// build's version is left alone. For rows that no head depends on, such as tokens: what this
    /// raises of the authorisation epoch, the server notices when it next reads a caller.
    ///
    /// # Errors
    /// [`Error::TooNew`] and [`Error::TooOld`].
    pub async fn attach(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let attach = move || Self::with(&path, OpenFlags::empty(), ensure_current);
        tokio::task::spawn_blocking(attach).await.map_err(stopped)?
    }

    fn with(
        path: &Path,
        flags: OpenFlags,
        schema: impl FnOnce(&mut Connection, &Path) -> Result<()>,
    ) -> Result<Self> {
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | flags)?;
        schema(&mut writer, path)?;
        let heads = Heads::load(&writer)?;
        let readers = (0..READERS)
            .map(|_| connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Arc::new(Readers {
                idle: Mutex::new(readers),
                permits: Arc::new(Semaphore::new(READERS)),
            }),
            heads: Arc::new(heads),
            threads: Arc::new(Semaphore::new(THREADS)),
        })
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
    Ok(connection)
}

fn ensure_current(connection: &mut Connection, path: &Path) -> Result<()> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version.cmp(&(MIGRATIONS.len() as i64)) {
        Ordering::Less => Err(Error::TooOld { database: path.display().to_string() }),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::TooNew { database: path.display().to_string() }),
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    use rusqlite_migration::{Error as Failure, MigrationDefinitionError as Definition};
    Migrations::from_slice(MIGRATIONS).to_latest(connection).map_err(|failure| match failure {
        Failure::MigrationDefinition(Definition::DatabaseTooFarAhead) => {
            Error::TooNew { database: path.display().to_string() }
        }
        Failure::RusqliteError { err, .. } => Error::from(err),
        other => Error::Unavailable { what: format!("migrating the schema: {other}") },
    })
}

#[async_trait]
impl Store for Sqlite {
    async fn ask(&self, project: &ProjectId) -> Result<Asked> {
        Ok(Asked { head: self.heads.get(project), epoch: self.heads.epoch() })
    }

    /// On a thread that may block: a statement that goes to one and back costs several times as much
    /// as what it does.
    fn detach(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
        match self.threads.clone().try_acquire_owned() {
            Ok(place) => blocking::spawn(place, work),
            Err(_) => tokio::spawn(work),
        }
    }

    fn known_epoch(&self, _: Duration) -> Option<u64> {
        Some(self.heads.epoch())
    }

    fn known_head(&self, project: &ProjectId, _: Duration) -> Option<Arc<Head>> {
        self.heads.get(project)
    }

    async fn recent_epoch(&self, _: Duration) -> Result<u64> {
        Ok(self.heads.epoch())
    }

    async fn recent_head(&self, project: &ProjectId, _: Duration) -> Result<Option<Arc<Head>>> {
        self.head(project).await
    }

    fn follow(&self, project: &ProjectId) -> Following {
        self.heads.followers.follow(project)
    }

    async fn check(&self) -> Result<()> {
        // No other process writes to the file, and a statement that fails says so by itself.
        Ok(())
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        let lease = Lease::reader(&self.readers).await?;
        Ok(Box::new(Session::begin(lease, "BEGIN DEFERRED", &self.heads).await?))
    }

    async fn begin(&self, name: &'static str) -> Result<Box<dyn Transaction>> {
        tracing::trace!(transaction = name, "begin");
        let lease = Lease::Writer(self.writer.clone().lock_owned().await);
        Ok(Box::new(Session::begin(lease, "BEGIN IMMEDIATE", &self.heads).await?))
    }

    async fn scrub(&self) -> Result<bool> {
        let writer = self.writer.clone().lock_owned().await;
        let scrub = move || scrub::scrub(&writer);
        tokio::task::spawn_blocking(scrub).await.map_err(stopped)?
    }
}

fn stopped(_: tokio::task::JoinError) -> Error {
    Error::Unavailable { what: "the process is stopping".to_owned() }
}

impl From<rusqlite::Error> for Error {
    /// SQLite's own texts name tables and files, never bound values.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Conflict,
            Some(code) => Self::Unavailable { what: format!("SQLite says {code:?}") },
            None => match error {
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..) => {
                    Self::Malformed { table: "unknown", column: "unknown" }
                }
                _ => Self::Unavailable { what: "SQLite refused a statement".to_owned() },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_passes_the_contract() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&directory.path().join("waxseal.db")).await.unwrap();
        crate::contract::contract(Arc::new(store)).await;
    }

    #[tokio::test]
    async fn a_file_written_by_a_newer_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waxseal.db");
        drop(Sqlite::open(&path).await.unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
        assert!(matches!(Sqlite::open(&path).await, Err(Error::TooNew { .. })));
    }

    #[tokio::test]
    async fn a_file_is_attached_to_only_at_this_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waxseal.db");
        assert!(Sqlite::attach(&path).await.is_err(), "it is not created");
        let _open = Sqlite::open(&path).await.unwrap();
        assert!(Sqlite::attach(&path).await.is_ok(), "also while another has it open");
        let set = |version: i64| {
            Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
        };
        set(0);
        assert!(matches!(Sqlite::attach(&path).await, Err(Error::TooOld { .. })));
        set(999);
        assert!(matches!(Sqlite::attach(&path).await, Err(Error::TooNew { .. })));
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waxseal.db");
        std::fs::write(&path, vec![b'x'; 8192]).unwrap();
        assert!(matches!(Sqlite::open(&path).await, Err(Error::Damaged)));
    }

    #[tokio::test]
    async fn commits_are_synced() {
        let directory = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&directory.path().join("waxseal.db")).await.unwrap();
        let writer = store.writer.lock().await;
        let mode: String = writer.query_row("PRAGMA journal_mode", [], |r| r.get(0)).unwrap();
        let synchronous: i64 = writer.query_row("PRAGMA synchronous", [], |r| r.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }

    #[tokio::test]
    async fn records_from_before_calls_were_named_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("waxseal.db");
        let mut before = Connection::open(&path).unwrap();
        Migrations::from_slice(&MIGRATIONS[..3]).to_latest(&mut before).unwrap();
        let record = "INSERT INTO audit (chain, sequence, hash, at, principal, action, outcome)
             VALUES ('deployment', 1, zeroblob(32), 5, 'somebody', 'Something', 'ok')";
        before.execute_batch(record).unwrap();
        drop(before);
        let store = Sqlite::open(&path).await.unwrap();
        let mut rows = store.snapshot().await.unwrap();
        let records = rows.audit_records("deployment", 0, 9, 9).await.unwrap();
        assert_eq!((records.len(), records[0].row.call), (1, None));
    }

    #[test]
    fn the_migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }
}

//! The data directory: who may look into it, and which process uses it.

use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// None is configured.
    #[error("no data directory: set --data-dir (WAXSEAL_DATA_DIR)")]
    NotSet,
    /// Others may look into it.
    #[error(
        "the data directory {path} is open to others (mode {mode:03o}); if nobody else has to use \
         it, run: chmod 700 {path}"
    )]
    Open {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another process has it.
    #[error("the data directory {path} is in use by another waxseal process; stop that one first")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// What was here lives on elsewhere.
    #[error(
        "the database of {path} was copied to PostgreSQL and lives on there: start the server with \
         --database-url (WAXSEAL_DATABASE_URL). Only if that database was given up, and all that was \
         changed in it, remove the file {path}/{MOVED}"
    )]
    Moved {
        /// The directory.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot use the data directory {path}: {source}")]
    System {
        /// The directory or a file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Stands where the database lives on elsewhere.
const MOVED: &str = "moved-to-postgresql";

/// A directory that exists and is private.
pub(super) struct DataDir(PathBuf);

/// The exclusive use of a data directory; given back by dropping it, or by the kernel when the
/// process ends however it ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

impl DataDir {
    /// Where checkpoints of the audit trail are kept, outside of the database.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints.jsonl")
    }

    /// The directory, made with mode 0700 if it does not exist.
    pub(super) fn create(path: Option<&Path>) -> Result<Self, DataDirError> {
        let path = path.ok_or(DataDirError::NotSet)?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| DataDirError::System { path: path.to_owned(), source })?;
        Self::existing(Some(path))
    }

    /// The directory, if it exists.
    pub(super) fn existing(path: Option<&Path>) -> Result<Self, DataDirError> {
        let path = path.ok_or(DataDirError::NotSet)?.to_owned();
        let mode = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => metadata.permissions().mode() & 0o777,
            Ok(_) => {
                let source = io::ErrorKind::NotADirectory.into();
                return Err(DataDirError::System { path, source });
            }
            Err(source) => return Err(DataDirError::System { path, source }),
        };
        if mode & 0o077 != 0 {
            return Err(DataDirError::Open { path, mode });
        }
        Ok(Self(path))
    }

    pub(super) fn database(&self) -> PathBuf {
        self.0.join("waxseal.db")
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }

    /// Refuses a database that was copied elsewhere: served again, it would be a second life of the
    /// same projects.
    pub(super) fn ensure_not_moved(&self) -> Result<(), DataDirError> {
        match self.0.join(MOVED).exists() {
            true => Err(DataDirError::Moved { path: self.0.clone() }),
            false => Ok(()),
        }
    }

    /// Says from now on that the database was copied elsewhere.
    pub(super) fn mark_moved(&self) -> Result<(), DataDirError> {
        let path = self.0.join(MOVED);
        let made = File::create(&path).and_then(|file| file.sync_all());
        let synced = made.and_then(|()| File::open(&self.0)?.sync_all());
        synced.map_err(|source| DataDirError::System { path, source })
    }

    /// Takes the directory for this process, without waiting.
    pub(super) fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.0.join("lock");
        let opened =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = opened.map_err(|source| DataDirError::System { path: path.clone(), source })?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DataDirError::InUse { path: self.0.clone() }),
            Err(errno) => Err(DataDirError::System { path, source: errno.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};

    #[test]
    fn a_directory_is_made_private_and_refused_when_it_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        DataDir::create(Some(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        for mode in [0o750, 0o701, 0o770] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = DataDir::create(Some(&path)).err().unwrap().to_string();
            assert!(refused.contains(&format!("chmod 700 {}", path.display())), "{refused}");
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("d");
        let dir = DataDir::create(Some(&path)).unwrap();
        let lock = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(DataDirError::InUse { .. })));
        drop(lock);
        assert!(dir.lock().is_ok());
    }

    #[test]
    fn a_database_that_was_moved_is_refused_with_a_way_on() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("d");
        let dir = DataDir::create(Some(&path)).unwrap();
        dir.ensure_not_moved().unwrap();
        dir.mark_moved().unwrap();
        let refused = dir.ensure_not_moved().unwrap_err().to_string();
        assert!(refused.contains("WAXSEAL_DATABASE_URL"), "{refused}");
        assert!(refused.contains(&format!("{}/{MOVED}", path.display())), "{refused}");
    }

    #[test]
    fn a_file_is_no_directory() {
        let temp = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(DataDir::existing(Some(temp.path())), Err(DataDirError::System { .. })));
    }
}

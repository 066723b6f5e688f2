//! The file outside the database that knows every checkpoint: one line of JSON each. Whoever rolls
//! the database back would have to roll it back as well.

use super::Checkpoint;
use crate::{Engine, Error};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use waxseal_storage::Store;

/// Checkpoints that are read from the database at once.
const PAGE: usize = 100;
/// A last line that is longer is none of ours.
const LINE: u64 = 4 << 20;

/// Why the file is not gone by, or the database not used.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The file cannot be used.
    #[error("cannot use the file of checkpoints {path}: {source}")]
    System {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Its last line is no checkpoint.
    #[error(
        "the file of checkpoints {path} does not read as it was written: restore it, or move it \
         away if what it says of the past is not needed"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The database is older than the file, or another.
    #[error(
        "the database does not know checkpoint {number} of {path}: it was restored from a backup, \
         rolled back, or is another one. Make sure that it is the right one; then start once with \
         WAXSEAL_ADOPT_RESTORED=true, which puts on record that what came later was lost"
    )]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// The last number in it.
        number: u64,
    },
}

/// The file, and how far it goes.
pub(crate) struct Witness {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

struct State {
    file: File,
    /// The number of the last line.
    last: u64,
    /// Number and hash of the last line, where the database does not know it and was adopted.
    lost: Option<(u64, [u8; 32])>,
}

impl Witness {
    /// Opens the file, makes it where there is none, and compares its last line with the database.
    pub(crate) async fn open(
        path: &Path,
        store: &dyn Store,
        adopt: bool,
    ) -> Result<Self, crate::OpenError> {
        let (opening, system) = (path.to_owned(), system(path));
        let opened = tokio::task::spawn_blocking(move || open(&opening)).await;
        let (file, line) = match opened {
            Ok(opened) => opened.map_err(system)?,
            Err(_) => return Err(system(io::Error::other("the process is stopping")).into()),
        };
        let (mut last, mut lost) = (0, None);
        if let Some(line) = line {
            let malformed = |_| WitnessError::Malformed { path: path.to_owned() };
            let checkpoint: Checkpoint = serde_json::from_str(&line).map_err(malformed)?;
            last = checkpoint.number;
            let hash = checkpoint.hash();
            if !is_known(store, last, &hash).await? {
                if !adopt {
                    let path = path.to_owned();
                    return Err(WitnessError::RolledBack { path, number: last }.into());
                }
                lost = Some((last, hash));
            }
        }
        let state = Arc::new(Mutex::new(State { file, last, lost }));
        Ok(Self { path: path.to_owned(), state })
    }

    /// The last checkpoint that the database does not know, until one names it.
    pub(super) fn lost(&self) -> Option<(u64, [u8; 32])> {
        lock(&self.state).lost
    }

    /// Notes that a checkpoint names what was lost.
    pub(super) fn adopted(&self) {
        lock(&self.state).lost = None;
    }

    async fn append(&self, lines: Vec<(u64, String)>) -> Result<(), Error> {
        let (state, path) = (self.state.clone(), self.path.clone());
        let write = move || {
            let mut state = lock(&state);
            let mut text = String::new();
            for (number, line) in lines {
                // Another call may have been faster.
                if number > state.last {
                    text.extend([&*line, "\n"]);
                    state.last = number;
                }
            }
            state.file.write_all(text.as_bytes()).and_then(|()| state.file.sync_data())
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written
                .map_err(|source| Error::Internal(Box::new(WitnessError::System { path, source }))),
            Err(_) => Err(Error::ShuttingDown),
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn system(path: &Path) -> impl Fn(io::Error) -> WitnessError + use<> {
    let path = path.to_owned();
    move |source| WitnessError::System { path: path.clone(), source }
}

/// The file at its end, and its last whole line. What comes after that is the rest of a write that
/// was broken off, and is cut away.
fn open(path: &Path) -> io::Result<(File, Option<String>)> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(LINE);
    file.seek(SeekFrom::Start(begin))?;
    let (mut last, mut whole) = (None, begin);
    let mut reader = BufReader::new(&file);
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line)? as u64;
        if line.pop() != Some(b'\n') {
            break;
        }
        whole += read;
        last = Some(String::from_utf8_lossy(&line).into_owned());
    }
    if whole < length && (last.is_some() || begin == 0) {
        file.set_len(whole)?;
    }
    Ok((file, last))
}

/// Whether the database has this checkpoint, or has one that names it as lost.
async fn is_known(
    store: &dyn Store,
    number: u64,
    hash: &[u8; 32],
) -> Result<bool, waxseal_storage::Error> {
    let mut rows = store.snapshot().await?;
    let mut after = number - 1;
    loop {
        let page = rows.checkpoints(after, PAGE).await?;
        let Some(end) = page.last().map(|row| row.number) else { return Ok(false) };
        for row in &page {
            let Ok(checkpoint) = Checkpoint::read(row) else { continue };
            let same = checkpoint.number == number && checkpoint.hash() == *hash;
            if same || checkpoint.adopted.is_some_and(|adopted| adopted.0 == *hash) {
                return Ok(true);
            }
        }
        after = end;
    }
}

impl Engine {
    /// Writes to the file what it lacks.
    pub(super) async fn witness_checkpoints(&self) -> Result<(), Error> {
        let Some(witness) = &self.witness else { return Ok(()) };
        if witness.lost().is_some() {
            return Ok(());
        }
        loop {
            let last = lock(&witness.state).last;
            let page = self.store.snapshot().await?.checkpoints(last, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let lines = page.into_iter().map(|row| (row.number, row.document));
            witness.append(lines.collect()).await?;
        }
    }
}

//! A file that nobody else may read, replaced whole or not at all.

use super::FileError;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest key file, in bytes: some 350 keys.
pub(super) const LONGEST: usize = 65_536;

const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_DIRECTORY: u32 = 0o700;

/// Reads a private file. What is checked is the opened file and not its name, which could mean
/// another one a moment later.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // NONBLOCK, lest opening a pipe waits for someone to write to it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT => FileError::Absent { path: path.to_owned() },
        Errno::LOOP => FileError::Link { path: path.to_owned() },
        _ => io(path, "open", errno),
    })?;
    let stat = rustix::fs::fstat(&opened).map_err(|errno| io(path, "examine", errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::Irregular { path: path.to_owned() });
    }
    must_be_private(path, &stat, PRIVATE_FILE)?;

    // Longer than allowed by one byte, to notice that there is more.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    File::from(opened)
        .take(LONGEST as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| FileError::Io { path: path.to_owned(), doing: "read", source })?;
    if bytes.len() > LONGEST {
        return Err(FileError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The directory of a private file.
pub(super) struct Directory {
    opened: OwnedFd,
    path: PathBuf,
    file: OsString,
}

/// The same while nobody else who asks may change the file.
pub(super) struct Locked(Directory);

impl Directory {
    /// Opens the directory of a file, which must be private.
    pub(super) fn open(file: &Path) -> Result<Self, FileError> {
        let (path, file) = split(file)?;
        let opened = open_directory(path)?;
        let stat = rustix::fs::fstat(&opened).map_err(|errno| io(path, "examine", errno))?;
        must_be_private(path, &stat, PRIVATE_DIRECTORY)?;
        Ok(Self { opened, path: path.to_owned(), file: file.to_owned() })
    }

    /// As [`Self::open`], but makes the directory if there is none.
    pub(super) fn create(file: &Path) -> Result<Self, FileError> {
        let (path, _) = split(file)?;
        make(path)?;
        Self::open(file)
    }

    /// Waits until nobody else holds the directory. Dropping what this gives lets it go.
    pub(super) fn lock(self) -> Result<Locked, FileError> {
        rustix::fs::flock(&self.opened, FlockOperation::LockExclusive)
            .map_err(|errno| io(&self.path, "lock", errno))?;
        Ok(Locked(self))
    }
}

impl Locked {
    /// Whether anything has the file's name, be it a link to nowhere.
    pub(super) fn holds_file(&self) -> Result<bool, FileError> {
        let Directory { opened, path, file } = &self.0;
        match rustix::fs::statat(opened, file, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(io(&path.join(file), "examine", errno)),
        }
    }

    /// Writes the file under another name, then gives it its own: whoever opens it, and whoever
    /// finds it after a power failure, sees all of the old or all of the new content.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), FileError> {
        let Directory { opened, path, file } = &self.0;
        let temporary = temporary(file)?;
        let written = self.write_as(&temporary, bytes).and_then(|()| {
            rustix::fs::renameat(opened, &temporary, opened, file)
                .map_err(|errno| io(&path.join(file), "replace", errno))
        });
        if let Err(error) = written {
            // Best effort; the error that led here is the one to tell.
            let _ = rustix::fs::unlinkat(opened, &temporary, AtFlags::empty());
            return Err(error);
        }
        rustix::fs::fsync(opened).map_err(|errno| io(path, "flush", errno))
    }

    fn write_as(&self, name: &OsStr, bytes: &[u8]) -> Result<(), FileError> {
        let Directory { opened, path, .. } = &self.0;
        let path = path.join(name);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(opened, name, flags, Mode::from_raw_mode(PRIVATE_FILE))
            .map_err(|errno| io(&path, "create", errno))?;
        let mut file = File::from(file);
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| FileError::Io {
            path,
            doing: "write",
            source,
        })
    }
}

/// A name that nobody can have taken beforehand.
fn temporary(file: &OsStr) -> Result<OsString, FileError> {
    let mut random = [0; 8];
    waxseal_envelope::fill_random(&mut random).map_err(FileError::Randomness)?;
    let mut name = OsString::from(".");
    name.push(file);
    name.push(format!(".{:016x}", u64::from_be_bytes(random)));
    Ok(name)
}

fn split(file: &Path) -> Result<(&Path, &OsStr), FileError> {
    let name = file.file_name().ok_or_else(|| FileError::Irregular { path: file.to_owned() })?;
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")), name))
}

fn open_directory(path: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| io(path, "open", errno))
}

/// Makes a private directory, and those above it that are missing, to outlast a power failure.
fn make(path: &Path) -> Result<(), FileError> {
    if path.as_os_str().is_empty() || path.exists() {
        return Ok(());
    }
    let above = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    make(above)?;
    match rustix::fs::mkdir(path, Mode::from_raw_mode(PRIVATE_DIRECTORY)) {
        Ok(()) => {}
        // Another process was first; opening it finds out whether it is private.
        Err(Errno::EXIST) => return Ok(()),
        Err(errno) => return Err(io(path, "create", errno)),
    }
    rustix::fs::fsync(open_directory(above)?).map_err(|errno| io(above, "flush", errno))
}

fn must_be_private(path: &Path, stat: &Stat, private: u32) -> Result<(), FileError> {
    let (owner, user) = (stat.st_uid, rustix::process::geteuid().as_raw());
    if owner != user {
        return Err(FileError::Foreign { path: path.to_owned(), owner, user });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode, private });
    }
    Ok(())
}

fn io(path: &Path, doing: &'static str, errno: Errno) -> FileError {
    FileError::Io { path: path.to_owned(), doing, source: errno.into() }
}

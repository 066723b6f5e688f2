//! What is wrong with a key file, and how to mend it.

use std::io;
use std::path::PathBuf;

/// Why a key file cannot be used or changed. Never carries what the file holds.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("there is no key file {path}")]
    Absent {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is something at the path already, and key files are never replaced by new ones.
    #[error("{path} exists already; a key file is never replaced")]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A symbolic link, which someone else could turn elsewhere.
    #[error("{path} is a symbolic link; give the path of the key file itself")]
    Link {
        /// The path.
        path: PathBuf,
    },
    /// A directory, a pipe or a device.
    #[error("{path} is not a regular file")]
    Irregular {
        /// The path.
        path: PathBuf,
    },
    /// Owned by someone else.
    #[error(
        "{path} belongs to user {owner} and not to user {user}, who runs this; run: chown {user} '{path}'"
    )]
    Foreign {
        /// The file or its directory.
        path: PathBuf,
        /// The user id of the owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// Group or others may do something with it.
    #[error("{path} has mode {mode:04o}, so others may use it; run: chmod {private:o} '{path}'")]
    Exposed {
        /// The file or its directory.
        path: PathBuf,
        /// The mode that it has.
        mode: u32,
        /// The mode that it should have.
        private: u32,
    },
    /// Longer than any key file, 64 KiB.
    #[error("{path} is longer than 65536 bytes: it is not a key file, or holds too many keys")]
    TooLarge {
        /// The path.
        path: PathBuf,
    },
    /// Not the JSON of a key file.
    #[error("{path} is not a key file: line {line}, column {column}")]
    Malformed {
        /// The path.
        path: PathBuf,
        /// Where reading stopped, from 1.
        line: usize,
        /// Where reading stopped, from 1.
        column: usize,
    },
    /// JSON of the right shape that says something impossible.
    #[error("{path} is not a usable key file: {why}")]
    Invalid {
        /// The path.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// The file holds no key of that id.
    #[error("{path} holds no key {key_id}")]
    NoSuchKey {
        /// The path.
        path: PathBuf,
        /// The id that was asked for.
        key_id: String,
    },
    /// The file is of another deployment, or lacks a key, compared with when it was loaded.
    #[error(
        "{path} was replaced while in use by one that lacks key {key_id}; put the old one back"
    )]
    Replaced {
        /// The path.
        path: PathBuf,
        /// A key that is missed.
        key_id: String,
    },
    /// The operating system gave no random bytes.
    #[error("cannot make a key")]
    Randomness(#[source] waxseal_envelope::Error),
    /// The operating system refused.
    #[error("cannot {doing} {path}")]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

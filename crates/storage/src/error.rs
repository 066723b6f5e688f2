//! What can go wrong in a store. Absence is not an error: it is `None`.

/// A failure of the store. No message holds a row's content.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row does not read as this schema wrote it.
    #[error("a row of table {table} does not read as it was written ({column})")]
    Malformed {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database file is damaged.
    #[error("the database is damaged")]
    Damaged,
    /// No space is left to write.
    #[error("no space is left on the device of the database")]
    Full,
    /// Another change came first; the same transaction may succeed when it is tried again.
    #[error("another transaction came first")]
    Conflict,
    /// It cannot be told whether the commit took effect.
    #[error("the outcome of a commit is unknown")]
    CommitUnknown,
    /// The store shows an older state than it did before, as after a restore from a backup. Going
    /// on would hand out revisions twice.
    #[error(
        "the database has gone back to an older state ({what}): make sure that it is the \
         right one, then restart the servers with WAXSEAL_ADOPT_RESTORED=true once, to begin a new \
         life of the store on the state that is there"
    )]
    RolledBack {
        /// What shows it.
        what: String,
    },
    /// The schema is newer than this build.
    #[error(
        "{database} was written by a newer version of waxseal; run that version, or restore a backup \
         made before it"
    )]
    TooNew {
        /// The database file, or the database.
        database: String,
    },
    /// The schema is older than this build, and this is not the place to change it.
    #[error(
        "{database} was written by an older version of waxseal; start this version's server first"
    )]
    TooOld {
        /// The database file, or the database.
        database: String,
    },
    /// The database cannot be used just now, or not at all.
    #[error("the database cannot be used: {what}")]
    Unavailable {
        /// What failed, without any row's content.
        what: String,
    },
}

//! What a failure of the driver means. Its own texts hold statements, rows and literals, so none
//! of them leaves this file.

use crate::{Error, Result};
use std::error::Error as _;
use tokio_postgres::error::SqlState;

/// No answer in time; whether anything was done cannot be told.
pub(super) const SILENT: &str = "PostgreSQL did not answer in time";

pub(super) fn unavailable(what: &str) -> Error {
    Error::Unavailable { what: what.to_owned() }
}

/// A failure of a statement or a connection.
pub(super) fn of(error: &tokio_postgres::Error) -> Error {
    let Some(state) = error.code() else {
        return unavailable(if error.is_closed() || is_io(error) {
            "the connection to PostgreSQL was lost"
        } else {
            "PostgreSQL could not be spoken to"
        });
    };
    match state.code() {
        // The last is a statement of before a table was altered; a new connection prepares it anew.
        "40001" | "40P01" | "55P03" | "23505" | "0A000" => Error::Conflict,
        "53100" => Error::Full,
        "XX001" | "XX002" => Error::Damaged,
        "25006" => unavailable("PostgreSQL takes no changes"),
        "25P03" => unavailable("a transaction stood still for too long"),
        "3D000" => unavailable("the database does not exist"),
        "53300" => unavailable("PostgreSQL takes no more connections"),
        "57014" => unavailable("PostgreSQL gave up a statement that took too long"),
        "57P01" | "57P02" | "57P03" => unavailable("PostgreSQL is starting or stopping"),
        code if code.starts_with("28") => unavailable("PostgreSQL refused the user or password"),
        code if code.starts_with("42501") => unavailable("the user may not do this in PostgreSQL"),
        code => Error::Unavailable { what: format!("PostgreSQL refused a statement ({code})") },
    }
}

/// A failure to connect.
pub(super) fn to_connect(error: &tokio_postgres::Error) -> Error {
    // The driver keeps to itself which step failed, but for its text's fixed beginning.
    match error.code() {
        Some(_) => of(error),
        None if error.to_string().starts_with("error performing TLS handshake") => {
            unavailable("TLS with PostgreSQL failed; is its certificate one that is trusted here?")
        }
        None => unavailable("PostgreSQL cannot be reached"),
    }
}

/// Whether the connection is gone, or about to be, or of no use: see [`is_outdated`].
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(state) => [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::IDLE_SESSION_TIMEOUT,
            SqlState::FEATURE_NOT_SUPPORTED,
        ]
        .contains(state),
        None => error.is_closed() || is_io(error),
    }
}

/// Whether a newer server has added columns to a table, for which statements were prepared on this
/// connection, and on others like it, as it was before.
pub(super) fn is_outdated(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED)
}

/// Whether the server takes no changes: it was primary when the connection was made, and is not.
pub(super) fn is_read_only(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Whether the answer to a COMMIT says for certain that nothing was committed. A server that is
/// told to stop while it waits for its standbys has committed already.
pub(super) fn is_rolled_back(error: &tokio_postgres::Error) -> bool {
    let severity = error.as_db_error().and_then(tokio_postgres::error::DbError::parsed_severity);
    severity == Some(tokio_postgres::error::Severity::Error)
        && error.code().is_some_and(|state| !state.code().starts_with("57"))
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// The same failure, for another who waited for the same answer.
pub(super) fn again(error: &Error) -> Error {
    match error {
        Error::Malformed { table, column } => Error::Malformed { table, column },
        Error::Damaged => Error::Damaged,
        Error::Full => Error::Full,
        Error::Conflict => Error::Conflict,
        Error::CommitUnknown => Error::CommitUnknown,
        Error::RolledBack { what } => Error::RolledBack { what: what.clone() },
        Error::TooNew { database } => Error::TooNew { database: database.clone() },
        Error::TooOld { database } => Error::TooOld { database: database.clone() },
        Error::Unavailable { what } => Error::Unavailable { what: what.clone() },
    }
}

/// The answer, if it comes within this time.
pub(super) async fn within<T>(
    time: std::time::Duration,
    answer: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match tokio::time::timeout(time, answer).await {
        Ok(answer) => answer.map_err(|error| of(&error)),
        Err(_) => Err(unavailable(SILENT)),
    }
}

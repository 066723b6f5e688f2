//! Who has the database open. Every connection of a server holds an advisory lock together with all
//! the others; whoever must be alone, to move data keys, holds it alone. So the one cannot begin
//! while a server is there, on whichever host, and no server can join before it has ended: the
//! database itself gives the lock back with the connection.

use super::failure;
use crate::Result;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

/// "waxserve", as a number.
const LOCK: i64 = 0x7761_7873_6572_7665;

/// Joins those who have the database open, for as long as this connection lives. Waits for the lock
/// timeout of the connection.
pub(super) async fn join(client: &ClientWrapper) -> Result<()> {
    let sql = format!("-- holders(): join\nSELECT pg_advisory_lock_shared({LOCK})");
    match client.batch_execute(&sql).await {
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Err(failure::unavailable("its data keys are being moved, and no server may use them"))
        }
        joined => joined.map_err(|error| failure::of(&error)),
    }
}

/// Holds the database alone, for as long as this connection lives. Waits for nobody.
pub(super) async fn be_alone(client: &ClientWrapper) -> Result<()> {
    let sql = format!("-- holders(): alone\nSELECT pg_try_advisory_lock({LOCK})");
    let answer = client.simple_query(&sql).await.map_err(|error| failure::of(&error))?;
    let alone = answer.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    });
    match alone {
        true => Ok(()),
        false => Err(failure::unavailable("servers have it open; stop every one of them first")),
    }
}

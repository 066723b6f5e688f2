//! Which database this is, and whether it is still the one that the store's incarnation was taken
//! on.
//!
//! A cluster has a system identifier, and another timeline after every promotion and every
//! restore to a point in time. The store's row keeps both as they were when its incarnation was
//! taken. Every new connection compares; where they differ, revisions may be handed out again that
//! readers and caches know with another content, so a new incarnation is taken, in which no old
//! revision means anything. Not, though, if a head that this process has seen went back: then
//! acknowledged changes are gone, and somebody has to look.

use super::columns::first;
use super::shared::Shared;
use super::{failure, heads};
use crate::Result;
use deadpool_postgres::ClientWrapper;
use std::time::Instant;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

/// The store's row, as far as it tells of the identity.
struct Stored {
    incarnation: [u8; 16],
    system: Option<String>,
    timeline: Option<String>,
}

/// To be called on every new connection, before it is used.
pub(super) async fn check(client: &ClientWrapper, shared: &Shared) -> Result<()> {
    if shared.attached {
        return Ok(());
    }
    let Some((system, timeline)) = identity(client, shared).await? else { return Ok(()) };
    shared.note_identity((system.clone(), timeline.clone()));
    let Some(stored) = stored(client).await? else { return Ok(()) };
    match (&stored.system, &stored.timeline) {
        (Some(a), Some(b)) if *a == system && *b == timeline => Ok(()),
        (None, _) | (_, None) => {
            let sql = "-- identity(): first known
                 UPDATE store SET system_identifier = $1, timeline = $2
                 WHERE system_identifier IS NULL OR timeline IS NULL";
            let done = client.execute(sql, &[&system, &timeline]).await;
            done.map(drop).map_err(|error| failure::of(&error))
        }
        _ => {
            heads_stand(client, shared).await?;
            renew(client, &stored.incarnation, Some((&system, &timeline))).await
        }
    }
}

/// Takes a new incarnation whatever the state is: the operator has looked at it.
pub(super) async fn adopt(client: &ClientWrapper, shared: &Shared) -> Result<()> {
    let identity = identity(client, shared).await?;
    let Some(stored) = stored(client).await? else { return Ok(()) };
    let identity = identity.as_ref().map(|(system, timeline)| (&**system, &**timeline));
    renew(client, &stored.incarnation, identity).await
}

async fn identity(client: &ClientWrapper, shared: &Shared) -> Result<Option<(String, String)>> {
    let sql = "-- identity()
         SELECT system_identifier::text AS system,
                substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline
         FROM pg_control_system()";
    match client.query(sql, &[]).await {
        Ok(rows) => {
            let read = first("pg_control_system", &rows, |row| {
                Ok((row.get("system")?, row.get("timeline")?))
            });
            Ok(read?)
        }
        Err(error)
            if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
                || error.code() == Some(&SqlState::UNDEFINED_FUNCTION)
                || error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) =>
        {
            shared.identity_is_unknown();
            Ok(None)
        }
        Err(error) => Err(failure::of(&error)),
    }
}

async fn stored(client: &ClientWrapper) -> Result<Option<Stored>> {
    let sql = "-- identity(): stored\nSELECT incarnation, system_identifier, timeline FROM store";
    let rows = client.query(sql, &[]).await.map_err(|error| failure::of(&error))?;
    first("store", &rows, |row| {
        Ok(Stored {
            incarnation: row.bytes("incarnation")?,
            system: row.get("system_identifier")?,
            timeline: row.get("timeline")?,
        })
    })
}

/// Whether no head that this process has seen went back.
async fn heads_stand(client: &ClientWrapper, shared: &Shared) -> Result<()> {
    let (seen, ticket) = {
        let local = shared.local();
        (local.seen(), local.ask(Instant::now()))
    };
    let found = heads::read(client, &seen).await.map_err(|error| failure::of(&error))??;
    let done = shared.local().answer(&ticket, Instant::now(), &seen, &found);
    match done {
        Ok(moved) => {
            shared.tell(&moved);
            Ok(())
        }
        Err(regression) => Err(shared.stop(regression)),
    }
}

/// Another incarnation in place of this one, if nobody else has taken one meanwhile.
async fn renew(
    client: &ClientWrapper,
    old: &[u8; 16],
    identity: Option<(&str, &str)>,
) -> Result<()> {
    let sql = "-- identity(): new incarnation
         UPDATE store SET incarnation = $2, system_identifier = $3, timeline = $4
         WHERE incarnation = $1";
    let (system, timeline) = identity.unzip();
    let new = Uuid::new_v4();
    let renewed = client
        .execute(sql, &[&&old[..], &&new.as_bytes()[..], &system, &timeline])
        .await
        .map_err(|error| failure::of(&error))?;
    if renewed == 1 {
        tracing::warn!(
            incarnation = %new,
            "the database is another than before, after a failover or a restore: a new life of \
             the store begins, and revisions of the old one are no longer answered"
        );
    }
    Ok(())
}

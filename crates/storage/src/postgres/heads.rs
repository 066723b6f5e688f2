//! Heads as the database tells them.

use super::columns::Row;
use crate::{EnvironmentHead, Error, Head, Result};
use deadpool_postgres::ClientWrapper;
use std::sync::Arc;
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

/// The heads of some projects; one that does not read as it was written is lost alone.
pub(super) type Found = Vec<(ProjectId, Result<Arc<Head>>)>;

/// What a question for heads is answered with.
pub(super) struct Answered {
    /// The authorisation epoch; none where the store has no row yet.
    pub(super) epoch: Option<u64>,
    /// The heads of the projects that there are.
    pub(super) heads: Found,
}

/// What moved since a snapshot.
pub(super) struct Poll {
    /// The life of the store; none where it has no row yet.
    pub(super) incarnation: Option<Incarnation>,
    /// The authorisation epoch; none likewise.
    pub(super) epoch: Option<u64>,
    /// The oldest transaction that had not ended in this poll's snapshot: where the next begins.
    pub(super) cursor: u64,
    /// The projects that a transaction from the cursor on wrote.
    pub(super) heads: Found,
}

/// No transaction comes after this one.
const NOTHING: u64 = u64::MAX;

type Driver<T> = std::result::Result<T, tokio_postgres::Error>;

/// The heads of these projects and the authorisation epoch, as they are now, in one statement and
/// with that of one state.
pub(super) async fn read(
    client: &ClientWrapper,
    projects: &[ProjectId],
) -> Driver<Result<Answered>> {
    let sql = "-- heads()
         SELECT s.incarnation, s.epoch, p.id, p.uid, p.revision, p.deleted, e.uid AS environment,
                e.id AS environment_id, e.draft_revision, e.live_revision
         FROM store s
         LEFT JOIN project p ON p.id = ANY($1)
         LEFT JOIN environment e ON e.project = p.uid
         ORDER BY p.id, e.id";
    let ids: Vec<&str> = projects.iter().map(ProjectId::as_str).collect();
    let prepared = client.prepare_cached(sql).await?;
    Ok(read_answer(&client.query(&prepared, &[&ids]).await?))
}

fn read_answer(rows: &[tokio_postgres::Row]) -> Result<Answered> {
    let epoch = rows.first().map(|row| Row::new("store", row).count("epoch")).transpose()?;
    Ok(Answered { epoch, heads: collect(rows) })
}

/// What was written by transactions from the cursor on; without a cursor only where to begin.
pub(super) async fn poll(client: &ClientWrapper, cursor: Option<u64>) -> Driver<Result<Poll>> {
    let sql = "-- heads_since()
         SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS cursor, s.incarnation, s.epoch,
                p.id, p.uid, p.revision, p.deleted, e.uid AS environment, e.id AS environment_id,
                e.draft_revision, e.live_revision
         FROM (SELECT 1) AS always
         LEFT JOIN store s ON true
         LEFT JOIN project p ON p.last_xid >= $1::text::xid8
         LEFT JOIN environment e ON e.project = p.uid
         ORDER BY p.id, e.id";
    let prepared = client.prepare_cached(sql).await?;
    let rows = client.query(&prepared, &[&cursor.unwrap_or(NOTHING).to_string()]).await?;
    Ok(read_poll(&rows))
}

fn read_poll(rows: &[tokio_postgres::Row]) -> Result<Poll> {
    const CURSOR: Error = Error::Malformed { table: "pg_snapshot", column: "xmin" };
    let row = Row::new("store", rows.first().ok_or(CURSOR)?);
    let incarnation = match row.get::<Option<&[u8]>>("incarnation")? {
        Some(_) => Some(Incarnation::from_bytes(row.bytes("incarnation")?)),
        None => None,
    };
    let epoch = match incarnation {
        Some(_) => Some(row.count("epoch")?),
        None => None,
    };
    let cursor = row.get::<&str>("cursor")?.parse().map_err(|_| CURSOR)?;
    let heads = if incarnation.is_some() { collect(rows) } else { Vec::new() };
    Ok(Poll { incarnation, epoch, cursor, heads })
}

/// A row for each environment, and one for a project without any, in the order of the projects.
fn collect(rows: &[tokio_postgres::Row]) -> Found {
    let id = |row: &tokio_postgres::Row| row.try_get::<_, Option<String>>("id").ok().flatten();
    rows.chunk_by(|a, b| id(a) == id(b))
        .filter_map(|rows| {
            let project = ProjectId::parse(&id(rows.first()?)?).ok()?;
            Some((project, head(rows).map(Arc::new)))
        })
        .collect()
}

fn head(rows: &[tokio_postgres::Row]) -> Result<Head> {
    const NONE: Error = Error::Malformed { table: "project", column: "id" };
    let row = Row::new("project", rows.first().ok_or(NONE)?);
    Ok(Head {
        incarnation: Incarnation::from_bytes(row.bytes("incarnation")?),
        project: ProjectUid::from_bytes(row.bytes("uid")?),
        revision: row.count("revision")?,
        deleted: row.maybe_time("deleted")?.is_some(),
        environments: rows.iter().filter_map(environment).collect::<Result<_>>()?,
    })
}

fn environment(row: &tokio_postgres::Row) -> Option<Result<EnvironmentHead>> {
    let row = Row::new("environment", row);
    let read = || {
        if row.get::<Option<&[u8]>>("environment")?.is_none() {
            return Ok(None);
        }
        Ok(Some(EnvironmentHead {
            uid: EnvironmentUid::from_bytes(row.bytes("environment")?),
            id: row.name("environment_id", EnvironmentId::parse)?,
            draft: row.count("draft_revision")?,
            live: row.count("live_revision")?,
        }))
    };
    read().transpose()
}

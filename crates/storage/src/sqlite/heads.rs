//! The heads of all projects and the authorisation epoch, in memory.

use super::columns::{Row, uid};
use super::principals;
use crate::followers::Followers;
use crate::{EnvironmentHead, Error, Head, Result};
use foldhash::HashMap;
use rusqlite::Connection;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use waxseal_domain::name::ProjectId;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

#[derive(Default)]
pub(super) struct Heads {
    by_id: RwLock<HashMap<ProjectId, Arc<Head>>>,
    epoch: AtomicU64,
    pub(super) followers: Followers,
}

type Fresh = Vec<(ProjectId, Arc<Head>)>;

impl Heads {
    /// All that can be read. A project whose head does not read as it was written is left out,
    /// and lost alone.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let heads = Self::default();
        heads.publish_epoch(principals::epoch(connection)?);
        for project in project_uids(connection)? {
            match project.and_then(|project| heads.read(connection, &[project])) {
                Ok(head) => heads.publish(head),
                Err(Error::Malformed { table, column }) => {
                    tracing::error!(table, column, "the head of a project does not read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(heads)
    }

    pub(super) fn get(&self, project: &ProjectId) -> Option<Arc<Head>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(project).cloned()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// It only rises, also where a process beside this one raised it.
    pub(super) fn publish_epoch(&self, epoch: u64) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
    }

    pub(super) fn publish(&self, fresh: Fresh) {
        let moved: Vec<_> = fresh.iter().map(|(id, _)| id.clone()).collect();
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).extend(fresh);
        for id in &moved {
            self.followers.tell(id);
        }
    }

    pub(super) fn forget(&self, gone: &[ProjectId]) {
        let mut heads = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        for id in gone {
            heads.remove(id);
            self.followers.tell(id);
        }
    }

    /// The heads of these projects as this connection sees them.
    #[allow(clippy::unused_self, reason = "reading and publishing are one motion")]
    pub(super) fn read(&self, connection: &Connection, projects: &[ProjectUid]) -> Result<Fresh> {
        projects.iter().map(|project| head(connection, *project)).collect()
    }
}

fn project_uids(connection: &Connection) -> Result<Vec<Result<ProjectUid>>> {
    let mut statement = connection.prepare("-- project_uids()\nSELECT uid FROM project")?;
    let mut rows = statement.query([])?;
    let mut uids = Vec::new();
    while let Some(row) = rows.next()? {
        uids.push(Row::new("project", row).bytes("uid").map(ProjectUid::from_bytes));
    }
    Ok(uids)
}

fn head(connection: &Connection, project: ProjectUid) -> Result<(ProjectId, Arc<Head>)> {
    let mut statement = connection.prepare_cached(
        "-- head()
         SELECT p.id, p.revision, p.deleted, s.incarnation FROM project p, store s WHERE p.uid = ?1",
    )?;
    let environments = environments(connection, project)?;
    statement.query_row([uid(project.bytes())], |row| {
        let row = Row::new("project", row);
        Ok(row.name("id", ProjectId::parse).and_then(|id| {
            let head = Head {
                incarnation: Incarnation::from_bytes(row.bytes("incarnation")?),
                project,
                revision: row.count("revision")?,
                deleted: row.maybe_time("deleted")?.is_some(),
                environments,
            };
            Ok((id, Arc::new(head)))
        }))
    })?
}

fn environments(connection: &Connection, project: ProjectUid) -> Result<Vec<EnvironmentHead>> {
    let mut statement = connection.prepare_cached(
        "-- environment_heads()
         SELECT uid, id, draft_revision, live_revision FROM environment
         WHERE project = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([uid(project.bytes())])?;
    let mut environments = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row::new("environment", row);
        environments.push(EnvironmentHead {
            uid: EnvironmentUid::from_bytes(row.bytes("uid")?),
            id: row.name("id", waxseal_domain::name::EnvironmentId::parse)?,
            draft: row.count("draft_revision")?,
            live: row.count("live_revision")?,
        });
    }
    Ok(environments)
}

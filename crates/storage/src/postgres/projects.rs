//! Projects and their heads.

use super::columns::{Row, all, first, number};
use super::session::Session;
use crate::{ProjectEdits, ProjectRow, ProjectRows, Result};
use async_trait::async_trait;
use waxseal_domain::name::ProjectId;
use waxseal_domain::project::Project;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Incarnation, ProjectUid};

/// Also one of the statements of a view.
pub(super) const PROJECT: &str =
    "-- project()\nSELECT p.*, s.incarnation FROM project p, store s WHERE p.id = $1";

/// The one project of an id, locked or not.
pub(super) const fn project(lock: bool) -> &'static str {
    if lock {
        "-- project(): for update
         SELECT p.*, s.incarnation FROM project p, store s WHERE p.id = $1 FOR UPDATE OF p"
    } else {
        PROJECT
    }
}

#[async_trait]
impl ProjectRows for Session {
    async fn project(&mut self, id: &ProjectId) -> Result<Option<ProjectRow>> {
        first("project", &self.query(project(self.writes()), &[&id.as_str()]).await?, read)
    }

    async fn projects(
        &mut self,
        after: Option<&ProjectId>,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<ProjectRow>> {
        let rows = self
            .query(
                "-- projects()
                 SELECT p.*, s.incarnation FROM project p, store s
                 WHERE p.id > $1 AND ($2 OR p.deleted IS NULL) ORDER BY p.id LIMIT $3",
                &[&after.map_or("", ProjectId::as_str), &deleted, &number(limit as u64)],
            )
            .await?;
        all("project", &rows, read)
    }

    async fn count_projects(&mut self, deleted: bool) -> Result<u64> {
        let rows = self
            .query(
                "-- count_projects()
                 SELECT count(*) AS projects FROM project WHERE $1 OR deleted IS NULL",
                &[&deleted],
            )
            .await?;
        Ok(first("project", &rows, |row| row.count("projects"))?.unwrap_or(0))
    }

    async fn purgeable(&mut self, now: Timestamp) -> Result<Vec<ProjectId>> {
        let rows = self
            .query(
                "-- purgeable()
                 SELECT p.id FROM project p
                 WHERE p.purge <= $1
                    OR EXISTS (SELECT 1 FROM secret s WHERE s.project = p.uid AND s.purge <= $1)
                 ORDER BY p.id",
                &[&now.micros()],
            )
            .await?;
        all("project", &rows, |row| row.name("id", ProjectId::parse))
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<ProjectRow> {
    Ok(ProjectRow {
        project: Project {
            uid: ProjectUid::from_bytes(row.bytes("uid")?),
            id: row.name("id", ProjectId::parse)?,
            display_name: row.get("display_name")?,
            edition: row.count("edition")?,
            created: row.time("created")?,
            updated: row.time("updated")?,
            deletion: row.deletion()?,
        },
        incarnation: Incarnation::from_bytes(row.bytes("incarnation")?),
        revision: row.count("revision")?,
        integrity_key: row.wrapped("integrity_key_kind", "integrity_key_id", "integrity_key")?,
        fingerprint_key: row.wrapped(
            "fingerprint_key_kind",
            "fingerprint_key_id",
            "fingerprint_key",
        )?,
        catalogue: row.bytes("catalogue")?,
        manifest: row.bytes("manifest")?,
    })
}

#[async_trait]
impl ProjectEdits for Session {
    async fn insert_project(&mut self, row: &ProjectRow) -> Result<()> {
        let project = &row.project;
        self.moved.push(project.id.clone());
        self.execute(
            "-- insert_project()
             INSERT INTO project (uid, id, display_name, edition, created, updated, revision,
                                  last_xid, integrity_key_kind, integrity_key_id, integrity_key,
                                  fingerprint_key_kind, fingerprint_key_id, fingerprint_key,
                                  catalogue, manifest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, pg_current_xact_id(), $8, $9, $10, $11, $12,
                     $13, $14, $15)",
            &[
                &&project.uid.bytes()[..],
                &project.id.as_str(),
                &project.display_name,
                &number(project.edition),
                &project.created.micros(),
                &project.updated.micros(),
                &number(row.revision),
                &i16::from(row.integrity_key.kind),
                &row.integrity_key.key_id,
                &row.integrity_key.bytes,
                &i16::from(row.fingerprint_key.kind),
                &row.fingerprint_key.key_id,
                &row.fingerprint_key.bytes,
                &&row.catalogue[..],
                &&row.manifest[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn update_project(&mut self, row: &ProjectRow) -> Result<()> {
        let project = &row.project;
        self.moved.push(project.id.clone());
        self.written.push((project.id.clone(), project.uid, row.revision));
        self.edit(
            "-- update_project()
             UPDATE project SET display_name = $2, edition = $3, updated = $4, revision = $5,
                                catalogue = $6, manifest = $7, deleted = $8, purge = $9,
                                last_xid = pg_current_xact_id()
             WHERE uid = $1",
            &[
                &&project.uid.bytes()[..],
                &project.display_name,
                &number(project.edition),
                &project.updated.micros(),
                &number(row.revision),
                &&row.catalogue[..],
                &&row.manifest[..],
                &project.deletion.map(|deletion| deletion.deleted.micros()),
                &project.deletion.map(|deletion| deletion.purge.micros()),
            ],
        )
        .await?;
        Ok(())
    }

    /// Everything that a project owns, what refers before what is referred to.
    async fn remove_project(&mut self, row: &ProjectRow) -> Result<()> {
        self.moved.push(row.project.id.clone());
        self.gone.push(row.project.id.clone());
        for sql in [
            "-- remove_project(): values
             DELETE FROM value WHERE secret IN (SELECT uid FROM secret WHERE project = $1)",
            "-- remove_project(): slots\nDELETE FROM slot WHERE project = $1",
            "-- remove_project(): aliases\nDELETE FROM alias WHERE project = $1",
            "-- remove_project(): secrets\nDELETE FROM secret WHERE project = $1",
            "-- remove_project(): environments\nDELETE FROM environment WHERE project = $1",
            "-- remove_project()\nDELETE FROM project WHERE uid = $1",
        ] {
            self.execute(sql, &[&&row.project.uid.bytes()[..]]).await?;
        }
        Ok(())
    }
}

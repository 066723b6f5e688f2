//! Projects and their heads.

use super::columns::{Row, number, uid};
use super::session::Session;
use crate::{ProjectEdits, ProjectRow, ProjectRows, Result};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use waxseal_domain::name::ProjectId;
use waxseal_domain::project::Project;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Incarnation, ProjectUid};

#[async_trait]
impl ProjectRows for Session {
    async fn project(&mut self, id: &ProjectId) -> Result<Option<ProjectRow>> {
        let id = id.clone();
        self.call(move |connection| project(connection, &id)).await
    }

    async fn projects(
        &mut self,
        after: Option<&ProjectId>,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<ProjectRow>> {
        let after = after.map_or_else(String::new, |id| id.as_str().to_owned());
        self.call(move |connection| projects(connection, &after, deleted, limit)).await
    }

    async fn purgeable(&mut self, now: Timestamp) -> Result<Vec<ProjectId>> {
        self.call(move |connection| purgeable(connection, now)).await
    }

    async fn count_projects(&mut self, deleted: bool) -> Result<u64> {
        self.call(move |connection| {
            let count: i64 = connection.query_row(
                "-- count_projects()
                 SELECT count(*) FROM project WHERE ?1 OR deleted IS NULL",
                [deleted],
                |row| row.get(0),
            )?;
            Ok(count.unsigned_abs())
        })
        .await
    }
}

fn project(connection: &Connection, id: &ProjectId) -> Result<Option<ProjectRow>> {
    connection
        .prepare_cached(
            "-- project()\nSELECT p.*, s.incarnation FROM project p, store s WHERE p.id = ?1",
        )?
        .query_row([id.as_str()], |row| Ok(read(&Row::new("project", row))))
        .optional()?
        .transpose()
}

fn projects(
    connection: &Connection,
    after: &str,
    deleted: bool,
    limit: usize,
) -> Result<Vec<ProjectRow>> {
    let mut statement = connection.prepare_cached(
        "-- projects()
         SELECT p.*, s.incarnation FROM project p, store s
         WHERE p.id > ?1 AND (?2 OR p.deleted IS NULL) ORDER BY p.id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![after, deleted, number(limit as u64)])?;
    let mut projects = Vec::new();
    while let Some(row) = rows.next()? {
        projects.push(read(&Row::new("project", row))?);
    }
    Ok(projects)
}

fn read(row: &Row<'_>) -> Result<ProjectRow> {
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
        self.moved.push(row.project.uid);
        let row = row.clone();
        self.call(move |connection| insert(connection, &row)).await
    }

    async fn update_project(&mut self, row: &ProjectRow) -> Result<()> {
        self.moved.push(row.project.uid);
        let row = row.clone();
        self.call(move |connection| update(connection, &row)).await
    }

    async fn remove_project(&mut self, row: &ProjectRow) -> Result<()> {
        let project = row.project.uid;
        self.moved.retain(|moved| *moved != project);
        self.gone.push(row.project.id.clone());
        self.call(move |connection| remove(connection, project)).await
    }
}

fn insert(connection: &Connection, row: &ProjectRow) -> Result<()> {
    let project = &row.project;
    connection.execute(
        "-- insert_project()
         INSERT INTO project (uid, id, display_name, edition, created, updated, revision,
                              integrity_key_kind, integrity_key_id, integrity_key,
                              fingerprint_key_kind, fingerprint_key_id, fingerprint_key,
                              catalogue, manifest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            uid(project.uid.bytes()),
            project.id.as_str(),
            project.display_name,
            number(project.edition),
            project.created.micros(),
            project.updated.micros(),
            number(row.revision),
            row.integrity_key.kind,
            row.integrity_key.key_id,
            row.integrity_key.bytes,
            row.fingerprint_key.kind,
            row.fingerprint_key.key_id,
            row.fingerprint_key.bytes,
            row.catalogue,
            row.manifest,
        ],
    )?;
    Ok(())
}

fn update(connection: &Connection, row: &ProjectRow) -> Result<()> {
    let project = &row.project;
    connection
        .prepare_cached(
            "-- update_project()
             UPDATE project SET display_name = ?2, edition = ?3, updated = ?4, revision = ?5,
                                catalogue = ?6, manifest = ?7, deleted = ?8, purge = ?9
             WHERE uid = ?1",
        )?
        .execute(params![
            uid(project.uid.bytes()),
            project.display_name,
            number(project.edition),
            project.updated.micros(),
            number(row.revision),
            row.catalogue,
            row.manifest,
            project.deletion.map(|deletion| deletion.deleted.micros()),
            project.deletion.map(|deletion| deletion.purge.micros()),
        ])?;
    Ok(())
}

/// Everything that a project owns, what refers before what is referred to.
fn remove(connection: &Connection, project: ProjectUid) -> Result<()> {
    for sql in [
        "-- remove_project(): values
         DELETE FROM value WHERE secret IN (SELECT uid FROM secret WHERE project = ?1)",
        "-- remove_project(): slots\nDELETE FROM slot WHERE project = ?1",
        "-- remove_project(): aliases\nDELETE FROM alias WHERE project = ?1",
        "-- remove_project(): secrets\nDELETE FROM secret WHERE project = ?1",
        "-- remove_project(): environments\nDELETE FROM environment WHERE project = ?1",
        "-- remove_project()\nDELETE FROM project WHERE uid = ?1",
    ] {
        connection.execute(sql, [uid(project.bytes())])?;
    }
    Ok(())
}

fn purgeable(connection: &Connection, now: Timestamp) -> Result<Vec<ProjectId>> {
    let mut statement = connection.prepare_cached(
        "-- purgeable()
         SELECT p.id FROM project p
         WHERE p.purge <= ?1
            OR EXISTS (SELECT 1 FROM secret s WHERE s.project = p.uid AND s.purge <= ?1)
         ORDER BY p.id",
    )?;
    let mut rows = statement.query([now.micros()])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(Row::new("project", row).name("id", ProjectId::parse)?);
    }
    Ok(ids)
}

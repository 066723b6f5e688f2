//! Environments.

use super::columns::{Row, flag, number, uid};
use super::session::Session;
use crate::{EnvironmentEdits, EnvironmentRow, EnvironmentRows, GroupRow, Result};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use waxseal_domain::environment::{Environment, Fallback, Settings};
use waxseal_domain::name::EnvironmentId;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid};

const fn fallback_number(fallback: Fallback) -> u8 {
    match fallback {
        Fallback::Allow => 1,
        Fallback::Deny => 2,
    }
}

const fn fallback_from(number: u8) -> Option<Fallback> {
    match number {
        1 => Some(Fallback::Allow),
        2 => Some(Fallback::Deny),
        _ => None,
    }
}

#[async_trait]
impl EnvironmentRows for Session {
    async fn environments(&mut self, project: ProjectUid) -> Result<Vec<EnvironmentRow>> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- environments()\nSELECT * FROM environment WHERE project = ?1 ORDER BY id",
            )?;
            let mut rows = statement.query([uid(project.bytes())])?;
            let mut environments = Vec::new();
            while let Some(row) = rows.next()? {
                environments.push(read(&Row::new("environment", row))?);
            }
            Ok(environments)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<EnvironmentRow> {
    Ok(EnvironmentRow {
        environment: Environment {
            uid: EnvironmentUid::from_bytes(row.bytes("uid")?),
            id: row.name("id", EnvironmentId::parse)?,
            settings: Settings {
                display_name: row.get("display_name")?,
                fallback: row.one_of("fallback", fallback_from)?,
                protected: row.one_of("protected", flag)?,
            },
            edition: row.count("edition")?,
            created: row.time("created")?,
            updated: row.time("updated")?,
        },
        draft: GroupRow {
            revision: row.count("draft_revision")?,
            digest: row.bytes("draft_digest")?,
        },
        live: GroupRow { revision: row.count("live_revision")?, digest: row.bytes("live_digest")? },
    })
}

#[async_trait]
impl EnvironmentEdits for Session {
    async fn insert_environment(
        &mut self,
        project: ProjectUid,
        row: &EnvironmentRow,
    ) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| insert(connection, project, &row)).await
    }

    async fn update_environment(&mut self, row: &EnvironmentRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| update(connection, &row)).await
    }

    async fn remove_environment(&mut self, project: ProjectUid, uid: EnvironmentUid) -> Result<()> {
        self.call(move |connection| remove(connection, project, uid)).await
    }
}

fn insert(connection: &Connection, project: ProjectUid, row: &EnvironmentRow) -> Result<()> {
    let EnvironmentRow { environment, draft, live } = row;
    connection.execute(
        "-- insert_environment()
         INSERT INTO environment (uid, project, id, display_name, fallback, protected, edition,
                                  created, updated, draft_revision, draft_digest,
                                  live_revision, live_digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            uid(environment.uid.bytes()),
            uid(project.bytes()),
            environment.id.as_str(),
            environment.settings.display_name,
            fallback_number(environment.settings.fallback),
            environment.settings.protected,
            number(environment.edition),
            environment.created.micros(),
            environment.updated.micros(),
            number(draft.revision),
            draft.digest,
            number(live.revision),
            live.digest,
        ],
    )?;
    Ok(())
}

fn update(connection: &Connection, row: &EnvironmentRow) -> Result<()> {
    let EnvironmentRow { environment, draft, live } = row;
    connection
        .prepare_cached(
            "-- update_environment()
             UPDATE environment SET display_name = ?2, fallback = ?3, protected = ?4,
                                    edition = ?5, updated = ?6, draft_revision = ?7,
                                    draft_digest = ?8, live_revision = ?9, live_digest = ?10
             WHERE uid = ?1",
        )?
        .execute(params![
            uid(environment.uid.bytes()),
            environment.settings.display_name,
            fallback_number(environment.settings.fallback),
            environment.settings.protected,
            number(environment.edition),
            environment.updated.micros(),
            number(draft.revision),
            draft.digest,
            number(live.revision),
            live.digest,
        ])?;
    Ok(())
}

fn remove(connection: &Connection, project: ProjectUid, environment: EnvironmentUid) -> Result<()> {
    let (project, environment) = (uid(project.bytes()), uid(environment.bytes()));
    connection.execute(
        "-- remove_environment(): values
         DELETE FROM value WHERE environment = ?2 AND secret IN
             (SELECT secret FROM slot WHERE project = ?1 AND environment = ?2)",
        params![project, environment],
    )?;
    connection.execute(
        "-- remove_environment(): slots
         DELETE FROM slot WHERE project = ?1 AND environment = ?2",
        params![project, environment],
    )?;
    connection.execute(
        "-- remove_environment()
         DELETE FROM environment WHERE project = ?1 AND uid = ?2",
        params![project, environment],
    )?;
    Ok(())
}

//! Environments.

use super::columns::{Row, all, flag, number};
use super::session::Session;
use crate::{EnvironmentEdits, EnvironmentRow, EnvironmentRows, GroupRow, Result};
use async_trait::async_trait;
use waxseal_domain::environment::{Environment, Fallback, Settings};
use waxseal_domain::name::EnvironmentId;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid};

/// Of the project of an id; also one of the statements of a view.
pub(super) const OF_PROJECT_ID: &str = "-- environments(): by the project's id
    SELECT e.* FROM project p JOIN environment e ON e.project = p.uid
    WHERE p.id = $1 ORDER BY e.id";

const fn fallback_number(fallback: Fallback) -> i16 {
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
        let rows = self
            .query(
                "-- environments()\nSELECT * FROM environment WHERE project = $1 ORDER BY id",
                &[&&project.bytes()[..]],
            )
            .await?;
        all("environment", &rows, read)
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<EnvironmentRow> {
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
        let EnvironmentRow { environment, draft, live } = row;
        self.edit(
            "-- insert_environment()
             INSERT INTO environment (uid, project, id, display_name, fallback, protected,
                                      edition, created, updated, draft_revision, draft_digest,
                                      live_revision, live_digest)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &[
                &&environment.uid.bytes()[..],
                &&project.bytes()[..],
                &environment.id.as_str(),
                &environment.settings.display_name,
                &fallback_number(environment.settings.fallback),
                &i16::from(environment.settings.protected),
                &number(environment.edition),
                &environment.created.micros(),
                &environment.updated.micros(),
                &number(draft.revision),
                &&draft.digest[..],
                &number(live.revision),
                &&live.digest[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn update_environment(&mut self, row: &EnvironmentRow) -> Result<()> {
        let EnvironmentRow { environment, draft, live } = row;
        self.edit(
            "-- update_environment()
             UPDATE environment SET display_name = $2, fallback = $3, protected = $4,
                                    edition = $5, updated = $6, draft_revision = $7,
                                    draft_digest = $8, live_revision = $9, live_digest = $10
             WHERE uid = $1",
            &[
                &&environment.uid.bytes()[..],
                &environment.settings.display_name,
                &fallback_number(environment.settings.fallback),
                &i16::from(environment.settings.protected),
                &number(environment.edition),
                &environment.updated.micros(),
                &number(draft.revision),
                &&draft.digest[..],
                &number(live.revision),
                &&live.digest[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn remove_environment(&mut self, project: ProjectUid, uid: EnvironmentUid) -> Result<()> {
        for sql in [
            "-- remove_environment(): values
             DELETE FROM value WHERE environment = $2 AND secret IN
                 (SELECT secret FROM slot WHERE project = $1 AND environment = $2)",
            "-- remove_environment(): slots
             DELETE FROM slot WHERE project = $1 AND environment = $2",
            "-- remove_environment()
             DELETE FROM environment WHERE project = $1 AND uid = $2",
        ] {
            self.execute(sql, &[&&project.bytes()[..], &&uid.bytes()[..]]).await?;
        }
        Ok(())
    }
}

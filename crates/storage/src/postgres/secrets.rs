//! Secrets without their values.

use super::columns::{Row, all, first, number};
use super::session::Session;
use crate::{AliasRow, Result, SecretEdits, SecretRows};
use async_trait::async_trait;
use waxseal_domain::name::SecretName;
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::uid::{ProjectUid, SecretUid};

pub(super) const SECRETS: &str =
    "-- secrets()\nSELECT * FROM secret WHERE project = $1 ORDER BY folded";

pub(super) const ALIASES: &str =
    "-- aliases()\nSELECT name, secret FROM alias WHERE project = $1 ORDER BY name";

#[async_trait]
impl SecretRows for Session {
    async fn secrets(&mut self, project: ProjectUid) -> Result<Vec<Secret>> {
        all("secret", &self.query(SECRETS, &[&&project.bytes()[..]]).await?, read)
    }

    async fn aliases(&mut self, project: ProjectUid) -> Result<Vec<AliasRow>> {
        all("alias", &self.query(ALIASES, &[&&project.bytes()[..]]).await?, read_alias)
    }

    async fn secret(&mut self, project: ProjectUid, name: &SecretName) -> Result<Option<Secret>> {
        let rows = self
            .query(
                "-- secret()\nSELECT * FROM secret WHERE project = $1 AND folded = $2",
                &[&&project.bytes()[..], &name.folded()],
            )
            .await?;
        first("secret", &rows, read)
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<Secret> {
    Ok(Secret {
        uid: SecretUid::from_bytes(row.bytes("uid")?),
        name: row.name("name", SecretName::parse)?,
        visibility: row.one_of("visibility", Visibility::from_number)?,
        description: row.get("description")?,
        edition: row.count("edition")?,
        created: row.time("created")?,
        updated: row.time("updated")?,
        deletion: row.deletion()?,
    })
}

pub(super) fn read_alias(row: &Row<'_>) -> Result<AliasRow> {
    let secret = SecretUid::from_bytes(row.bytes("secret")?);
    Ok(AliasRow { name: row.name("name", SecretName::parse)?, secret })
}

#[async_trait]
impl SecretEdits for Session {
    async fn insert_secret(&mut self, project: ProjectUid, secret: &Secret) -> Result<()> {
        self.execute(
            "-- insert_secret()
             INSERT INTO secret (uid, project, name, folded, visibility, description, edition,
                                 created, updated)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                &&secret.uid.bytes()[..],
                &&project.bytes()[..],
                &secret.name.as_str(),
                &secret.name.folded(),
                &i16::from(secret.visibility.number()),
                &secret.description,
                &number(secret.edition),
                &secret.created.micros(),
                &secret.updated.micros(),
            ],
        )
        .await?;
        Ok(())
    }

    async fn update_secret(&mut self, secret: &Secret) -> Result<()> {
        self.execute(
            "-- update_secret()
             UPDATE secret SET visibility = $2, description = $3, edition = $4, updated = $5,
                               deleted = $6, purge = $7, name = $8, folded = $9
             WHERE uid = $1",
            &[
                &&secret.uid.bytes()[..],
                &i16::from(secret.visibility.number()),
                &secret.description,
                &number(secret.edition),
                &secret.updated.micros(),
                &secret.deletion.map(|deletion| deletion.deleted.micros()),
                &secret.deletion.map(|deletion| deletion.purge.micros()),
                &secret.name.as_str(),
                &secret.name.folded(),
            ],
        )
        .await?;
        Ok(())
    }

    async fn remove_secret(&mut self, project: ProjectUid, uid: SecretUid) -> Result<()> {
        for sql in [
            "-- remove_secret(): values\nDELETE FROM value WHERE secret = $1",
            "-- remove_secret(): slots\nDELETE FROM slot WHERE secret = $1",
            "-- remove_secret(): aliases\nDELETE FROM alias WHERE secret = $1",
        ] {
            self.execute(sql, &[&&uid.bytes()[..]]).await?;
        }
        self.execute(
            "-- remove_secret()\nDELETE FROM secret WHERE project = $1 AND uid = $2",
            &[&&project.bytes()[..], &&uid.bytes()[..]],
        )
        .await?;
        Ok(())
    }

    async fn insert_alias(&mut self, project: ProjectUid, row: &AliasRow) -> Result<()> {
        self.execute(
            "-- insert_alias()\nINSERT INTO alias (project, name, secret) VALUES ($1, $2, $3)",
            &[&&project.bytes()[..], &row.name.as_str(), &&row.secret.bytes()[..]],
        )
        .await?;
        Ok(())
    }

    async fn remove_alias(&mut self, project: ProjectUid, name: &SecretName) -> Result<()> {
        self.execute(
            "-- remove_alias()\nDELETE FROM alias WHERE project = $1 AND name = $2",
            &[&&project.bytes()[..], &name.as_str()],
        )
        .await?;
        Ok(())
    }
}

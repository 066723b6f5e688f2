//! Secrets without their values.

use super::columns::{Row, number, uid};
use super::session::Session;
use crate::{AliasRow, Result, SecretEdits, SecretRows};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};
use waxseal_domain::name::SecretName;
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::uid::{ProjectUid, SecretUid};

#[async_trait]
impl SecretRows for Session {
    async fn secrets(&mut self, project: ProjectUid) -> Result<Vec<Secret>> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- secrets()\nSELECT * FROM secret WHERE project = ?1 ORDER BY folded",
            )?;
            let mut rows = statement.query([uid(project.bytes())])?;
            let mut secrets = Vec::new();
            while let Some(row) = rows.next()? {
                secrets.push(read(&Row::new("secret", row))?);
            }
            Ok(secrets)
        })
        .await
    }

    async fn aliases(&mut self, project: ProjectUid) -> Result<Vec<AliasRow>> {
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- aliases()\nSELECT name, secret FROM alias WHERE project = ?1 ORDER BY name",
            )?;
            let mut rows = statement.query([uid(project.bytes())])?;
            let mut aliases = Vec::new();
            while let Some(row) = rows.next()? {
                let row = Row::new("alias", row);
                let secret = SecretUid::from_bytes(row.bytes("secret")?);
                aliases.push(AliasRow { name: row.name("name", SecretName::parse)?, secret });
            }
            Ok(aliases)
        })
        .await
    }

    async fn secret(&mut self, project: ProjectUid, name: &SecretName) -> Result<Option<Secret>> {
        let folded = name.folded();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- secret()\nSELECT * FROM secret WHERE project = ?1 AND folded = ?2",
                )?
                .query_row(params![uid(project.bytes()), folded], |row| {
                    Ok(read(&Row::new("secret", row)))
                })
                .optional()?
                .transpose()
        })
        .await
    }
}

fn read(row: &Row<'_>) -> Result<Secret> {
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

#[async_trait]
impl SecretEdits for Session {
    async fn insert_secret(&mut self, project: ProjectUid, secret: &Secret) -> Result<()> {
        let secret = secret.clone();
        self.call(move |connection| insert(connection, project, &secret)).await
    }

    async fn update_secret(&mut self, secret: &Secret) -> Result<()> {
        let secret = secret.clone();
        self.call(move |connection| update(connection, &secret)).await
    }

    async fn remove_secret(&mut self, project: ProjectUid, secret: SecretUid) -> Result<()> {
        self.call(move |connection| remove(connection, project, secret)).await
    }

    async fn insert_alias(&mut self, project: ProjectUid, row: &AliasRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection.execute(
                "-- insert_alias()\nINSERT INTO alias (project, name, secret) VALUES (?1, ?2, ?3)",
                params![uid(project.bytes()), row.name.as_str(), uid(row.secret.bytes())],
            )?;
            Ok(())
        })
        .await
    }

    async fn remove_alias(&mut self, project: ProjectUid, name: &SecretName) -> Result<()> {
        let name = name.clone();
        self.call(move |connection| {
            connection.execute(
                "-- remove_alias()\nDELETE FROM alias WHERE project = ?1 AND name = ?2",
                params![uid(project.bytes()), name.as_str()],
            )?;
            Ok(())
        })
        .await
    }
}

fn insert(connection: &Connection, project: ProjectUid, secret: &Secret) -> Result<()> {
    connection.execute(
        "-- insert_secret()
         INSERT INTO secret (uid, project, name, folded, visibility, description, edition,
                             created, updated)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            uid(secret.uid.bytes()),
            uid(project.bytes()),
            secret.name.as_str(),
            secret.name.folded(),
            secret.visibility.number(),
            secret.description,
            number(secret.edition),
            secret.created.micros(),
            secret.updated.micros(),
        ],
    )?;
    Ok(())
}

fn update(connection: &Connection, secret: &Secret) -> Result<()> {
    connection
        .prepare_cached(
            "-- update_secret()
             UPDATE secret SET visibility = ?2, description = ?3, edition = ?4, updated = ?5,
                               deleted = ?6, purge = ?7, name = ?8, folded = ?9
             WHERE uid = ?1",
        )?
        .execute(params![
            uid(secret.uid.bytes()),
            secret.visibility.number(),
            secret.description,
            number(secret.edition),
            secret.updated.micros(),
            secret.deletion.map(|deletion| deletion.deleted.micros()),
            secret.deletion.map(|deletion| deletion.purge.micros()),
            secret.name.as_str(),
            secret.name.folded(),
        ])?;
    Ok(())
}

fn remove(connection: &Connection, project: ProjectUid, secret: SecretUid) -> Result<()> {
    let secret = uid(secret.bytes());
    for sql in [
        "-- remove_secret(): values\nDELETE FROM value WHERE secret = ?1",
        "-- remove_secret(): slots\nDELETE FROM slot WHERE secret = ?1",
        "-- remove_secret(): aliases\nDELETE FROM alias WHERE secret = ?1",
    ] {
        connection.execute(sql, [secret])?;
    }
    connection.execute(
        "-- remove_secret()\nDELETE FROM secret WHERE project = ?1 AND uid = ?2",
        params![uid(project.bytes()), secret],
    )?;
    Ok(())
}

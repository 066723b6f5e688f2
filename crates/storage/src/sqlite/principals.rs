//! Principals, and the authorisation epoch.

use super::columns::{Row, number, uid};
use super::session::Session;
use crate::{PrincipalEdits, PrincipalRow, PrincipalRows, Result};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::uid::PrincipalUid;

#[async_trait]
impl PrincipalRows for Session {
    async fn principal(&mut self, id: &PrincipalId) -> Result<Option<PrincipalRow>> {
        let id = id.as_str().to_owned();
        self.call(move |connection| {
            one(connection, "-- principal()\nSELECT * FROM principal WHERE id = ?1", &[&id])
        })
        .await
    }

    async fn principal_of(&mut self, principal: PrincipalUid) -> Result<Option<PrincipalRow>> {
        self.call(move |connection| {
            let sql = "-- principal_of()\nSELECT * FROM principal WHERE uid = ?1";
            one(connection, sql, &[&uid(principal.bytes())])
        })
        .await
    }

    async fn principal_known_by(&mut self, identity: &str) -> Result<Option<PrincipalRow>> {
        let identity = identity.to_owned();
        self.call(move |connection| {
            let sql = "-- principal_known_by()
                 SELECT p.* FROM principal p, identity i WHERE i.key = ?1 AND p.uid = i.principal";
            one(connection, sql, &[&identity])
        })
        .await
    }

    async fn principals(
        &mut self,
        after: Option<&PrincipalId>,
        limit: usize,
    ) -> Result<Vec<PrincipalRow>> {
        let after = after.map_or_else(String::new, |id| id.as_str().to_owned());
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- principals()\nSELECT * FROM principal WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![after, number(limit as u64)])?;
            let mut principals = Vec::new();
            while let Some(row) = rows.next()? {
                principals.push(read(&Row::new("principal", row))?);
            }
            Ok(principals)
        })
        .await
    }

    async fn count_principals(&mut self) -> Result<u64> {
        self.call(|connection| {
            let sql = "-- count_principals()\nSELECT count(*) FROM principal";
            let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    async fn epoch(&mut self) -> Result<u64> {
        let epoch = self.call(epoch).await?;
        // In a transaction it may be one that is never committed.
        if self.raised.is_none() {
            self.heads.publish_epoch(epoch);
        }
        Ok(epoch)
    }
}

pub(super) fn epoch(connection: &Connection) -> Result<u64> {
    connection
        .prepare_cached("-- epoch()\nSELECT epoch FROM store")?
        .query_row([], |row| Ok(Row::new("store", row).count("epoch")))
        .optional()?
        .unwrap_or(Ok(0))
}

fn one(
    connection: &Connection,
    sql: &'static str,
    params: &[&dyn ToSql],
) -> Result<Option<PrincipalRow>> {
    connection
        .prepare_cached(sql)?
        .query_row(params, |row| Ok(read(&Row::new("principal", row))))
        .optional()?
        .transpose()
}

fn read(row: &Row<'_>) -> Result<PrincipalRow> {
    Ok(PrincipalRow {
        uid: PrincipalUid::from_bytes(row.bytes("uid")?),
        id: row.name("id", PrincipalId::parse)?,
        identities: Vec::new(),
        content: row.get("content")?,
        mac: row.bytes("mac")?,
    })
}

#[async_trait]
impl PrincipalEdits for Session {
    async fn raise_epoch(&mut self) -> Result<u64> {
        let raised = self
            .call(|connection| {
                connection.execute("-- raise_epoch()\nUPDATE store SET epoch = epoch + 1", [])?;
                epoch(connection)
            })
            .await?;
        self.raised = Some(raised);
        Ok(raised)
    }

    async fn insert_principal(&mut self, row: &PrincipalRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- insert_principal()
                     INSERT INTO principal (uid, id, content, mac) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![uid(row.uid.bytes()), row.id.as_str(), row.content, row.mac])?;
            known_by(connection, &row)
        })
        .await
    }

    async fn update_principal(&mut self, row: &PrincipalRow) -> Result<()> {
        let row = row.clone();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- update_principal()
                     UPDATE principal SET content = ?2, mac = ?3 WHERE uid = ?1",
                )?
                .execute(params![uid(row.uid.bytes()), row.content, row.mac])?;
            forget_identities(connection, row.uid)?;
            known_by(connection, &row)
        })
        .await
    }

    async fn remove_principal(&mut self, principal: PrincipalUid) -> Result<()> {
        self.call(move |connection| {
            forget_identities(connection, principal)?;
            for sql in [
                "-- remove_principal(): tokens\nDELETE FROM api_token WHERE principal = ?1",
                "-- remove_principal()\nDELETE FROM principal WHERE uid = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([uid(principal.bytes())])?;
            }
            Ok(())
        })
        .await
    }
}

fn forget_identities(connection: &Connection, principal: PrincipalUid) -> Result<()> {
    connection
        .prepare_cached("-- forget_identities()\nDELETE FROM identity WHERE principal = ?1")?
        .execute([uid(principal.bytes())])?;
    Ok(())
}

fn known_by(connection: &Connection, row: &PrincipalRow) -> Result<()> {
    let mut statement = connection
        .prepare_cached("-- known_by()\nINSERT INTO identity (key, principal) VALUES (?1, ?2)")?;
    for identity in &row.identities {
        statement.execute(params![identity, uid(row.uid.bytes())])?;
    }
    Ok(())
}

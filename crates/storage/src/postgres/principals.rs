//! Principals, and the authorisation epoch.

use super::columns::{Row, all, first, number};
use super::session::Session;
use crate::{PrincipalEdits, PrincipalRow, PrincipalRows, Result};
use async_trait::async_trait;
use waxseal_domain::name::PrincipalId;
use waxseal_domain::uid::PrincipalUid;

#[async_trait]
impl PrincipalRows for Session {
    async fn principal(&mut self, id: &PrincipalId) -> Result<Option<PrincipalRow>> {
        let sql = if self.writes() {
            "-- principal(): for update\nSELECT * FROM principal WHERE id = $1 FOR UPDATE"
        } else {
            "-- principal()\nSELECT * FROM principal WHERE id = $1"
        };
        first("principal", &self.query(sql, &[&id.as_str()]).await?, read)
    }

    async fn principal_of(&mut self, uid: PrincipalUid) -> Result<Option<PrincipalRow>> {
        let sql = "-- principal_of()\nSELECT * FROM principal WHERE uid = $1";
        first("principal", &self.query(sql, &[&&uid.bytes()[..]]).await?, read)
    }

    async fn principal_known_by(&mut self, identity: &str) -> Result<Option<PrincipalRow>> {
        let sql = "-- principal_known_by()
             SELECT p.* FROM principal p, identity i WHERE i.key = $1 AND p.uid = i.principal";
        first("principal", &self.query(sql, &[&identity]).await?, read)
    }

    async fn principals(
        &mut self,
        after: Option<&PrincipalId>,
        limit: usize,
    ) -> Result<Vec<PrincipalRow>> {
        let sql = "-- principals()\nSELECT * FROM principal WHERE id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or("", PrincipalId::as_str);
        all("principal", &self.query(sql, &[&after, &number(limit as u64)]).await?, read)
    }

    async fn count_principals(&mut self) -> Result<u64> {
        let sql = "-- count_principals()\nSELECT count(*) AS principals FROM principal";
        let rows = self.query(sql, &[]).await?;
        Ok(first("principal", &rows, |row| row.count("principals"))?.unwrap_or(0))
    }

    async fn epoch(&mut self) -> Result<u64> {
        let rows = self.query("-- epoch()\nSELECT epoch FROM store", &[]).await?;
        Ok(first("store", &rows, |row| row.count("epoch"))?.unwrap_or(0))
    }
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
        let sql = "-- raise_epoch()\nUPDATE store SET epoch = epoch + 1 RETURNING epoch";
        // A statement that edits: not to be sent before BEGIN was answered.
        let rows = self.execute_returning(sql, &[]).await?;
        let raised = first("store", &rows, |row| row.count("epoch"))?.unwrap_or(0);
        self.raised = Some(raised);
        Ok(raised)
    }

    async fn insert_principal(&mut self, row: &PrincipalRow) -> Result<()> {
        self.execute(
            "-- insert_principal()
             INSERT INTO principal (uid, id, content, mac) VALUES ($1, $2, $3, $4)",
            &[&&row.uid.bytes()[..], &row.id.as_str(), &row.content, &&row.mac[..]],
        )
        .await?;
        self.known_by(row).await
    }

    async fn update_principal(&mut self, row: &PrincipalRow) -> Result<()> {
        self.execute(
            "-- update_principal()\nUPDATE principal SET content = $2, mac = $3 WHERE uid = $1",
            &[&&row.uid.bytes()[..], &row.content, &&row.mac[..]],
        )
        .await?;
        self.forget_identities(row.uid).await?;
        self.known_by(row).await
    }

    async fn remove_principal(&mut self, uid: PrincipalUid) -> Result<()> {
        self.forget_identities(uid).await?;
        for sql in [
            "-- remove_principal(): tokens\nDELETE FROM api_token WHERE principal = $1",
            "-- remove_principal()\nDELETE FROM principal WHERE uid = $1",
        ] {
            self.execute(sql, &[&&uid.bytes()[..]]).await?;
        }
        Ok(())
    }
}

impl Session {
    async fn forget_identities(&mut self, uid: PrincipalUid) -> Result<()> {
        let sql = "-- forget_identities()\nDELETE FROM identity WHERE principal = $1";
        self.execute(sql, &[&&uid.bytes()[..]]).await?;
        Ok(())
    }

    async fn known_by(&mut self, row: &PrincipalRow) -> Result<()> {
        if row.identities.is_empty() {
            return Ok(());
        }
        let sql = "-- known_by()
             INSERT INTO identity (key, principal) SELECT unnest($1::text[]), $2";
        self.execute(sql, &[&row.identities, &&row.uid.bytes()[..]]).await?;
        Ok(())
    }
}

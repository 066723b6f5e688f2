//! The audit trail.

use super::columns::{Params, Row, all, first, number};
use super::session::Session;
use crate::{
    AuditEdits, AuditFilter, AuditRow, AuditRows, ChainRow, CheckpointRow, KeptAudit, Result,
    Wrapped,
};
use async_trait::async_trait;
use std::borrow::Cow;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid, SecretUid};

#[async_trait]
impl AuditRows for Session {
    async fn audit_key(&mut self) -> Result<Option<Wrapped>> {
        let rows = self.query("-- audit_key()\nSELECT * FROM audit_key", &[]).await?;
        first("audit_key", &rows, |row| row.wrapped("key_kind", "key_id", "key"))
    }

    async fn audit_chain(&mut self, chain: &str) -> Result<Option<ChainRow>> {
        let sql = if self.writes() {
            "-- audit_chain(): for update\nSELECT * FROM audit_chain WHERE chain = $1 FOR UPDATE"
        } else {
            "-- audit_chain()\nSELECT * FROM audit_chain WHERE chain = $1"
        };
        first("audit_chain", &self.query(sql, &[&chain]).await?, read_chain)
    }

    async fn audit_chains(&mut self, after: &str, limit: usize) -> Result<Vec<String>> {
        let sql = "-- audit_chains()
             SELECT chain FROM audit_chain WHERE chain > $1
             UNION SELECT chain FROM audit WHERE chain > $1 ORDER BY chain LIMIT $2";
        let rows = self.query(sql, &[&after, &number(limit as u64)]).await?;
        all("audit", &rows, |row| row.get("chain"))
    }

    async fn audit_records(
        &mut self,
        chain: &str,
        after: u64,
        up_to: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>> {
        let sql = "-- audit_records()
             SELECT * FROM audit WHERE chain = $1 AND sequence > $2 AND sequence <= $3
             ORDER BY sequence LIMIT $4";
        let params: Params<'_> = &[&chain, &number(after), &number(up_to), &number(limit as u64)];
        all("audit", &self.query(sql, params).await?, read)
    }

    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        before: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>> {
        let AuditFilter { project, principal, action, secret_name, since, before: until } = filter;
        let sql = "-- list_audit()
             SELECT * FROM audit
             WHERE ($1::bigint = 0 OR seq < $1) AND ($2::bytea IS NULL OR project = $2)
               AND ($3::text IS NULL OR principal = $3) AND ($4::text IS NULL OR action = $4)
               AND ($5::text IS NULL OR secret_name = $5) AND ($6::bigint IS NULL OR at >= $6)
               AND ($7::bigint IS NULL OR at < $7)
             ORDER BY seq DESC LIMIT $8";
        let params: Params<'_> = &[
            &number(before),
            &project.as_ref().map(|project| &project.bytes()[..]),
            principal,
            action,
            secret_name,
            &since.map(Timestamp::micros),
            &until.map(Timestamp::micros),
            &number(limit as u64),
        ];
        all("audit", &self.query(sql, params).await?, read)
    }

    async fn moved_chains(&mut self, limit: usize) -> Result<Vec<ChainRow>> {
        let sql = "-- moved_chains()
             SELECT * FROM audit_chain WHERE sequence <> sealed ORDER BY chain LIMIT $1";
        all("audit_chain", &self.query(sql, &[&number(limit as u64)]).await?, read_chain)
    }

    async fn revisions(
        &mut self,
        projects: &[ProjectUid],
    ) -> Result<Vec<(ProjectUid, Incarnation, u64)>> {
        let projects: Vec<&[u8]> = projects.iter().map(|project| &project.bytes()[..]).collect();
        let sql = "-- revisions()
             SELECT p.uid, s.incarnation, p.revision FROM project p, store s
             WHERE p.uid = ANY($1)";
        all("project", &self.query(sql, &[&projects]).await?, |row| {
            let project = ProjectUid::from_bytes(row.bytes("uid")?);
            let incarnation = Incarnation::from_bytes(row.bytes("incarnation")?);
            Ok((project, incarnation, row.count("revision")?))
        })
    }

    async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>> {
        let sql = "-- last_checkpoint()
             SELECT * FROM audit_checkpoint ORDER BY number DESC LIMIT 1";
        first("audit_checkpoint", &self.query(sql, &[]).await?, read_checkpoint)
    }

    async fn checkpoints(&mut self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>> {
        let sql = "-- checkpoints()
             SELECT * FROM audit_checkpoint WHERE number > $1 ORDER BY number LIMIT $2";
        let rows = self.query(sql, &[&number(after), &number(limit as u64)]).await?;
        all("audit_checkpoint", &rows, read_checkpoint)
    }
}

fn read_chain(row: &Row<'_>) -> Result<ChainRow> {
    Ok(ChainRow {
        chain: row.get("chain")?,
        sequence: row.count("sequence")?,
        hash: row.bytes("hash")?,
        sealed: row.count("sealed")?,
        checkpoint: row.count("checkpoint")?,
        checkpoint_hash: row.bytes("checkpoint_hash")?,
    })
}

fn read_checkpoint(row: &Row<'_>) -> Result<CheckpointRow> {
    Ok(CheckpointRow { number: row.count("number")?, document: row.get("document")? })
}

fn read(row: &Row<'_>) -> Result<KeptAudit> {
    let said = AuditRow {
        at: row.time("at")?,
        principal: row.get("principal")?,
        credential: row.get("credential")?,
        action: Cow::Owned(row.get("action")?),
        project: row.maybe_bytes("project")?.map(ProjectUid::from_bytes),
        project_id: row.get("project_id")?,
        environment: row.maybe_bytes("environment")?.map(EnvironmentUid::from_bytes),
        environment_id: row.get("environment_id")?,
        stage: row.maybe_one_of("stage", Stage::from_number)?,
        secret: row.maybe_bytes("secret")?.map(SecretUid::from_bytes),
        secret_name: row.get("secret_name")?,
        version: row.maybe_count("version")?,
        revision: row.maybe_count("revision")?,
        view_revision: row.maybe_count("view_revision")?,
        outcome: Cow::Owned(row.get("outcome")?),
        request: row.maybe_bytes("request")?.map(Uuid::from_bytes),
        count: row.maybe_count("count")?,
        until: row.maybe_time("until")?,
        resource: row.get("resource")?,
        grant: row.get("granted")?,
        call: row.maybe_bytes("call")?.map(Uuid::from_bytes),
    };
    Ok(KeptAudit {
        seq: row.count("seq")?,
        chain: row.get("chain")?,
        sequence: row.count("sequence")?,
        hash: row.bytes("hash")?,
        row: said,
    })
}

/// One column of many rows.
fn column<'a, T>(rows: &'a [KeptAudit], of: impl Fn(&'a KeptAudit) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

#[async_trait]
impl AuditEdits for Session {
    async fn insert_audit_key(&mut self, key: &Wrapped) -> Result<bool> {
        let Wrapped { kind, key_id, bytes } = key;
        let added = self
            .execute(
                "-- insert_audit_key()
                 INSERT INTO audit_key (only_row, key_kind, key_id, key) VALUES (1, $1, $2, $3)
                 ON CONFLICT DO NOTHING",
                &[&i16::from(*kind), key_id, bytes],
            )
            .await?;
        Ok(added == 1)
    }

    async fn begin_chain(&mut self, row: &ChainRow) -> Result<()> {
        self.execute(
            "-- begin_chain()
             INSERT INTO audit_chain (chain, sequence, hash, sealed, checkpoint, checkpoint_hash)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                &row.chain,
                &number(row.sequence),
                &&row.hash[..],
                &number(row.sealed),
                &number(row.checkpoint),
                &&row.checkpoint_hash[..],
            ],
        )
        .await?;
        Ok(())
    }

    async fn insert_audit(&mut self, rows: &[KeptAudit]) -> Result<()> {
        // One statement for all of them: a column is one parameter.
        self.edit(
            "-- insert_audit()
             INSERT INTO audit (chain, sequence, hash, at, principal, credential, action, project,
                                project_id, environment, environment_id, stage, secret,
                                secret_name, version, revision, view_revision, outcome, request,
                                count, until, resource, granted, call)
             SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::text[],
                                  $6::text[], $7::text[], $8::bytea[], $9::text[], $10::bytea[],
                                  $11::text[], $12::smallint[], $13::bytea[], $14::text[],
                                  $15::bigint[], $16::bigint[], $17::bigint[], $18::text[],
                                  $19::bytea[], $20::bigint[], $21::bigint[], $22::text[],
                                  $23::text[], $24::bytea[])",
            &[
                &column(rows, |kept| kept.chain.as_str()),
                &column(rows, |kept| number(kept.sequence)),
                &column(rows, |kept| &kept.hash[..]),
                &column(rows, |kept| kept.row.at.micros()),
                &column(rows, |kept| kept.row.principal.as_str()),
                &column(rows, |kept| kept.row.credential.as_deref()),
                &column(rows, |kept| &*kept.row.action),
                &column(rows, |kept| kept.row.project.as_ref().map(|uid| &uid.bytes()[..])),
                &column(rows, |kept| kept.row.project_id.as_deref()),
                &column(rows, |kept| kept.row.environment.as_ref().map(|uid| &uid.bytes()[..])),
                &column(rows, |kept| kept.row.environment_id.as_deref()),
                &column(rows, |kept| kept.row.stage.map(|stage| i16::from(stage.number()))),
                &column(rows, |kept| kept.row.secret.as_ref().map(|uid| &uid.bytes()[..])),
                &column(rows, |kept| kept.row.secret_name.as_deref()),
                &column(rows, |kept| kept.row.version.map(number)),
                &column(rows, |kept| kept.row.revision.map(number)),
                &column(rows, |kept| kept.row.view_revision.map(number)),
                &column(rows, |kept| &*kept.row.outcome),
                &column(rows, |kept| kept.row.request.as_ref().map(|id| &id.as_bytes()[..])),
                &column(rows, |kept| kept.row.count.map(number)),
                &column(rows, |kept| kept.row.until.map(Timestamp::micros)),
                &column(rows, |kept| kept.row.resource.as_deref()),
                &column(rows, |kept| kept.row.grant.as_deref()),
                &column(rows, |kept| kept.row.call.as_ref().map(|id| &id.as_bytes()[..])),
            ],
        )
        .await?;
        Ok(())
    }

    async fn move_chain(
        &mut self,
        chain: &str,
        from: (u64, [u8; 32]),
        to: (u64, [u8; 32]),
    ) -> Result<bool> {
        let moved = self
            .execute(
                "-- move_chain()
                 UPDATE audit_chain SET sequence = $4, hash = $5
                 WHERE chain = $1 AND sequence = $2 AND hash = $3",
                &[&chain, &number(from.0), &&from.1[..], &number(to.0), &&to.1[..]],
            )
            .await?;
        Ok(moved == 1)
    }

    async fn insert_checkpoint(&mut self, row: &CheckpointRow) -> Result<bool> {
        let added = self
            .execute(
                "-- insert_checkpoint()
                 INSERT INTO audit_checkpoint (number, document) VALUES ($1, $2)
                 ON CONFLICT DO NOTHING",
                &[&number(row.number), &row.document],
            )
            .await?;
        Ok(added == 1)
    }

    async fn seal_chain(&mut self, chain: &str, sequence: u64) -> Result<()> {
        let sql = "-- seal_chain()\nUPDATE audit_chain SET sealed = $2 WHERE chain = $1";
        self.execute(sql, &[&chain, &number(sequence)]).await?;
        Ok(())
    }
}

//! The audit trail.

use super::columns::{Row, number, uid};
use super::session::Session;
use crate::{
    AuditEdits, AuditFilter, AuditRow, AuditRows, ChainRow, CheckpointRow, KeptAudit, Result,
    Wrapped,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Params, params};
use std::borrow::Cow;
use uuid::Uuid;
use waxseal_domain::environment::Stage;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid, SecretUid};

/// Every row of an answer.
fn all<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&Row::new(table, row))?);
    }
    Ok(found)
}

#[async_trait]
impl AuditRows for Session {
    async fn audit_key(&mut self) -> Result<Option<Wrapped>> {
        self.call(|connection| {
            let sql = "-- audit_key()\nSELECT * FROM audit_key";
            let keys = all(connection, "audit_key", sql, [], |row| {
                row.wrapped("key_kind", "key_id", "key")
            })?;
            Ok(keys.into_iter().next())
        })
        .await
    }

    async fn audit_chain(&mut self, chain: &str) -> Result<Option<ChainRow>> {
        let chain = chain.to_owned();
        self.call(move |connection| {
            connection
                .prepare_cached("-- audit_chain()\nSELECT * FROM audit_chain WHERE chain = ?1")?
                .query_row([chain], |row| Ok(read_chain(&Row::new("audit_chain", row))))
                .optional()?
                .transpose()
        })
        .await
    }

    async fn audit_chains(&mut self, after: &str, limit: usize) -> Result<Vec<String>> {
        let after = after.to_owned();
        self.call(move |connection| {
            let sql = "-- audit_chains()
                 SELECT chain FROM audit_chain WHERE chain > ?1
                 UNION SELECT chain FROM audit WHERE chain > ?1 ORDER BY chain LIMIT ?2";
            let params = params![after, number(limit as u64)];
            all(connection, "audit", sql, params, |row| row.get("chain"))
        })
        .await
    }

    async fn audit_records(
        &mut self,
        chain: &str,
        after: u64,
        up_to: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>> {
        let chain = chain.to_owned();
        self.call(move |connection| {
            let sql = "-- audit_records()
                 SELECT * FROM audit WHERE chain = ?1 AND sequence > ?2 AND sequence <= ?3
                 ORDER BY sequence LIMIT ?4";
            let params = params![chain, number(after), number(up_to), number(limit as u64)];
            all(connection, "audit", sql, params, read)
        })
        .await
    }

    async fn list_audit(
        &mut self,
        filter: &AuditFilter,
        before: u64,
        limit: usize,
    ) -> Result<Vec<KeptAudit>> {
        let AuditFilter { project, principal, action, secret_name, since, before: until } =
            filter.clone();
        self.call(move |connection| {
            let sql = "-- list_audit()
                 SELECT * FROM audit
                 WHERE (?1 = 0 OR seq < ?1) AND (?2 IS NULL OR project = ?2)
                   AND (?3 IS NULL OR principal = ?3) AND (?4 IS NULL OR action = ?4)
                   AND (?5 IS NULL OR secret_name = ?5) AND (?6 IS NULL OR at >= ?6)
                   AND (?7 IS NULL OR at < ?7)
                 ORDER BY seq DESC LIMIT ?8";
            let params = params![
                number(before),
                project.as_ref().map(|project| uid(project.bytes())),
                principal,
                action,
                secret_name,
                since.map(Timestamp::micros),
                until.map(Timestamp::micros),
                number(limit as u64)
            ];
            all(connection, "audit", sql, params, read)
        })
        .await
    }

    async fn moved_chains(&mut self, limit: usize) -> Result<Vec<ChainRow>> {
        self.call(move |connection| {
            let sql = "-- moved_chains()
                 SELECT * FROM audit_chain WHERE sequence <> sealed ORDER BY chain LIMIT ?1";
            all(connection, "audit_chain", sql, [number(limit as u64)], read_chain)
        })
        .await
    }

    async fn revisions(
        &mut self,
        projects: &[ProjectUid],
    ) -> Result<Vec<(ProjectUid, Incarnation, u64)>> {
        let projects = projects.to_owned();
        self.call(move |connection| {
            let sql = "-- revisions()
                 SELECT s.incarnation, p.revision FROM project p, store s WHERE p.uid = ?1";
            let mut found = Vec::with_capacity(projects.len());
            for project in projects {
                found.extend(all(connection, "project", sql, [uid(project.bytes())], |row| {
                    let incarnation = Incarnation::from_bytes(row.bytes("incarnation")?);
                    Ok((project, incarnation, row.count("revision")?))
                })?);
            }
            Ok(found)
        })
        .await
    }

    async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>> {
        self.call(|connection| {
            let sql = "-- last_checkpoint()
                 SELECT * FROM audit_checkpoint ORDER BY number DESC LIMIT 1";
            let last = all(connection, "audit_checkpoint", sql, [], read_checkpoint)?;
            Ok(last.into_iter().next())
        })
        .await
    }

    async fn checkpoints(&mut self, after: u64, limit: usize) -> Result<Vec<CheckpointRow>> {
        self.call(move |connection| {
            let sql = "-- checkpoints()
                 SELECT * FROM audit_checkpoint WHERE number > ?1 ORDER BY number LIMIT ?2";
            let params = [number(after), number(limit as u64)];
            all(connection, "audit_checkpoint", sql, params, read_checkpoint)
        })
        .await
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

#[async_trait]
impl AuditEdits for Session {
    async fn insert_audit_key(&mut self, key: &Wrapped) -> Result<bool> {
        let Wrapped { kind, key_id, bytes } = key.clone();
        self.call(move |connection| {
            let added = connection.execute(
                "-- insert_audit_key()
                 INSERT INTO audit_key (only_row, key_kind, key_id, key) VALUES (1, ?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
                params![kind, key_id, bytes],
            )?;
            Ok(added == 1)
        })
        .await
    }

    async fn begin_chain(&mut self, row: &ChainRow) -> Result<()> {
        let ChainRow { chain, sequence, hash, sealed, checkpoint, checkpoint_hash } = row.clone();
        self.call(move |connection| {
            connection.execute(
                "-- begin_chain()
                 INSERT INTO audit_chain (chain, sequence, hash, sealed, checkpoint,
                                          checkpoint_hash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![
                    chain,
                    number(sequence),
                    hash,
                    number(sealed),
                    number(checkpoint),
                    checkpoint_hash
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn insert_audit(&mut self, rows: &[KeptAudit]) -> Result<()> {
        let rows = rows.to_owned();
        self.call(move |connection| {
            let mut statement = connection.prepare_cached(
                "-- insert_audit()
                 INSERT INTO audit (chain, sequence, hash, at, principal, credential, action,
                                    project, project_id, environment, environment_id, stage,
                                    secret, secret_name, version, revision, view_revision,
                                    outcome, request, count, until, resource, granted,
                                    call)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                         ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)",
            )?;
            for KeptAudit { seq: _, chain, sequence, hash, row } in &rows {
                statement.execute(params![
                    chain,
                    number(*sequence),
                    hash,
                    row.at.micros(),
                    row.principal,
                    row.credential,
                    row.action,
                    row.project.as_ref().map(|project| uid(project.bytes())),
                    row.project_id,
                    row.environment.as_ref().map(|environment| uid(environment.bytes())),
                    row.environment_id,
                    row.stage.map(Stage::number),
                    row.secret.as_ref().map(|secret| uid(secret.bytes())),
                    row.secret_name,
                    row.version.map(number),
                    row.revision.map(number),
                    row.view_revision.map(number),
                    row.outcome,
                    row.request.as_ref().map(|request| uid(request.as_bytes())),
                    row.count.map(number),
                    row.until.map(Timestamp::micros),
                    row.resource,
                    row.grant,
                    row.call.as_ref().map(|call| uid(call.as_bytes())),
                ])?;
            }
            Ok(())
        })
        .await
    }

    async fn move_chain(
        &mut self,
        chain: &str,
        from: (u64, [u8; 32]),
        to: (u64, [u8; 32]),
    ) -> Result<bool> {
        let chain = chain.to_owned();
        self.call(move |connection| {
            let moved = connection
                .prepare_cached(
                    "-- move_chain()
                     UPDATE audit_chain SET sequence = ?4, hash = ?5
                     WHERE chain = ?1 AND sequence = ?2 AND hash = ?3",
                )?
                .execute(params![chain, number(from.0), from.1, number(to.0), to.1])?;
            Ok(moved == 1)
        })
        .await
    }

    async fn insert_checkpoint(&mut self, row: &CheckpointRow) -> Result<bool> {
        let CheckpointRow { number: of, document } = row.clone();
        self.call(move |connection| {
            let added = connection.execute(
                "-- insert_checkpoint()
                 INSERT INTO audit_checkpoint (number, document) VALUES (?1, ?2)
                 ON CONFLICT DO NOTHING",
                params![number(of), document],
            )?;
            Ok(added == 1)
        })
        .await
    }

    async fn seal_chain(&mut self, chain: &str, sequence: u64) -> Result<()> {
        let chain = chain.to_owned();
        self.call(move |connection| {
            connection
                .prepare_cached(
                    "-- seal_chain()\nUPDATE audit_chain SET sealed = ?2 WHERE chain = ?1",
                )?
                .execute(params![chain, number(sequence)])?;
            Ok(())
        })
        .await
    }
}

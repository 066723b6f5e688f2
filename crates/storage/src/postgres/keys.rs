//! Wrapped keys, wherever they stand.

use super::columns::{Params, Row, all, number, place_columns};
use super::session::Session;
use crate::{KeyEdits, KeyPlace, KeyRow, KeyRows, Result, Wrapped};
use async_trait::async_trait;
use waxseal_domain::secret::Visibility;
use waxseal_domain::uid::{ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;

#[async_trait]
impl KeyRows for Session {
    async fn count_keys(&mut self) -> Result<Vec<(String, u64)>> {
        let rows = self
            .query(
                "-- count_keys()
                 SELECT key_id, count(*) AS keys FROM (
                     SELECT service_key_id AS key_id FROM store
                     UNION ALL SELECT integrity_key_id FROM project
                     UNION ALL SELECT fingerprint_key_id FROM project
                     UNION ALL SELECT wrapped_key_id FROM value WHERE wrapped_key IS NOT NULL
                     UNION ALL SELECT key_id FROM audit_key
                 ) wrapped GROUP BY key_id ORDER BY key_id COLLATE \"C\"",
                &[],
            )
            .await?;
        all("value", &rows, |row| Ok((row.get("key_id")?, row.count("keys")?)))
    }

    async fn keys_not_under(
        &mut self,
        key_id: &str,
        after: Option<&KeyPlace>,
        limit: usize,
    ) -> Result<Vec<KeyRow>> {
        // A kind after the other, each by its own index, so that a page costs what it holds.
        let (class, owner, environment, stage, version) =
            after.map_or((0, Vec::new(), Vec::new(), 0, -1), order);
        let mut keys = Vec::new();
        if after.is_none() {
            keys.extend(all("store", &self.query(SERVICE, &[&key_id]).await?, read)?);
        }
        for (kind, sql) in [(1, INTEGRITY), (2, FINGERPRINT)] {
            // Before all of a kind: no uid is empty.
            let owner = if class == kind { &owner[..] } else { &[] };
            let left = number(limit.saturating_sub(keys.len()) as u64);
            if class <= kind && left > 0 {
                let rows = self.query(sql, &[&key_id, &owner, &left]).await?;
                keys.extend(all("project", &rows, read)?);
            }
        }
        let left = number(limit.saturating_sub(keys.len()) as u64);
        if class <= 3 && left > 0 {
            let values = class == 3;
            let owner = if values { &owner[..] } else { &[] };
            let params: Params<'_> = &[&key_id, &owner, &&environment[..], &stage, &version, &left];
            keys.extend(all("value", &self.query(VALUES, params).await?, read)?);
        }
        if class <= 3 && keys.len() < limit {
            keys.extend(all("audit_key", &self.query(AUDIT, &[&key_id]).await?, read)?);
        }
        Ok(keys)
    }
}

const SERVICE: &str = "-- keys_not_under(): service
    SELECT 0::smallint AS class, ''::bytea AS owner, service_key_kind AS key_kind,
           service_key_id AS key_id, service_key AS key
    FROM store WHERE service_key_id <> $1";

const INTEGRITY: &str = "-- keys_not_under(): integrity
    SELECT 1::smallint AS class, uid AS owner, integrity_key_kind AS key_kind,
           integrity_key_id AS key_id, integrity_key AS key
    FROM project WHERE integrity_key_id <> $1 AND uid > $2 ORDER BY uid LIMIT $3";

const FINGERPRINT: &str = "-- keys_not_under(): fingerprint
    SELECT 2::smallint AS class, uid AS owner, fingerprint_key_kind AS key_kind,
           fingerprint_key_id AS key_id, fingerprint_key AS key
    FROM project WHERE fingerprint_key_id <> $1 AND uid > $2 ORDER BY uid LIMIT $3";

const VALUES: &str = "-- keys_not_under(): value
    SELECT 3::smallint AS class, v.secret AS owner, v.environment, v.stage, v.version, v.uid,
           s.project, s.visibility, v.kind, v.wrapped_key_kind AS key_kind,
           v.wrapped_key_id AS key_id, v.wrapped_key AS key
    FROM value v JOIN secret s ON s.uid = v.secret
    WHERE v.wrapped_key_id <> $1
      AND (v.secret, v.environment, v.stage, v.version) > ($2, $3, $4, $5)
    ORDER BY v.secret, v.environment, v.stage, v.version LIMIT $6";

const AUDIT: &str = "-- keys_not_under(): audit
    SELECT 4::smallint AS class, ''::bytea AS owner, key_kind, key_id, key
    FROM audit_key WHERE key_id <> $1";

/// Where to go on: kind, then the columns that name the row.
type Order = (i16, Vec<u8>, Vec<u8>, i16, i64);

fn order(place: &KeyPlace) -> Order {
    match place {
        KeyPlace::Service => (1, Vec::new(), Vec::new(), 0, -1),
        KeyPlace::Integrity(project) => (1, project.bytes().to_vec(), Vec::new(), 0, -1),
        KeyPlace::Fingerprint(project) => (2, project.bytes().to_vec(), Vec::new(), 0, -1),
        KeyPlace::Value { secret, place, version, .. } => {
            let (environment, stage) = place_columns(*place);
            (3, secret.bytes().to_vec(), environment.to_vec(), stage, number(*version))
        }
        KeyPlace::Audit => (4, Vec::new(), Vec::new(), 0, -1),
    }
}

fn read(row: &Row<'_>) -> Result<KeyRow> {
    let class = row.small("class")?;
    if class == 0 || class == 4 {
        let place = if class == 0 { KeyPlace::Service } else { KeyPlace::Audit };
        return Ok(KeyRow { place, key: row.wrapped("key_kind", "key_id", "key")? });
    }
    let owner = row.bytes("owner")?;
    let place = match class {
        1 => KeyPlace::Integrity(ProjectUid::from_bytes(owner)),
        2 => KeyPlace::Fingerprint(ProjectUid::from_bytes(owner)),
        _ => KeyPlace::Value {
            secret: SecretUid::from_bytes(owner),
            place: row.place()?,
            version: row.count("version")?,
            uid: ValueUid::from_bytes(row.bytes("uid")?),
            project: ProjectUid::from_bytes(row.bytes("project")?),
            visibility: row.one_of("visibility", Visibility::from_number)?,
            kind: row.one_of("kind", PayloadKind::from_number)?,
        },
    };
    Ok(KeyRow { place, key: row.wrapped("key_kind", "key_id", "key")? })
}

#[async_trait]
impl KeyEdits for Session {
    async fn rewrap_key(&mut self, old: &KeyRow, new: &Wrapped) -> Result<bool> {
        let Wrapped { kind, key_id, bytes } = new;
        let (kind, stood) = (i16::from(*kind), &old.key.bytes);
        let changed = match &old.place {
            KeyPlace::Service => {
                self.execute(
                    "-- rewrap_key(): service
                     UPDATE store SET service_key_kind = $1, service_key_id = $2,
                                      service_key = $3
                     WHERE service_key = $4",
                    &[&kind, key_id, bytes, stood],
                )
                .await?
            }
            KeyPlace::Integrity(project) => {
                self.execute(
                    "-- rewrap_key(): integrity
                     UPDATE project SET integrity_key_kind = $1, integrity_key_id = $2,
                                        integrity_key = $3
                     WHERE integrity_key = $4 AND uid = $5",
                    &[&kind, key_id, bytes, stood, &&project.bytes()[..]],
                )
                .await?
            }
            KeyPlace::Fingerprint(project) => {
                self.execute(
                    "-- rewrap_key(): fingerprint
                     UPDATE project SET fingerprint_key_kind = $1, fingerprint_key_id = $2,
                                        fingerprint_key = $3
                     WHERE fingerprint_key = $4 AND uid = $5",
                    &[&kind, key_id, bytes, stood, &&project.bytes()[..]],
                )
                .await?
            }
            KeyPlace::Value { secret, place, version, .. } => {
                let (environment, stage) = place_columns(*place);
                self.execute(
                    "-- rewrap_key(): value
                     UPDATE value SET wrapped_key_kind = $1, wrapped_key_id = $2,
                                      wrapped_key = $3
                     WHERE wrapped_key = $4 AND secret = $5 AND environment = $6
                       AND stage = $7 AND version = $8",
                    &[
                        &kind,
                        key_id,
                        bytes,
                        stood,
                        &&secret.bytes()[..],
                        &&environment[..],
                        &stage,
                        &number(*version),
                    ],
                )
                .await?
            }
            KeyPlace::Audit => {
                self.execute(
                    "-- rewrap_key(): audit
                     UPDATE audit_key SET key_kind = $1, key_id = $2, key = $3 WHERE key = $4",
                    &[&kind, key_id, bytes, stood],
                )
                .await?
            }
        };
        Ok(changed == 1)
    }
}

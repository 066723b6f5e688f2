//! Wrapped keys, wherever they stand.

use super::columns::{Row, number, place_columns, uid};
use super::session::Session;
use crate::{KeyEdits, KeyPlace, KeyRow, KeyRows, Result, Wrapped};
use async_trait::async_trait;
use rusqlite::{Connection, params};
use waxseal_domain::secret::Visibility;
use waxseal_domain::uid::{ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;

#[async_trait]
impl KeyRows for Session {
    async fn count_keys(&mut self) -> Result<Vec<(String, u64)>> {
        self.call(count).await
    }

    async fn keys_not_under(
        &mut self,
        key_id: &str,
        after: Option<&KeyPlace>,
        limit: usize,
    ) -> Result<Vec<KeyRow>> {
        let (key_id, after) = (key_id.to_owned(), after.map(order));
        self.call(move |connection| not_under(connection, &key_id, after, limit)).await
    }
}

fn count(connection: &Connection) -> Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached(
        "-- count_keys()
         SELECT key_id, count(*) AS keys FROM (
             SELECT service_key_id AS key_id FROM store
             UNION ALL SELECT integrity_key_id FROM project
             UNION ALL SELECT fingerprint_key_id FROM project
             UNION ALL SELECT wrapped_key_id FROM value WHERE wrapped_key IS NOT NULL
         ) GROUP BY key_id ORDER BY key_id",
    )?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let row = Row::new("value", row);
        counts.push((row.get("key_id")?, row.count("keys")?));
    }
    Ok(counts)
}

/// What orders the places: kind, then the columns that name the row.
type Order = (u8, [u8; 16], [u8; 16], u8, i64);

fn order(place: &KeyPlace) -> Order {
    match place {
        KeyPlace::Service => (0, [0; 16], [0; 16], 0, 0),
        KeyPlace::Integrity(project) => (1, *project.bytes(), [0; 16], 0, 0),
        KeyPlace::Fingerprint(project) => (2, *project.bytes(), [0; 16], 0, 0),
        KeyPlace::Value { secret, place, version, .. } => {
            let (environment, stage) = place_columns(*place);
            (3, *secret.bytes(), environment, stage, number(*version))
        }
    }
}

fn not_under(
    connection: &Connection,
    key_id: &str,
    after: Option<Order>,
    limit: usize,
) -> Result<Vec<KeyRow>> {
    let (class, first, environment, stage, version) = after.unwrap_or((0, [0; 16], [0; 16], 0, -1));
    let mut statement = connection.prepare_cached(
        "-- keys_not_under()
         SELECT * FROM (
             SELECT 0 AS class, zeroblob(16) AS owner, zeroblob(16) AS environment, 0 AS stage,
                    0 AS version, NULL AS uid, NULL AS project, NULL AS visibility, NULL AS kind,
                    service_key_kind AS key_kind, service_key_id AS key_id, service_key AS key
             FROM store
             UNION ALL
             SELECT 1, uid, zeroblob(16), 0, 0, NULL, NULL, NULL, NULL,
                    integrity_key_kind, integrity_key_id, integrity_key
             FROM project
             UNION ALL
             SELECT 2, uid, zeroblob(16), 0, 0, NULL, NULL, NULL, NULL,
                    fingerprint_key_kind, fingerprint_key_id, fingerprint_key
             FROM project
             UNION ALL
             SELECT 3, v.secret, v.environment, v.stage, v.version, v.uid, s.project,
                    s.visibility, v.kind, v.wrapped_key_kind, v.wrapped_key_id, v.wrapped_key
             FROM value v JOIN secret s ON s.uid = v.secret
             WHERE v.wrapped_key IS NOT NULL
         )
         WHERE key_id <> ?1
           AND (class, owner, environment, stage, version) > (?2, ?3, ?4, ?5, ?6)
         ORDER BY class, owner, environment, stage, version LIMIT ?7",
    )?;
    let mut rows = statement.query(params![
        key_id,
        class,
        uid(&first),
        uid(&environment),
        stage,
        version,
        number(limit as u64),
    ])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read(&Row::new("value", row))?);
    }
    Ok(keys)
}

fn read(row: &Row<'_>) -> Result<KeyRow> {
    let owner = row.bytes("owner")?;
    let place = match row.get::<u8>("class")? {
        0 => KeyPlace::Service,
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
        let (old, new) = (old.clone(), new.clone());
        self.call(move |connection| rewrap(connection, &old, &new)).await
    }
}

fn rewrap(connection: &Connection, old: &KeyRow, new: &Wrapped) -> Result<bool> {
    let Wrapped { kind, key_id, bytes } = new;
    let stood = &old.key.bytes;
    let changed = match &old.place {
        KeyPlace::Service => connection.execute(
            "-- rewrap_key(): service
             UPDATE store SET service_key_kind = ?1, service_key_id = ?2, service_key = ?3
             WHERE service_key = ?4",
            params![kind, key_id, bytes, stood],
        )?,
        KeyPlace::Integrity(project) => connection.execute(
            "-- rewrap_key(): integrity
             UPDATE project SET integrity_key_kind = ?1, integrity_key_id = ?2, integrity_key = ?3
             WHERE integrity_key = ?4 AND uid = ?5",
            params![kind, key_id, bytes, stood, uid(project.bytes())],
        )?,
        KeyPlace::Fingerprint(project) => connection.execute(
            "-- rewrap_key(): fingerprint
             UPDATE project SET fingerprint_key_kind = ?1, fingerprint_key_id = ?2,
                                fingerprint_key = ?3
             WHERE fingerprint_key = ?4 AND uid = ?5",
            params![kind, key_id, bytes, stood, uid(project.bytes())],
        )?,
        KeyPlace::Value { secret, place, version, .. } => {
            let (environment, stage) = place_columns(*place);
            connection.execute(
                "-- rewrap_key(): value
                 UPDATE value SET wrapped_key_kind = ?1, wrapped_key_id = ?2, wrapped_key = ?3
                 WHERE wrapped_key = ?4 AND secret = ?5 AND environment = ?6 AND stage = ?7
                   AND version = ?8",
                params![
                    kind,
                    key_id,
                    bytes,
                    stood,
                    uid(secret.bytes()),
                    uid(&environment),
                    stage,
                    number(*version),
                ],
            )?
        }
    };
    Ok(changed == 1)
}

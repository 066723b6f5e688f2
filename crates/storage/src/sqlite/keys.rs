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
        let after = after.map_or(After::begin(0), After::place);
        let key_id = key_id.to_owned();
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
             UNION ALL SELECT key_id FROM audit_key
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

/// Where to go on: after this row, in the order of kind, then of the columns that name a row.
struct After {
    class: u8,
    owner: Vec<u8>,
    environment: Vec<u8>,
    stage: u8,
    version: i64,
}

impl After {
    /// Before all of a kind: no uid is empty.
    const fn begin(class: u8) -> Self {
        Self { class, owner: Vec::new(), environment: Vec::new(), stage: 0, version: -1 }
    }

    fn place(place: &KeyPlace) -> Self {
        match place {
            KeyPlace::Service => Self::begin(1),
            KeyPlace::Integrity(project) => {
                Self { owner: project.bytes().to_vec(), ..Self::begin(1) }
            }
            KeyPlace::Fingerprint(project) => {
                Self { owner: project.bytes().to_vec(), ..Self::begin(2) }
            }
            KeyPlace::Value { secret, place, version, .. } => {
                let (environment, stage) = place_columns(*place);
                Self {
                    class: 3,
                    owner: secret.bytes().to_vec(),
                    environment: environment.to_vec(),
                    stage,
                    version: number(*version),
                }
            }
            KeyPlace::Audit => Self::begin(5),
        }
    }
}

/// One statement for each kind, so that each goes on where the index has the last row: one over all
/// kinds would read and sort everything for every page.
const NOT_UNDER: [&str; 5] = [
    "-- keys_not_under(): service
     SELECT 0 AS class, zeroblob(16) AS owner, service_key_kind AS key_kind,
            service_key_id AS key_id, service_key AS key
     FROM store WHERE service_key_id <> ?1 AND ?2 = x'' AND ?3 = x'' AND ?4 = 0 AND ?5 = -1
     LIMIT ?6",
    "-- keys_not_under(): integrity
     SELECT 1 AS class, uid AS owner, integrity_key_kind AS key_kind,
            integrity_key_id AS key_id, integrity_key AS key
     FROM project WHERE integrity_key_id <> ?1 AND uid > ?2 AND ?3 = x'' AND ?4 = 0 AND ?5 = -1
     ORDER BY uid LIMIT ?6",
    "-- keys_not_under(): fingerprint
     SELECT 2 AS class, uid AS owner, fingerprint_key_kind AS key_kind,
            fingerprint_key_id AS key_id, fingerprint_key AS key
     FROM project WHERE fingerprint_key_id <> ?1 AND uid > ?2 AND ?3 = x'' AND ?4 = 0 AND ?5 = -1
     ORDER BY uid LIMIT ?6",
    "-- keys_not_under(): value
     SELECT 3 AS class, v.secret AS owner, v.environment, v.stage, v.version, v.uid, s.project,
            s.visibility, v.kind, v.wrapped_key_kind AS key_kind, v.wrapped_key_id AS key_id,
            v.wrapped_key AS key
     FROM value v JOIN secret s ON s.uid = v.secret
     WHERE v.wrapped_key_id <> ?1
       AND (v.secret, v.environment, v.stage, v.version) > (?2, ?3, ?4, ?5)
     ORDER BY v.secret, v.environment, v.stage, v.version LIMIT ?6",
    "-- keys_not_under(): audit
     SELECT 4 AS class, zeroblob(16) AS owner, key_kind, key_id, key
     FROM audit_key WHERE key_id <> ?1 AND ?2 = x'' AND ?3 = x'' AND ?4 = 0 AND ?5 = -1
     LIMIT ?6",
];

fn not_under(
    connection: &Connection,
    key_id: &str,
    after: After,
    limit: usize,
) -> Result<Vec<KeyRow>> {
    let first = after.class;
    let later = (first + 1..).map(After::begin);
    let mut keys = Vec::new();
    for (sql, after) in
        NOT_UNDER.iter().skip(usize::from(first)).zip([after].into_iter().chain(later))
    {
        let After { class: _, owner, environment, stage, version } = after;
        let left = number((limit - keys.len()) as u64);
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows =
            statement.query(params![key_id, owner, environment, stage, version, left])?;
        while let Some(row) = rows.next()? {
            keys.push(read(&Row::new("value", row))?);
        }
        if keys.len() == limit {
            break;
        }
    }
    Ok(keys)
}

fn read(row: &Row<'_>) -> Result<KeyRow> {
    let owner = row.bytes("owner")?;
    let place = match row.get::<u8>("class")? {
        0 => KeyPlace::Service,
        1 => KeyPlace::Integrity(ProjectUid::from_bytes(owner)),
        2 => KeyPlace::Fingerprint(ProjectUid::from_bytes(owner)),
        4 => KeyPlace::Audit,
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
        KeyPlace::Audit => connection.execute(
            "-- rewrap_key(): audit
             UPDATE audit_key SET key_kind = ?1, key_id = ?2, key = ?3 WHERE key = ?4",
            params![kind, key_id, bytes, stood],
        )?,
    };
    Ok(changed == 1)
}

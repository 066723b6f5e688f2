//! What the store holds of a secret's values, and whether it opens with the keys that lie beside
//! it: an operator's view, past the service.

use super::Setup;
use rusqlite::Row;
use waxseal_domain::environment::Stage;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;
use waxseal_envelope::{Context, Purpose, ValuePlace, open};
use waxseal_kms::{KeyContext, KeyKind, KeyProvider as _, Local, WrappedKey};

/// A value version as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub project: [u8; 16],
    pub secret: [u8; 16],
    pub environment: [u8; 16],
    pub stage: u8,
    pub version: i64,
    pub uid: [u8; 16],
    pub kind: Option<u8>,
    pub key_id: Option<String>,
    pub key: Option<Vec<u8>>,
    pub sealed: Option<Vec<u8>>,
}

/// Every value version of a secret, by slot and version.
pub fn versions(database: &rusqlite::Connection, project: &str, secret: &str) -> Vec<Stored> {
    let mut statement = database
        .prepare(
            "SELECT p.uid, v.secret, v.environment, v.stage, v.version, v.uid, v.kind,
                    v.wrapped_key_id, v.wrapped_key, v.sealed
             FROM value v JOIN secret s ON s.uid = v.secret JOIN project p ON p.uid = s.project
             WHERE p.id = ?1 AND s.name = ?2
             ORDER BY v.environment, v.stage, v.version",
        )
        .unwrap();
    let rows = statement.query_map([project, secret], |row| Ok(read(row))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn read(row: &Row<'_>) -> Stored {
    Stored {
        project: row.get(0).unwrap(),
        secret: row.get(1).unwrap(),
        environment: row.get(2).unwrap(),
        stage: row.get(3).unwrap(),
        version: row.get(4).unwrap(),
        uid: row.get(5).unwrap(),
        kind: row.get(6).unwrap(),
        key_id: row.get(7).unwrap(),
        key: row.get(8).unwrap(),
        sealed: row.get(9).unwrap(),
    }
}

impl Stored {
    /// The slot.
    pub fn place(&self) -> Place {
        match Stage::from_number(self.stage) {
            None => Place::Default,
            Some(stage) => Place::Override(EnvironmentUid::from_bytes(self.environment), stage),
        }
    }

    /// The text in it, if it opens as one of this visibility.
    pub async fn open(&self, setup: &Setup, visibility: Visibility) -> Option<String> {
        let keys = Local::load(&setup.data_dir().join("keys.json")).unwrap();
        let place = ValuePlace {
            project: ProjectUid::from_bytes(self.project),
            secret: SecretUid::from_bytes(self.secret),
            place: self.place(),
            value: ValueUid::from_bytes(self.uid),
            visibility,
            kind: PayloadKind::from_number(self.kind?)?,
        };
        let wrapped = WrappedKey {
            kind: KeyKind::Direct,
            key_id: self.key_id.clone()?,
            bytes: self.key.clone()?,
        };
        let key =
            keys.unwrap(&wrapped, &KeyContext::value(keys.deployment(), &place)).await.ok()?;
        let context = Context::value(keys.deployment(), &place);
        let plain = open(&key, Purpose::Value, &context, self.sealed.as_ref()?).ok()?;
        Some(String::from_utf8(plain.to_vec()).unwrap())
    }
}

/// What is on record as done or shown; denials are apart.
pub fn audited(database: &rusqlite::Connection) -> i64 {
    database
        .query_row("SELECT count(*) FROM audit WHERE outcome = 'ok'", [], |row| row.get(0))
        .unwrap()
}

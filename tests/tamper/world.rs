//! Three projects, every value of which says where it belongs.

use super::check::{self, Damage};
use crate::support::postgres::Database;
use crate::support::{Client, Setup, default_slot, override_slot};
use rusqlite::Row;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use waxseal_proto::v1::{self, Fallback, Stage, Visibility};

/// The last of them is never tampered with.
pub const PROJECTS: [&str; 3] = ["demo", "other", "calm"];
/// `denied` refuses defaults and is protected.
pub const ENVIRONMENTS: [&str; 3] = ["main", "staging", "denied"];
/// Secrets with values in every slot of [`SLOTS`].
pub const MASKED: [&str; 2] = ["ALPHA", "BETA"];
pub const RESTRICTED: [&str; 3] = ["TIGHT", "TIGHT_TOO", "TURNED"];
/// Slots and the number of versions in each. The default is what `staging.live` resolves.
pub const SLOTS: [(&str, i64); 4] =
    [("default", 2), ("main.draft", 2), ("main.live", 1), ("staging.draft", 1)];

pub struct World {
    pub setup: Setup,
    /// What stands in the place of `{...}` in a statement.
    pub names: BTreeMap<String, String>,
    /// The store, where it is not in the data directory.
    pub database: Option<Database>,
}

pub fn value(project: &str, secret: &str, slot: &str, version: i64) -> String {
    format!("{project}/{secret}@{slot}#{version}")
}

/// The address of a slot by its name, `default` or `main.draft`.
pub fn slot(name: &str) -> Option<v1::Slot> {
    match name.split_once('.') {
        None => default_slot(),
        Some((environment, stage)) => override_slot(environment, self::stage(stage)),
    }
}

pub fn stage(name: &str) -> Stage {
    if name == "draft" { Stage::Draft } else { Stage::Live }
}

impl World {
    pub async fn build() -> Self {
        let server = Setup::sqlite().start().await;
        let (admin, builder) = (server.admin().await, server.builder().await);
        for project in PROJECTS {
            fill(&admin, &builder, project).await;
        }
        let database = server.setup.database();
        let old = server.setup.data_dir().join("old.db");
        database.execute("VACUUM INTO ?1", [old.to_str().unwrap()]).unwrap();
        for project in PROJECTS {
            go_on(&builder, project).await;
        }
        drop((admin, builder));
        let setup = server.stop().await;
        let names = names(IDENTITIES.map(|sql| {
            let mut statement = database.prepare(sql).unwrap();
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_map([], read).unwrap().map(Result::unwrap).collect()
        }));
        drop(database);
        Self { setup, names, database: None }
    }

    /// Puts identities in the place of names: `{demo}`, `{demo/ALPHA}` and `{demo:main}` are the
    /// uids of a project, a secret and an environment, `{demo/ALPHA@main.draft}` is the condition
    /// that a row of `slot` or `value` is of this slot, and with `#2` that it is this version.
    pub fn sql(&self, sql: &str) -> String {
        let mut written = String::new();
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap();
            let meant = self.names.get(name).unwrap_or_else(|| panic!("{{{name}}}"));
            write!(written, "{before}{meant}").unwrap();
            rest = after;
        }
        written + rest
    }

    /// Tampers with a copy, and checks all that can be asked of it.
    pub async fn tampered(&self, name: &str, sql: &str, damage: &[Damage], heals: bool) {
        if let Some(database) = &self.database {
            return self.tampered_on_postgres(database, name, sql, damage, heals).await;
        }
        let copy = self.setup.copied();
        let database = copy.database();
        let old = copy.data_dir().join("old.db");
        database.pragma_update(None, "foreign_keys", false).unwrap();
        database.execute("ATTACH ?1 AS old", [old.to_str().unwrap()]).unwrap();
        let before = dump(&database);
        let sql = self.sql(sql);
        database.execute_batch(&sql).unwrap_or_else(|error| panic!("{name}: {error}: {sql}"));
        let tampered = dump(&database);
        assert_ne!(before, tampered, "{name} tampers with nothing");

        let server = copy.start().await;
        check::everything(&server, name, damage).await;
        check::changes_are_refused(&server, name, damage).await;
        assert_eq!(dump(&database), tampered, "{name}: something was written");
        if heals {
            let setup = server.stop().await;
            self.restore(&database);
            assert_eq!(dump(&database), before);
            check::everything(&setup.start().await, name, &[]).await;
        }
    }

    /// Puts back every row as it was.
    fn restore(&self, database: &rusqlite::Connection) {
        let was = self.setup.data_dir().join("waxseal.db");
        database.execute("ATTACH ?1 AS was", [was.to_str().unwrap()]).unwrap();
        for table in TABLES {
            let sql =
                format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM was.{table};");
            database.execute_batch(&sql).unwrap();
        }
    }
}

pub const TABLES: [&str; 5] = ["project", "environment", "secret", "slot", "value"];

/// Every row of the tables that are tampered with.
fn dump(database: &rusqlite::Connection) -> Vec<String> {
    let mut rows = Vec::new();
    for table in TABLES {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let read = statement.query_map([], |row| {
            (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect()
        });
        rows.extend(
            read.unwrap()
                .map(|row: rusqlite::Result<Vec<_>>| format!("{table} {:?}", row.unwrap())),
        );
    }
    rows.sort();
    rows
}

/// The state that the backup holds: one version in each slot, and nothing restricted or deleted
/// that was not so from the beginning.
pub async fn fill(admin: &Client, builder: &Client, project: &str) {
    admin.create_project(project).await.unwrap();
    admin.create_environment(project, "staging").await.unwrap();
    let denied =
        v1::Environment { fallback: Fallback::Deny.into(), protected: true, ..Default::default() };
    admin.create_environment_as(project, "denied", denied).await.unwrap();
    for secret in MASKED.into_iter().chain(RESTRICTED) {
        let visibility = if RESTRICTED[..2].contains(&secret) {
            Visibility::Restricted
        } else {
            Visibility::Masked
        };
        builder.create_secret(project, secret, visibility, None).await.unwrap();
        for (name, _) in SLOTS {
            let value = value(project, secret, name, 1);
            builder.set(project, secret, slot(name), &value).await.unwrap();
        }
    }
    for secret in ["GONE", "CLEARED"] {
        builder.create_secret(project, secret, Visibility::Masked, Some("it was")).await.unwrap();
    }
    builder.create_secret(project, "LATER", Visibility::Masked, None).await.unwrap();
    if project == "demo" {
        admin.create_environment(project, "spare").await.unwrap();
        builder.create_secret(project, "ONLY", Visibility::Masked, Some("here")).await.unwrap();
    }
}

pub async fn go_on(builder: &Client, project: &str) {
    for secret in MASKED.into_iter().chain(RESTRICTED) {
        for (name, _) in SLOTS.into_iter().filter(|(_, versions)| *versions == 2) {
            let value = value(project, secret, name, 2);
            builder.set(project, secret, slot(name), &value).await.unwrap();
        }
    }
    builder.restrict(project, "TURNED").await.unwrap();
    builder.delete_secret(project, "GONE").await.unwrap();
    builder.clear(project, "CLEARED", default_slot()).await.unwrap();
}

/// Of projects, secrets and environments: the project's id, the thing's own name, and its identity.
pub const IDENTITIES: [&str; 3] = [
    "SELECT id, '', uid FROM project",
    "SELECT p.id, s.name, s.uid FROM secret s JOIN project p ON p.uid = s.project",
    "SELECT p.id, e.id, e.uid FROM environment e JOIN project p ON p.uid = e.project",
];

/// What [`World::sql`] puts in, by what [`IDENTITIES`] gave.
pub fn names(identities: [Vec<(String, String, Vec<u8>)>; 3]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (rows, between) in identities.into_iter().zip(["", "/", ":"]) {
        names.extend(
            rows.into_iter()
                .map(|(project, name, uid)| (format!("{project}{between}{name}"), literal(&uid))),
        );
    }
    let secrets: Vec<_> = names.iter().filter(|(name, _)| name.contains('/')).map(own).collect();
    let environments: Vec<_> =
        names.iter().filter(|(name, _)| name.contains(':')).map(own).collect();
    for (secret, uid) in secrets {
        let nowhere = literal(&[0; 16]);
        let mut slots = vec![("default".to_owned(), nowhere, 0)];
        for (environment, uid) in &environments {
            let (project, environment) = environment.split_once(':').unwrap();
            if secret.starts_with(&format!("{project}/")) {
                slots.push((format!("{environment}.draft"), uid.clone(), 1));
                slots.push((format!("{environment}.live"), uid.clone(), 2));
            }
        }
        for (slot, environment, stage) in slots {
            let row = format!("secret = {uid} AND environment = {environment} AND stage = {stage}");
            for version in 1..=3 {
                let row = format!("{row} AND version = {version}");
                names.insert(format!("{secret}@{slot}#{version}"), row);
            }
            names.insert(format!("{secret}@{slot}"), row);
        }
    }
    names
}

fn own((name, uid): (&String, &String)) -> (String, String) {
    (name.clone(), uid.clone())
}

/// Bytes as SQLite writes them.
pub fn literal(bytes: &[u8]) -> String {
    let mut written = "x'".to_owned();
    for byte in bytes {
        write!(written, "{byte:02x}").unwrap();
    }
    written + "'"
}

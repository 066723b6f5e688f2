//! The same world in PostgreSQL, tampered with by the same statements.

use super::check::{self, Damage};
use super::world::{IDENTITIES, PROJECTS, TABLES, World, fill, go_on, names};
use crate::support::Setup;
use crate::support::postgres::Database;
use waxseal_server::config::Engines;

impl World {
    /// In PostgreSQL, with wrapping keys in the data directory's key file.
    pub async fn on_postgres() -> Self {
        let database = Database::create().await;
        let mut setup = Setup::sqlite();
        setup.config.engines = Engines {
            database_url: Some(database.url().parse().unwrap()),
            database_connections: 4,
            allow_local_keys: true,
            ..Engines::default()
        };
        let server = setup.start().await;
        let (admin, builder) = (server.admin().await, server.builder().await);
        for project in PROJECTS {
            fill(&admin, &builder, project).await;
        }
        copy(&database, "old").await;
        for project in PROJECTS {
            go_on(&builder, project).await;
        }
        drop((admin, builder));
        let setup = server.stop().await;
        copy(&database, "was").await;
        let client = database.connect().await;
        let mut identities = [const { Vec::new() }; 3];
        for (rows, sql) in identities.iter_mut().zip(IDENTITIES) {
            let read = client.query(sql, &[]).await.unwrap();
            *rows = read.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        }
        Self { setup, names: names(identities), database: Some(database) }
    }

    /// Tampers with it, checks all that can be asked of a server that starts on it, and puts every
    /// row back as it was.
    pub async fn tampered_on_postgres(
        &self,
        database: &Database,
        name: &str,
        sql: &str,
        damage: &[Damage],
        heals: bool,
    ) {
        let name = format!("{name}, in PostgreSQL");
        let before = dump(database).await;
        // Who owns the database need not mind its foreign keys.
        let sql = format!("SET session_replication_role = replica; {}", dialect(&self.sql(sql)));
        let client = database.connect().await;
        client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{name}: {error}: {sql}"));
        drop(client);
        let tampered = dump(database).await;
        assert_ne!(before, tampered, "{name} tampers with nothing");

        let server = self.setup.start().await;
        check::everything(&server, &name, damage).await;
        check::changes_are_refused(&server, &name, damage).await;
        assert_eq!(dump(database).await, tampered, "{name}: something was written");
        server.stop().await;
        restore(database, "was").await;
        assert_eq!(dump(database).await, before);
        if heals {
            let server = self.setup.start().await;
            check::everything(&server, &name, &[]).await;
            server.stop().await;
        }
    }
}

/// Keeps every row in a schema of this name.
async fn copy(database: &Database, schema: &str) {
    let tables = TABLES.map(|it| format!("CREATE TABLE {schema}.{it} AS SELECT * FROM {it};"));
    database.sql(&format!("CREATE SCHEMA {schema}; {}", tables.concat())).await;
}

/// Puts back every row as [`copy`] kept it.
pub async fn restore(database: &Database, schema: &str) {
    let tables =
        TABLES.map(|it| format!("DELETE FROM {it}; INSERT INTO {it} SELECT * FROM {schema}.{it};"));
    let tables = tables.concat();
    database.sql(&format!("SET session_replication_role = replica; {tables}")).await;
}

/// Every row of the tables that are tampered with.
async fn dump(database: &Database) -> Vec<String> {
    let mut rows = Vec::new();
    for table in TABLES {
        let read = database.sql(&format!("SELECT it::text FROM {table} it")).await;
        let text = |row: Vec<Option<String>>| format!("{table} {}", row[0].as_ref().unwrap());
        rows.extend(read.into_iter().map(text));
    }
    rows.sort();
    rows
}

/// What the statements say in SQLite's way, in PostgreSQL's.
fn dialect(sql: &str) -> String {
    let mut written = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("x'") {
        if before.ends_with('\'') {
            // The end of a text that is an x.
            written += &format!("{before}x'");
            rest = after;
            continue;
        }
        // Bytes in hexadecimal.
        let (hex, after) = after.split_once('\'').unwrap();
        assert!(hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hex}");
        written += &format!("{before}'\\x{hex}'::bytea");
        rest = after;
    }
    written += rest;
    for (sqlite, postgres) in [
        ("zeroblob(32)", "decode(repeat('00', 32), 'hex')"),
        ("zeroblob(1000000)", "decode(repeat('00', 1000000), 'hex')"),
        ("AS BLOB", "AS bytea"),
    ] {
        written = written.replace(sqlite, postgres);
    }
    written
}

#[test]
fn statements_are_translated() {
    let sqlite = "SET a = x'00ff', b = zeroblob(32), c = CAST(d || x'00' AS BLOB), e = 'x'";
    let postgres = "SET a = '\\x00ff'::bytea, b = decode(repeat('00', 32), 'hex'), \
                    c = CAST(d || '\\x00'::bytea AS bytea), e = 'x'";
    assert_eq!(dialect(sqlite), postgres);
}

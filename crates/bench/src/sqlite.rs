//! The least that a write could cost: one transaction of the rows that change, in a database set
//! up as the product's is.

use crate::Fault;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of the size of the product's, and nothing that they mean.
const TABLES: &str = "PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    CREATE TABLE project (uid BLOB PRIMARY KEY, revision INTEGER, manifest BLOB) STRICT;
    CREATE TABLE slot (secret BLOB PRIMARY KEY, current INTEGER, versions BLOB) STRICT;
    CREATE TABLE value (secret BLOB, version INTEGER, record BLOB, PRIMARY KEY (secret, version))
        STRICT;";

pub(crate) struct Bare(Connection);

impl Bare {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let connection = Connection::open(path)?;
        connection.execute_batch(TABLES)?;
        connection
            .execute("INSERT INTO project VALUES (?1, 0, ?2)", params![[1_u8; 16], [0_u8; 32]])?;
        connection
            .execute("INSERT INTO slot VALUES (?1, 0, ?2)", params![[2_u8; 16], [0_u8; 400]])?;
        Ok(Self(connection))
    }

    /// Inserts a version and updates its slot and project, in one transaction each, for so long;
    /// gives the transactions of a second.
    pub(crate) fn writes(&mut self, time: Duration) -> Result<f64, Fault> {
        let start = Instant::now();
        let mut writes = 0;
        while start.elapsed() < time {
            let tx = self.0.transaction()?;
            let version: i64 =
                tx.query_row("SELECT revision + 1 FROM project", [], |row| row.get(0))?;
            let record = [7_u8; 256];
            tx.prepare_cached("INSERT INTO value VALUES (?1, ?2, ?3)")?
                .execute(params![[2_u8; 16], version, record])?;
            tx.prepare_cached("UPDATE slot SET current = ?1, versions = ?2")?
                .execute(params![version, [1_u8; 400]])?;
            tx.prepare_cached("UPDATE project SET revision = ?1, manifest = ?2")?
                .execute(params![version, [1_u8; 32]])?;
            tx.commit()?;
            writes += 1;
        }
        Ok(f64::from(writes) / start.elapsed().as_secs_f64())
    }
}

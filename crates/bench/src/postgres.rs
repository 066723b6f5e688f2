//! The least that PostgreSQL could cost: one query, and one transaction of the rows that a write
//! changes.

use crate::Fault;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls, Statement};

/// Tables of one connection, as the server may be somebody's, with rows of the size of the
/// product's, and nothing that they mean.
const TABLES: &str = "CREATE TABLE project (uid INT PRIMARY KEY, revision BIGINT, manifest BYTEA);
    CREATE TABLE slot (secret INT PRIMARY KEY, current BIGINT, versions BYTEA);
    CREATE TABLE value (version BIGINT PRIMARY KEY, record BYTEA);
    INSERT INTO project VALUES (1, 0, '');
    INSERT INTO slot VALUES (1, 0, '')";

pub(crate) struct Bare {
    client: Client,
    select: Statement,
    insert: Statement,
    slot: Statement,
    project: Statement,
    version: i64,
}

impl Bare {
    /// On an empty database.
    pub(crate) async fn open(url: &str) -> Result<Self, Fault> {
        let client = connect(url).await?;
        client.batch_execute(TABLES).await?;
        let insert = client.prepare("INSERT INTO value VALUES ($1, $2)").await?;
        let slot = client.prepare("UPDATE slot SET current = $1, versions = $2").await?;
        let project = client.prepare("UPDATE project SET revision = $1, manifest = $2").await?;
        let select = client.prepare("SELECT revision FROM project WHERE uid = 1").await?;
        Ok(Self { client, select, insert, slot, project, version: 0 })
    }

    /// Reads a row by its key for so long; gives the reads of a second.
    pub(crate) async fn reads(&self, time: Duration) -> Result<f64, Fault> {
        let (start, mut reads) = (Instant::now(), 0);
        while start.elapsed() < time {
            self.client.query_one(&self.select, &[]).await?;
            reads += 1;
        }
        Ok(f64::from(reads) / start.elapsed().as_secs_f64())
    }

    /// Inserts a version and updates its slot and project, in one transaction each, for so long;
    /// gives the transactions of a second.
    pub(crate) async fn writes(&mut self, time: Duration) -> Result<f64, Fault> {
        let (start, mut writes) = (Instant::now(), 0);
        while start.elapsed() < time {
            self.version += 1;
            let tx = self.client.transaction().await?;
            tx.execute(&self.insert, &[&self.version, &vec![7_u8; 256]]).await?;
            tx.execute(&self.slot, &[&self.version, &vec![1_u8; 400]]).await?;
            tx.execute(&self.project, &[&self.version, &vec![1_u8; 32]]).await?;
            tx.commit().await?;
            writes += 1;
        }
        Ok(f64::from(writes) / start.elapsed().as_secs_f64())
    }
}

/// Connects, to a server that may accept connections before it takes queries.
pub(crate) async fn connect(url: &str) -> Result<Client, Fault> {
    const TRIES: u32 = 50;
    for _ in 0..TRIES {
        if let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await {
            tokio::spawn(connection);
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

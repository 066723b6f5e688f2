//! A PostgreSQL database of a test's own, to run on, to look into and to tamper with.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A variable that `tests/run` sets.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by tests/run"))
}

/// An empty database, gone with everything that is connected to it when it is dropped.
pub struct Database {
    name: String,
    url: String,
}

impl Database {
    pub async fn create() -> Self {
        let name = format!("waxseal_test_{}", uuid::Uuid::new_v4().simple());
        let server = variable("TEST_POSTGRES");
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        let admin = connect(&server).await;
        // Nobody can be connected to template0, which would stand in the way.
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        admin.batch_execute(&create).await.unwrap();
        Self { name, url: url.into() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `postgres://USER@ADDRESS:PORT/NAME`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection past the service.
    pub async fn connect(&self) -> Client {
        connect(&self.url).await
    }

    /// Runs statements, and gives the rows of them as PostgreSQL writes them; NULL is `None`.
    pub async fn sql(&self, statements: &str) -> Vec<Vec<Option<String>>> {
        let messages = self.connect().await.simple_query(statements).await.unwrap();
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.into_iter().filter_map(row).collect()
    }

    /// The single number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let rows = self.sql(query).await;
        let [row] = &*rows else { panic!("{query} gives {} rows", rows.len()) };
        row[0].as_ref().unwrap().parse().unwrap()
    }

    /// Those who are connected, without whom asks.
    pub async fn connections(&self) -> i64 {
        let query = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND pid <> pg_backend_pid()
                       AND backend_type = 'client backend'";
        self.number(query).await
    }

    /// Waits until at most this many are connected, and says how long that took.
    pub async fn at_most_connected(&self, most: i64, within: Duration) -> Duration {
        let begin = Instant::now();
        loop {
            let connected = self.connections().await;
            let took = begin.elapsed();
            if connected <= most {
                return took;
            }
            assert!(took < within, "{connected} are connected after {took:?}, not {most}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All that there is, as pg_dump writes it.
    pub fn dump(&self) -> Vec<u8> {
        let dumped = program("pg_dump").arg(format!("--dbname={}", self.url)).output().unwrap();
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        dumped.stdout
    }

    /// Runs what [`Self::dump`] gave, in an empty database.
    pub fn restore(&self, dump: &[u8]) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), dump).unwrap();
        let mut psql = program("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]);
        psql.arg(format!("--dbname={}", self.url)).arg("--file").arg(file.path());
        let restored = psql.output().unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    }

    /// The log of the whole server so far: statements, with their parameters, and errors.
    pub fn server_log() -> Vec<u8> {
        std::fs::read(variable("TEST_POSTGRES_LOG")).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = format!("--dbname={}", variable("TEST_POSTGRES"));
        let dropped = program("psql").args(["--no-psqlrc", &server, "-c", &drop]).output().unwrap();
        let fine = dropped.status.success() || std::thread::panicking();
        assert!(fine, "{}", String::from_utf8_lossy(&dropped.stderr));
    }
}

/// A connection to the server, and to no test's database.
pub async fn server() -> Client {
    connect(&variable("TEST_POSTGRES")).await
}

/// A program of PostgreSQL's.
pub fn program(name: &str) -> Command {
    Command::new(PathBuf::from(variable("TEST_POSTGRES_BIN")).join(name))
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    // It ends with the client, or with the database.
    tokio::spawn(connection);
    client
}

//! Redis: the one that the tests share, and servers of a test's own to kill, pause and look into.

mod nodes;
#[cfg(test)]
mod tests;

pub use nodes::Cluster;

use super::postgres::variable;
use redis::aio::MultiplexedConnection;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The one that the tests share: keys of others are in it, and it stays up.
pub fn shared() -> String {
    variable("TEST_REDIS")
}

/// The nodes of a cluster that the tests share.
pub fn cluster() -> Vec<String> {
    variable("TEST_REDIS_CLUSTER").split(',').map(str::to_owned).collect()
}

/// A server of a test's own, that keeps nothing on disk unless it is told to. Killed when dropped.
pub struct Redis {
    port: u16,
    child: Child,
    dir: tempfile::TempDir,
    settings: Vec<String>,
}

impl Redis {
    pub async fn start() -> Self {
        Self::start_with(Vec::new).await
    }

    /// One with further settings, asked for anew for every attempt to start.
    async fn start_with(settings: impl Fn() -> Vec<String>) -> Self {
        loop {
            // Free now; should another process be faster, there are more.
            let (port, settings) = (free(), settings());
            let dir = tempfile::tempdir().unwrap();
            let mut child = spawn(port, &dir, &settings);
            if answers(port, &mut child).await {
                return Self { port, child, dir, settings };
            }
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a crash does, with everything in it. What is connected is reset, and new
    /// connections are refused.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Self::kill`], on the same port and empty.
    pub async fn restart(&mut self) {
        self.child = spawn(self.port, &self.dir, &self.settings);
        assert!(answers(self.port, &mut self.child).await, "its port has been taken");
    }

    /// Stops the process where it stands, until [`Self::resume`]: connections stay, and nothing is
    /// answered.
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Forgets every key.
    pub async fn flush(&self) {
        let mut connection = connect(&self.url()).await;
        redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    }

    /// Replaces what is under a key.
    pub async fn set(&self, key: &[u8], value: &[u8]) {
        let mut connection = connect(&self.url()).await;
        redis::cmd("SET").arg(key).arg(value).exec_async(&mut connection).await.unwrap();
    }

    /// The file that it writes to disk, not compressed.
    pub async fn saved(&self) -> Vec<u8> {
        let mut connection = connect(&self.url()).await;
        redis::cmd("SAVE").exec_async(&mut connection).await.unwrap();
        std::fs::read(self.dir.path().join("dump.rdb")).unwrap()
    }

    /// How often a key was put by SET, and how often one was found, since the start.
    pub async fn put_and_found(&self) -> (u64, u64) {
        let mut connection = connect(&self.url()).await;
        let info: String =
            redis::cmd("INFO").arg("everything").query_async(&mut connection).await.unwrap();
        let number = |prefix: &str| {
            let rest = info.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or("0");
            let digits = rest.split(|other: char| !other.is_ascii_digit()).next().unwrap();
            digits.parse().unwrap()
        };
        (number("cmdstat_set:calls="), number("keyspace_hits:"))
    }

    /// Every key with what is under it.
    pub async fn dump(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        dump(&self.url()).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every key of a server with what is under it: a string itself, another type as Redis writes it
/// to disk.
pub async fn dump(url: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut connection = connect(url).await;
    let keys: Vec<Vec<u8>> =
        redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut dumped = BTreeMap::new();
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.unwrap();
        let read = if kind == "string" { "GET" } else { "DUMP" };
        let value: Option<Vec<u8>> =
            redis::cmd(read).arg(&key).query_async(&mut connection).await.unwrap();
        // It may have expired meanwhile.
        dumped.extend(value.map(|value| (key, value)));
    }
    dumped
}

async fn connect(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// A port that is free now.
fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(port: u16, dir: &tempfile::TempDir, settings: &[String]) -> Child {
    Command::new(variable("TEST_REDIS_SERVER"))
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no"])
        // What is written to disk can be searched.
        .args(["--rdbcompression", "no", "--dir"])
        .arg(dir.path())
        .args(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for the server's answer; `false` if it has ended instead.
async fn answers(port: u16, child: &mut Child) -> bool {
    let begin = Instant::now();
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
            let pong: redis::RedisResult<String> =
                redis::cmd("PING").query_async(&mut connection).await;
            if pong.is_ok() {
                return true;
            }
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "redis-server answers");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

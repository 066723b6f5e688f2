//! A PostgreSQL of a test's own with a standby that streams from it, to kill and to promote.

use super::postgres::program;
use super::proxy::Proxy;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whose acknowledgement a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// That of the primary alone.
    Asynchronous,
    /// The standby's as well.
    Synchronous,
}

/// A primary, its standby, and the link that the one streams over to the other.
pub struct Pair {
    primary: Node,
    standby: Node,
    /// From the standby to the primary.
    pub link: Proxy,
    /// Outlives both.
    _dir: tempfile::TempDir,
}

/// One server, ended when dropped.
struct Node {
    port: u16,
    data: PathBuf,
    child: Child,
}

impl Pair {
    pub async fn start(replication: Replication) -> Self {
        let dir = tempfile::Builder::new().prefix("waxseal-pair.").tempdir().unwrap();
        let user = user();
        if let Some((uid, gid)) = user {
            chown(dir.path(), Some(uid), Some(gid)).unwrap();
        }
        let (data, port) = (dir.path().join("primary"), free());
        let mut initdb = started_as(program("initdb"), user);
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
        ran(initdb.arg("--no-sync").arg("--pgdata").arg(&data)).await;
        let everybody =
            "host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n";
        std::fs::write(data.join("pg_hba.conf"), everybody).unwrap();
        let primary = Node::start(data, port, user).await;

        let link = Proxy::to(format!("127.0.0.1:{port}").parse().unwrap()).await;
        let (data, port) = (dir.path().join("standby"), free());
        let mut copy = started_as(program("pg_basebackup"), user);
        copy.args(["--host=127.0.0.1", "--username=postgres", "--checkpoint=fast", "--no-sync"]);
        copy.arg(format!("--port={}", link.addr().port())).arg("--write-recovery-conf");
        ran(copy.arg("--pgdata").arg(&data)).await;
        let standby = Node::start(data, port, user).await;

        let pair = Self { primary, standby, link, _dir: dir };
        let admin = pair.primary.connect().await;
        if replication == Replication::Synchronous {
            admin.batch_execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.unwrap();
            admin.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        }
        let state = if replication == Replication::Synchronous { "sync" } else { "async" };
        let streams = format!(
            "SELECT count(*) = 1 FROM pg_stat_replication
             WHERE state = 'streaming' AND sync_state = '{state}'"
        );
        until("the standby streams", &admin, &streams).await;
        admin.batch_execute("CREATE DATABASE waxseal TEMPLATE template0").await.unwrap();
        pair
    }

    /// The URL of the database, on whichever of the two takes changes.
    pub fn url(&self) -> String {
        let [primary, standby] = self.ports();
        format!("postgres://postgres@127.0.0.1:{primary},127.0.0.1:{standby}/waxseal")
    }

    /// Where the primary listens, and the standby.
    pub fn ports(&self) -> [u16; 2] {
        [self.primary.port, self.standby.port]
    }

    /// Waits until the standby has all that the primary has.
    pub async fn caught_up(&self) {
        let admin = self.primary.connect().await;
        let equal = "SELECT count(*) = 1 FROM pg_stat_replication
                     WHERE replay_lsn >= pg_current_wal_lsn()";
        until("the standby has caught up", &admin, equal).await;
    }

    /// Ends the primary as a crash does. It stays away.
    pub fn kill_primary(&mut self) {
        self.primary.child.kill().unwrap();
        self.primary.child.wait().unwrap();
    }

    /// Makes a primary of the standby.
    pub async fn promote(&self) {
        let standby = self.standby.connect().await;
        let promoted = standby.query_one("SELECT pg_promote()", &[]).await.unwrap();
        assert!(promoted.get::<_, bool>(0), "it is promoted");
    }
}

impl Node {
    async fn start(data: PathBuf, port: u16, user: Option<(u32, u32)>) -> Self {
        let mut postgres = started_as(program("postgres"), user);
        postgres.arg("-D").arg(&data);
        for setting in [
            &*format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=60",
            "hot_standby=on",
            // Nothing of one that was killed is left behind outside of its directory.
            "dynamic_shared_memory_type=mmap",
        ] {
            postgres.args(["-c", setting]);
        }
        let log = std::fs::File::create(data.with_extension("log")).unwrap();
        let child = postgres.stderr(log).spawn().unwrap();
        let mut node = Self { port, data, child };
        let begun = Instant::now();
        while tokio_postgres::connect(&node.url(), NoTls).await.is_err() {
            let told = || std::fs::read_to_string(node.data.with_extension("log")).unwrap();
            assert!(node.child.try_wait().unwrap().is_none(), "it ended: {}", told());
            assert!(begun.elapsed() < PATIENCE, "it does not answer: {}", told());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        node
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    async fn connect(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// The segment of shared memory that a server holds on to as long as it lives, and that one
    /// that is killed leaves behind.
    fn segment(&self) -> Option<String> {
        let told = std::fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        Some(told.lines().nth(6)?.split_whitespace().nth(1)?.to_owned())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let segment = self.segment();
        // Its own processes end when they find it gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(segment) = segment {
            let mut remove = Command::new("ipcrm");
            let _ = remove.args(["-m", &segment]).stderr(Stdio::null()).status();
        }
    }
}

/// Whom PostgreSQL runs as: it refuses to be root.
fn user() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let known = |name: &str| {
        let mut fields = users.lines().find_map(|line| line.strip_prefix(name))?.split(':').skip(1);
        Some((fields.next()?.parse().unwrap(), fields.next()?.parse().unwrap()))
    };
    Some(known("postgres:").or_else(|| known("nobody:")).expect("a user that is not root"))
}

fn started_as(mut command: Command, user: Option<(u32, u32)>) -> Command {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    // Somewhere that every user may be in, and out of the way of the terminal's Ctrl-C.
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Runs a command to its end.
async fn ran(command: &mut Command) {
    let name = Path::new(command.get_program()).display().to_string();
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let ended = ended.await.unwrap();
    assert!(ended.status.success(), "{name}: {}", String::from_utf8_lossy(&ended.stderr));
}

async fn until(what: &str, client: &Client, so: &str) {
    let begun = Instant::now();
    while !client.query_one(so, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A port that is free now; another process would have to be very fast.
fn free() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

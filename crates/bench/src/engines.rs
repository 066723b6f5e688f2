//! PostgreSQL and Redis, started for one run in directories of their own.

use crate::Fault;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Who a process of root's becomes: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;
/// Left to an engine to begin.
const BEGIN: Duration = Duration::from_secs(20);

/// A running engine. Stopped when dropped.
pub(crate) struct Engine {
    process: Option<Child>,
    pub(crate) url: String,
    _dir: Option<TempDir>,
}

/// PostgreSQL: the one that was named, or one of this run's own; `None` where it is not installed.
pub(crate) async fn postgres(named: Option<&str>) -> Result<Option<Engine>, Fault> {
    if let Some(url) = named {
        return Ok(Some(Engine { process: None, url: url.to_owned(), _dir: None }));
    }
    let Some(programs) = postgres_programs() else { return Ok(None) };
    let (dir, port) = (place()?, free_port()?);
    let data = dir.path().join("data");
    let mut initdb = quiet(&programs.join("initdb"));
    initdb.args(["--auth=trust", "--username=bench", "--no-sync", "-D"]).arg(&data);
    if !initdb.current_dir(dir.path()).status()?.success() {
        return Err("initdb has failed".into());
    }
    let mut server = quiet(&programs.join("postgres"));
    server.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-p"]);
    server.arg(port.to_string()).arg("-k").arg(dir.path()).current_dir(dir.path());
    let url = format!("postgres://bench@127.0.0.1:{port}/postgres");
    Engine::begin(server, port, url, dir).await.map(Some)
}

/// Redis, of this run's own; `None` where it is not installed.
pub(crate) async fn redis() -> Result<Option<Engine>, Fault> {
    let programs = ["/usr/bin", "/usr/local/bin"].map(|dir| Path::new(dir).join("redis-server"));
    let Some(program) = programs.into_iter().find(|path| path.exists()) else { return Ok(None) };
    let (dir, port) = (place()?, free_port()?);
    let mut server = quiet(&program);
    server.args(["--bind", "127.0.0.1", "--save", "", "--port"]).arg(port.to_string());
    server.current_dir(dir.path());
    let url = format!("redis://127.0.0.1:{port}/");
    Engine::begin(server, port, url, dir).await.map(Some)
}

impl Engine {
    /// The URL of one of a PostgreSQL's databases.
    pub(crate) fn database(&self, database: &str) -> String {
        self.database_at(&self.authority().unwrap_or_default(), database)
    }

    /// The same where the server is reached at another place.
    pub(crate) fn database_at(&self, authority: &str, database: &str) -> String {
        let (before, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        let (user, _) = before.rsplit_once('@').unwrap_or((before, ""));
        format!("{user}@{authority}/{database}")
    }

    /// HOST:PORT of a PostgreSQL.
    pub(crate) fn authority(&self) -> Result<String, Fault> {
        let (before, _) = self.url.rsplit_once('/').ok_or("the URL names no database")?;
        let (_, authority) = before.rsplit_once('@').ok_or("the URL names no user")?;
        Ok(authority.to_owned())
    }

    async fn begin(
        mut server: Command,
        port: u16,
        url: String,
        dir: TempDir,
    ) -> Result<Self, Fault> {
        let engine = Self { process: Some(server.spawn()?), url, _dir: Some(dir) };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if start.elapsed() > BEGIN {
                return Err(format!("{} does not begin", engine.url).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(engine)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // A fast shutdown for PostgreSQL, and one without saving for Redis.
            let _ = kill_process(Pid::from_child(process), Signal::INT);
            let _ = process.wait();
        }
    }
}

/// The newest PostgreSQL where Debian puts them.
fn postgres_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs.filter(|dir| dir.join("initdb").exists()).max()
}

/// A directory for an engine, which may run as another user.
fn place() -> Result<TempDir, Fault> {
    let dir = tempfile::Builder::new().prefix("waxseal-bench.").tempdir()?;
    if geteuid().is_root() {
        chown(dir.path(), Some(NOBODY), Some(NOBODY))?;
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700))?;
    }
    Ok(dir)
}

fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn free_port() -> Result<u16, Fault> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

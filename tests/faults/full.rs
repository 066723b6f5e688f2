//! A database without space: what needs some is refused with a reason of its own, what needs none
//! is answered, and with space again all is well.

use super::RECOVERY;
use crate::support::postgres::{program, server, variable};
use crate::support::production::Production;
use crate::support::replicas::Replicas;
use crate::support::{default_slot, refused};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use waxseal_proto::v1::{Stage, Visibility};

/// An empty database of PostgreSQL's takes 8 MB, and our tables 2.
const SIZE: &str = "32m";
/// A page takes so many rows at most that a change adds.
const ENOUGH: usize = 500;

/// A place for databases on a small disk of its own, gone when it is dropped.
struct Disk {
    name: String,
    dir: tempfile::TempDir,
}

impl Disk {
    /// None, and why, where this process may not make one.
    async fn make() -> Result<Self, String> {
        let server = server().await;
        let data = server.query_one("SHOW data_directory", &[]).await.unwrap();
        let data: String = data.get(0);
        let owner = std::fs::metadata(&data).map_err(|error| format!("{data}: {error}"))?.uid();
        let dir = tempfile::Builder::new().prefix("waxseal-disk.").tempdir().unwrap();
        let options = format!("size={SIZE},uid={owner},mode=0700");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).output();
        let mounted = mounted.map_err(|error| format!("mount: {error}"))?;
        if !mounted.status.success() {
            return Err(String::from_utf8_lossy(&mounted.stderr).into_owned());
        }
        let name = format!("waxseal_test_{}", uuid::Uuid::new_v4().simple());
        let disk = Self { name, dir };
        let create =
            format!("CREATE TABLESPACE {} LOCATION '{}'", disk.name, disk.path().display());
        server.batch_execute(&create).await.unwrap();
        Ok(disk)
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        while file.write(&[0; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let drop = format!("DROP TABLESPACE IF EXISTS {}", self.name);
        let url = format!("--dbname={}", variable("TEST_POSTGRES"));
        let dropped = program("psql").args(["--no-psqlrc", &url, "-c", &drop]).output().unwrap();
        let unmounted = Command::new("umount").arg(self.path()).output().unwrap();
        let fine = dropped.status.success() && unmounted.status.success();
        assert!(fine || std::thread::panicking(), "{dropped:?}, {unmounted:?}");
    }
}

/// Repeats a call until it is refused, and says how often it was not: there may be space left in
/// what is there.
async fn until_refused<T>(
    what: &str,
    reason: &str,
    call: impl AsyncFn() -> Result<T, Status>,
) -> usize {
    for done in 0..ENOUGH {
        let answer = call().await;
        if answer.is_err() {
            refused(answer).is(Code::Unavailable, reason);
            println!("{what} is refused after {done}");
            return done;
        }
    }
    panic!("{what} is never refused");
}

#[tokio::test]
async fn what_needs_space_is_refused_and_reads_are_answered() {
    let disk = match Disk::make().await {
        Ok(disk) => disk,
        Err(why) => {
            println!("skipped: it takes a disk of its own, which cannot be mounted here: {why}");
            return;
        }
    };
    let production = Production::create().await;
    let (name, space) = (production.database.name(), &disk.name);
    let alter = format!("ALTER DATABASE {name} SET TABLESPACE {space}");
    server().await.batch_execute(&alter).await.unwrap();
    let replicas = Replicas::start(production, 1, |_| {}).await;
    let server = &replicas[0].server;
    server.make_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "key", Visibility::Masked, Some("value")).await.unwrap();

    disk.fill();
    let set = async || builder.set("demo", "key", default_slot(), "more").await;
    let (full, silent) = ("STORAGE_FULL", "AUDIT_UNAVAILABLE");
    let made = until_refused("a change", full, set).await;
    let made = made + until_refused("a change", full, set).await;
    // What cannot be put on record is not disclosed; what is on record already goes on.
    let reveal = async || builder.reveal("demo", "key", default_slot()).await;
    until_refused("a reveal", silent, reveal).await;
    for environment in ["main", "staging"] {
        if let Err(status) = runtime.resolve("demo", environment, Stage::Live).await {
            refused::<()>(Err(status)).is(Code::Unavailable, silent);
        }
    }
    builder.get_environment("demo", "main").await.unwrap();

    disk.empty();
    let healed = Instant::now();
    while let Err(status) = builder.set("demo", "key", default_slot(), "again").await {
        assert!(healed.elapsed() < RECOVERY, "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let revealed = builder.reveal("demo", "key", default_slot()).await.unwrap();
    let versions = usize::try_from(revealed.version).unwrap();
    assert_eq!(versions, 1 + made + 1, "what was refused was not made");
}

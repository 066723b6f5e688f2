//! The memory of the process: in no core file, and not for debuggers.

use crate::support::binary::{Serving, waxseal};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};

const NOBODY: u32 = 65_534;

/// A server as somebody who is not root: root may look at anything.
fn serving() -> (tempfile::TempDir, Serving) {
    let root = rustix::process::getuid().is_root();
    let memory = std::path::Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = tempfile::tempdir_in(place).unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (binary, data) = (dir.path().join("waxseal"), dir.path().join("data"));
    // Not by this process, whose other threads may hand an open file down to what they start.
    assert!(Command::new("cp").arg(waxseal()).arg(&binary).status().unwrap().success());
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new(&binary);
    command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    command.stderr(Stdio::null());
    if root {
        std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let serving = Serving::start(&mut command);
    (dir, serving)
}

#[test]
#[cfg(target_os = "linux")]
fn the_memory_of_a_server_is_not_to_be_had() {
    let (_dir, serving) = serving();
    let process = format!("/proc/{}", serving.child.id());
    let limits = std::fs::read_to_string(format!("{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let core: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(core, ["0", "0"]);

    // What belongs to a process that may not be dumped belongs to root, whoever runs it.
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let user = status.lines().find(|line| line.starts_with("Uid:")).unwrap();
    let user: u32 = user.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert_ne!(user, 0);
    assert_eq!(std::fs::metadata(format!("{process}/mem")).unwrap().uid(), 0);
    // Of another process of that user it belongs to the user.
    let mut other = Command::new("sleep");
    let mut other = other.arg("60").uid(user).spawn().unwrap();
    let file = format!("/proc/{}/mem", other.id());
    while std::fs::read_to_string(format!("/proc/{}/comm", other.id())).unwrap() != "sleep\n" {}
    assert_eq!(std::fs::metadata(file).unwrap().uid(), user);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_server_that_crashes_leaves_no_core_file() {
    let (dir, mut serving) = serving();
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::ABORT).unwrap();
    let ended = serving.child.wait().unwrap();
    assert_eq!(ended.signal(), Some(rustix::process::Signal::ABORT.as_raw()));
    assert!(!ended.core_dumped());
    drop(dir);
}

//! The command line: `serve`, `dev` and `token`, as processes.

mod dev;
mod hangup;
mod keys;
mod sockets;
mod standard;
mod start;
mod stop;
mod tokens;

use crate::support::Setup;
use crate::support::binary::{Serving, command};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// `waxseal serve` on the data directory of this setup, on any free port.
fn serve(setup: &Setup) -> Command {
    let mut command = command();
    command.args(["serve", "--log", "error", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(setup.data_dir());
    command
}

/// What a command that ends by itself has said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn said(command: &mut Command) -> Said {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    /// It failed with this exit code, and said these things in one line on standard error.
    #[track_caller]
    fn failed(&self, code: i32, words: &[&str]) {
        let Self { code: ended, out, err } = self;
        assert_eq!(*ended, Some(code), "{out}{err}");
        assert_eq!(out, "");
        assert!(err.starts_with("waxseal: error: "), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        for word in words {
            assert!(err.contains(word), "{word:?} is not in: {err}");
        }
    }

    /// It succeeded, and said nothing on standard error.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }
}

/// A setup on which a server was started and stopped.
fn used() -> Setup {
    let setup = Setup::sqlite();
    let mut serving = Serving::start(&mut serve(&setup));
    serving.terminate();
    ends_well(&mut serving, Duration::from_secs(30));
    setup
}

/// It ends with exit code 0 within this time.
#[track_caller]
fn ends_well(serving: &mut Serving, time: Duration) {
    let since = Instant::now();
    loop {
        if let Some(status) = serving.child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        assert!(since.elapsed() < time, "it has not ended after {time:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

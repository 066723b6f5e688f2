//! SIGHUP of a server that has nothing to read again.

use super::ends_well;
use crate::support::binary::{Serving, command};
use crate::support::{Client, Setup};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
const SAID: &str = "SIGHUP: there are no certificates to read again";

fn hang_up(child: &Child) {
    kill_process(Pid::from_child(child), Signal::HUP).unwrap();
}

/// Waits until the log holds something so many times.
#[track_caller]
fn wait(log: &Path, said: &str, times: usize) {
    let begun = Instant::now();
    loop {
        let log = std::fs::read_to_string(log).unwrap();
        if log.matches(said).count() >= times {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{said:?} is not {times} times in: {log}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn a_server_without_certificates_says_so_and_goes_on() {
    let (setup, log) = (Setup::sqlite(), tempfile::NamedTempFile::new().unwrap());
    let mut command = command();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(setup.data_dir());
    let mut serving = Serving::start(command.stderr(log.reopen().unwrap()));
    let token = crate::support::binary::first_token(&setup.data_dir());
    let admin = Client::connect(&serving.url(), &token).await;
    for number in 1..=2 {
        hang_up(&serving.child);
        wait(log.path(), SAID, number);
        admin.create_project(&format!("p{number}")).await.unwrap();
    }
    serving.terminate();
    ends_well(&mut serving, PATIENCE);
}

/// It is not too early for a signal before anybody is let in.
#[test]
fn a_server_that_waits_for_its_engines_goes_on_waiting() {
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("WAXSEAL_DATABASE_URL", format!("postgres://u:p@{closed}/d?sslmode=disable"))
        .env("WAXSEAL_KMS_KEY", "alias/none")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.reopen().unwrap());
    let mut waiting = Waiting(command.spawn().unwrap());
    wait(log.path(), "not ready", 1);
    hang_up(&waiting.0);
    wait(log.path(), "not ready", 2);
    kill_process(Pid::from_child(&waiting.0), Signal::TERM).unwrap();
    assert!(waiting.0.wait().unwrap().success());
}

/// Killed when dropped.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

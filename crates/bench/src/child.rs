//! Servers, as processes of their own.

use crate::{Fault, pin};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use waxseal_kms::fake::REGION;

/// A running server. Killed when dropped.
pub(crate) struct Running {
    process: Child,
    pub(crate) address: SocketAddr,
    /// The line of JSON that it said first.
    pub(crate) said: Value,
}

impl Running {
    /// Starts this program as a server, on the servers' core, and waits for it to say where it is.
    pub(crate) async fn start<I: AsRef<OsStr>>(
        kind: &str,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<Self, Fault> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(kind);
        if let Some(core) = pin::server() {
            command.arg(format!("--core={core}"));
        }
        // Nothing of what the machine's own server and key service are set to is meant. The key
        // service is this program itself.
        let caller = [("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        command.env_clear().envs(caller).env("AWS_REGION", REGION);
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        // Apart: what it starts with may be served by this thread.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        let line = line.await??;
        let said: Value = serde_json::from_str(&line)?;
        let address = said["address"].as_str().ok_or("the server names no address")?.parse()?;
        Ok(Self { process, address, said })
    }

    /// The CPU time of all its threads until now.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        cpu(&self.process.id().to_string())
    }

    /// Its memory now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, Fault> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kilobytes.ok_or("/proc/PID/status does not read")?.parse::<u64>()? * 1024)
    }
}

/// The CPU time of this process until now.
pub(crate) fn own_cpu() -> Result<Duration, Fault> {
    cpu("self")
}

/// utime + stime, fields 14 and 15 of `/proc/PID/stat`.
fn cpu(process: &str) -> Result<Duration, Fault> {
    const SINCE_STATE: usize = 11;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat does not read")?;
    let mut fields = fields.split_ascii_whitespace().skip(SINCE_STATE);
    let mut next = || -> Result<u64, Fault> { Ok(fields.next().ok_or("too short")?.parse()?) };
    let ticks = next()? + next()?;
    let second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(ticks * 1_000_000_000 / second))
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! Servers that are processes of their own, to kill and to pause.

use super::{Callers, Tokens};
use crate::support::binary::{Serving, command};
use std::path::Path;
use std::process::{Command, Stdio};
use waxseal_server::config::Engines;

/// A server on these engines.
pub fn serve(engines: &Engines) -> Command {
    let database = engines.database_url.as_ref().unwrap().expose();
    let redis: Vec<_> = engines.redis_url.iter().map(|url| url.expose()).collect();
    let mut command = command();
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("WAXSEAL_LOG", "error")
        .env("WAXSEAL_AUDIT_CHECKPOINT_INTERVAL", "1h")
        .env("WAXSEAL_DATABASE_URL", database)
        .env("WAXSEAL_DATABASE_CONNECTIONS", engines.database_connections.to_string())
        .env("WAXSEAL_REDIS_URL", redis.join(","))
        .env("WAXSEAL_KMS_KEY", engines.kms_key.as_ref().unwrap())
        .env("WAXSEAL_KMS_ENDPOINT", engines.kms_endpoint.as_ref().unwrap())
        .stderr(Stdio::inherit());
    command
}

/// A running one, and who calls it.
pub struct Child {
    pub serving: Serving,
    pub callers: Callers,
}

impl Child {
    pub async fn start(command: Command, tokens: &Tokens) -> Self {
        let mut command = command;
        let start = move || Serving::start(&mut command);
        let serving = tokio::task::spawn_blocking(start).await.unwrap();
        let callers = Callers::connect(&serving.url(), tokens).await;
        Self { serving, callers }
    }

    /// Stops the process where it stands, until [`Self::resume`].
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.serving.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

/// The standard error of a command in a file, with the warnings.
pub fn logging(mut command: Command, file: &Path) -> Command {
    let log = std::fs::File::create(file).unwrap();
    command.env("WAXSEAL_LOG", "warn").stderr(log);
    command
}

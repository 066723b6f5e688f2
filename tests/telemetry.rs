//! What a server tells about itself: metrics, health for probes, the log, traces.

mod admin;
mod blocked;
mod collectors;
mod metrics;
mod rules;
mod traces;

use crate::canary;
use crate::support::binary::{Serving, command, first_token};
use crate::support::{Client, Setup};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// An answer in HTTP/1.1.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One request, as it is, and all of its answer.
pub fn ask(address: &str, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap(), head: head.to_owned(), body: body.to_owned() }
}

pub fn get(address: &str, path: &str) -> Answer {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
}

/// The real binary with its admin port, on a data directory.
pub struct Told {
    pub serving: Serving,
    pub setup: Setup,
    /// Of the admin port.
    pub admin: String,
}

impl Told {
    pub fn start(more: impl FnOnce(&mut Command)) -> Self {
        let setup = Setup::sqlite();
        let mut command = command();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(setup.data_dir())
            .stderr(Stdio::null());
        more(&mut command);
        let serving = Serving::start(&mut command);
        let admin = serving.printed.lines().find_map(|line| {
            line.strip_prefix("waxseal: metrics on http://")?.strip_suffix("/metrics")
        });
        let admin = admin.expect("it says where").to_owned();
        Self { serving, setup, admin }
    }

    pub async fn admin_client(&self) -> Client {
        let token = first_token(&self.setup.data_dir());
        Client::connect(&self.serving.url(), &token).await
    }

    pub async fn client(&self, role: &str, more: &[&str]) -> Client {
        let token = canary::create_token(&self.setup, role, more);
        Client::connect(&self.serving.url(), &token).await
    }

    pub fn metrics(&self) -> String {
        let answer = get(&self.admin, "/metrics");
        assert_eq!(answer.status, 200);
        answer.body
    }
}

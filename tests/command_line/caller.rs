//! A person with three tokens.

use crate::support::{Server, binary};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use waxseal_domain::caller::Role;

/// Runs the binary against a server, with the token of a role and within the project `demo`.
pub struct Caller {
    dir: tempfile::TempDir,
    address: String,
}

/// What a command came to.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Caller {
    pub async fn of(server: &Server) -> Self {
        let caller = Self::at(&server.address);
        for (role, reveal) in [(Role::Admin, false), (Role::Builder, true), (Role::Runtime, false)]
        {
            let token = server.token(role, reveal, "deployment").await;
            std::fs::write(caller.path(&format!("{}.token", role.as_str())), token).unwrap();
        }
        caller
    }

    /// A person whose tokens are yet to come.
    pub fn at(address: &str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), address: address.to_owned() }
    }

    /// A place for files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn token(&self, role: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{role}.token"))).unwrap()
    }

    /// A command line, in words separated by spaces; `role` decides about the token.
    pub fn command(&self, role: &str, line: &str) -> Command {
        let mut command = binary::command();
        command.args(line.split(' ').filter(|word| !word.is_empty()));
        self.surround(&mut command, role);
        command
    }

    /// What tells a command the server, the token and the project.
    pub fn surround(&self, command: &mut Command, role: &str) {
        command
            .env("HOME", self.dir.path())
            .env_remove("XDG_CONFIG_HOME")
            .env("WAXSEAL_ADDRESS", &self.address)
            .env("WAXSEAL_TOKEN_FILE", self.path(&format!("{role}.token")))
            .env("WAXSEAL_PROJECT", "demo");
    }

    /// Runs it with nothing on standard input.
    pub fn run(&self, role: &str, line: &str) -> Done {
        self.feed(role, line, b"")
    }

    /// Runs it with this on standard input.
    pub fn feed(&self, role: &str, line: &str, input: impl AsRef<[u8]>) -> Done {
        Done::of(self.command(role, line), input.as_ref())
    }
}

impl Done {
    pub fn of(mut command: Command, input: &[u8]) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not read its input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed, if it did as it was told.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// What it complained of, in one line, having printed nothing.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        let line = self.err.strip_suffix('\n').unwrap().to_owned();
        assert!(!line.contains('\n'), "{line}");
        line
    }
}

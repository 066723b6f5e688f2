//! The real binary, as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The binary that cargo builds for these tests, built once.
pub fn waxseal() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let root = env!("CARGO_MANIFEST_DIR");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "waxseal-cli", "--bin", "waxseal"])
            .args(["--message-format=json-render-diagnostics"])
            .current_dir(root)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success(), "the binary builds");
        let lines = String::from_utf8(built.stdout).unwrap();
        let path = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "waxseal")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from));
        path.expect("cargo says where the binary is")
    })
}

/// The binary with a clean environment: no `WAXSEAL_*` and no `OTEL_*` of the caller's.
pub fn command() -> Command {
    let mut command = Command::new(waxseal());
    for (name, _) in std::env::vars_os() {
        let known = name.to_string_lossy();
        if known.starts_with("WAXSEAL_") || known.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command
}

/// The token of the first admin of a server that runs on this data directory, which it becomes by
/// this, the first time.
pub fn first_token(data_dir: &Path) -> String {
    let file = data_dir.join("admin.token");
    if !file.exists() {
        let mut init = command();
        init.args(["init", "--token-file"]).arg(&file).arg("--data-dir").arg(data_dir);
        assert!(init.status().unwrap().success(), "it is initialized");
    }
    std::fs::read_to_string(&file).unwrap()
}

/// A running process that serves. Killed when dropped.
pub struct Serving {
    pub child: Child,
    /// Everything it printed up to and with the ready line.
    pub printed: String,
    /// The address of the ready line.
    pub address: String,
}

impl Serving {
    /// Starts `command` and waits for its ready line.
    pub fn start(command: &mut Command) -> Self {
        const READY: &str = "waxseal: serving on ";
        let mut serving = Self::spawn(command.stdout(Stdio::piped()));
        let mut output = BufReader::new(serving.child.stdout.take().unwrap());
        loop {
            let printed = &mut serving.printed;
            let start = printed.len();
            let read = output.read_line(printed).unwrap();
            assert!(read > 0, "it ended before it served, having printed:\n{printed}");
            if let Some(address) = printed[start..].trim_end().strip_prefix(READY) {
                serving.address = address.to_owned();
                // What follows is not of interest, and must not block the process.
                std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
                return serving;
            }
        }
    }

    /// Starts `command` with its standard output in a file, all of it, and waits for the ready
    /// line in there.
    pub fn start_into(command: &mut Command, stdout: &Path) -> Self {
        const READY: &str = "waxseal: serving on ";
        let file = std::fs::File::create(stdout).unwrap();
        let mut serving = Self::spawn(command.stdout(file));
        loop {
            let printed = std::fs::read_to_string(stdout).unwrap();
            let ready = printed.split_once(READY).and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((address, _)) = ready {
                serving.address = address.to_owned();
                serving.printed = printed;
                return serving;
            }
            let ended = serving.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended, having printed:\n{printed}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn spawn(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        Self { child, printed: String::new(), address: String::new() }
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

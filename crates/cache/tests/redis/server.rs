use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server of one test's own, at a socket in a directory of its own.
pub(crate) struct Server {
    directory: TempDir,
    arguments: Vec<String>,
    process: Child,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let process = spawn(&directory, &arguments);
        let server = Self { directory, arguments, process };
        server.is_up().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("socket").display())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.directory, &self.arguments);
        self.is_up().await;
    }

    async fn is_up(&self) {
        let client = redis::Client::open(self.url()).unwrap();
        super::support::until("the server listens", async || {
            match client.get_multiplexed_async_connection().await {
                Ok(_) => true,
                // It wants a password: it is there.
                Err(error) => error.kind() != redis::ErrorKind::Io,
            }
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(directory: &TempDir, arguments: &[String]) -> Child {
    let path = directory.path();
    let _ = std::fs::remove_file(path.join("socket"));
    Command::new("redis-server")
        .args(["--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(path.join("socket"))
        .arg("--dir")
        .arg(path)
        .args(["--port", "0"])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed: run tests/run")
}

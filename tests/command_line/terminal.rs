//! A terminal with a person at it: reads what is shown, types, presses Ctrl-C.

use super::Caller;
use crate::support::binary;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process on a terminal of its own.
pub struct Terminal {
    child: Child,
    controller: File,
    seen: Arc<Mutex<Vec<u8>>>,
    /// Ends when nobody holds the other side any more, and all that was written to it is seen.
    reader: JoinHandle<()>,
    /// Up to where it has been read.
    read: usize,
}

impl Terminal {
    /// The binary with the token of a role, on a terminal of 24 rows and 80 columns.
    pub fn start(caller: &Caller, role: &str, line: &str) -> Self {
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(binary::waxseal()).args(line.split(' '));
        Self::spawn(caller, role, command)
    }

    /// A shell in which the binary is known.
    pub fn shell(caller: &Caller, role: &str) -> Self {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "bash", "--norc", "--noprofile", "-i"]);
        let dir = binary::waxseal().parent().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(
            std::iter::once(dir.to_owned()).chain(std::env::split_paths(&path)),
        );
        command.env("PATH", path.unwrap()).env("PS1", "ready> ");
        Self::spawn(caller, role, command)
    }

    fn spawn(caller: &Caller, role: &str, mut command: Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let path = ptsname(&controller, Vec::new()).unwrap();
        let side = || {
            let path = path.to_str().unwrap();
            Stdio::from(File::options().read(true).write(true).open(path).unwrap())
        };
        caller.surround(&mut command, role);
        command.env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().unwrap();
        drop(command);

        let controller = File::from(controller);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (controller.try_clone().unwrap(), seen.clone());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error says that nobody holds the other side any more.
            while let Ok(length @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().extend_from_slice(&bytes[..length]);
            }
        });
        Self { child, controller, seen, reader, read: 0 }
    }

    /// Everything that was shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Waits until this is shown, after all that was waited for before.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let seen = self.seen.lock().unwrap().clone();
            let found = seen[self.read..].windows(text.len()).position(|at| at == text.as_bytes());
            if let Some(at) = found {
                self.read += at + text.len();
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types this, as it is.
    pub fn press(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether the terminal shows what is typed.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.controller).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end of the process, and gives its exit code and all that was shown.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap()
                && self.reader.is_finished()
            {
                return (status.code().unwrap(), self.shown());
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {:?}", self.shown());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

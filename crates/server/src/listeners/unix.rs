//! A Unix socket that only its owner can open, and that does not outlive its server.

use super::ListenError;
use crate::config::Listen;
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// Callers that wait to be accepted.
const BACKLOG: i32 = 1_024;

#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        let refused =
            |source| ListenError::Address { address: Listen::Unix(path.to_owned()), source };
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(ListenError::NotASocket { path: path.to_owned() });
            }
            // What a server that was killed has left behind.
            Ok(_) if Probe::connect(path).is_err() => fs::remove_file(path).map_err(refused)?,
            Ok(_) => return Err(ListenError::Answered { path: path.to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error)),
        }
        let listener = listen(path).map_err(refused)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let only_owner = Mode::RUSR | Mode::WUSR;
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    // On Linux the file takes the mode that the socket has when it is bound, so that there is no
    // moment in which others could open it; the second call is for systems where it does not.
    let _ = rustix::fs::fchmod(&socket, only_owner);
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, Permissions::from_mode(only_owner.bits()))?;
    rustix::net::listen(&socket, BACKLOG)?;
    let listener = std::os::unix::net::UnixListener::from(socket);
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

impl Drop for UnixSocket {
    /// Before the listener is closed: once it is, another server may take the path over.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_private_and_goes_with_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let socket = UnixSocket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn only_a_socket_on_which_nobody_answers_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let serving = UnixSocket::bind(&path).unwrap();
        assert!(matches!(UnixSocket::bind(&path), Err(ListenError::Answered { .. })));
        drop(serving);
        fs::write(&path, "something else").unwrap();
        assert!(matches!(UnixSocket::bind(&path), Err(ListenError::NotASocket { .. })));
        assert!(path.exists());
    }
}

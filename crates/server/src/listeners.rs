//! Where callers come in: TCP and Unix sockets, bound before anything is served.

mod connection;
mod unix;

pub(crate) use connection::{Accepted, Peer};

use crate::RunError;
use crate::config::{Config, Listen};
use futures::stream::{self, Stream, StreamExt};
use rustix::io::Errno;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use unix::UnixSocket;

/// Connections served at a time; those beyond wait to be accepted.
const CONNECTIONS: usize = 2_000;
/// After a failed accept. The usual failure is that file descriptors have run out, and trying
/// again at once would only burn a core.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Bound sockets. They queue callers from here on, and are closed when this is dropped.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<Socket>,
    /// That of the data directory, for whoever stands at the machine.
    local: Option<UnixSocket>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixSocket),
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: Listen,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody answers on the Unix socket.
    #[error("cannot listen on unix:{}: another process is serving there", path.display())]
    Answered {
        /// The socket.
        path: PathBuf,
    },
    /// What stands at the path of the Unix socket is none.
    #[error(
        "cannot listen on unix:{}: what is there is not a socket, and is left alone",
        path.display()
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
}

impl Listeners {
    /// Binds every address of the configuration.
    ///
    /// # Errors
    /// The configuration is refused, or an address cannot be had.
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        config.check()?;
        if let Some(address) = config.exposed() {
            tracing::warn!(
                %address,
                "WAXSEAL_ALLOW_PLAINTEXT is set: values and tokens cross the network IN CLEAR, \
                 readable by everyone on the way"
            );
        }
        let mut sockets = Vec::new();
        for listen in &config.listen {
            sockets.push(match listen {
                Listen::Tcp(address) => Socket::tcp(*address).await?,
                Listen::Unix(path) => Socket::Unix(UnixSocket::bind(path)?),
            });
        }
        Ok(Self { sockets, local: local(config)? })
    }

    /// The first TCP address, with the port that was taken where 0 was asked for.
    #[must_use]
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.sockets.iter().find_map(|socket| match socket {
            Socket::Tcp(_, address) => Some(*address),
            Socket::Unix(_) => None,
        })
    }

    /// Every address of the configuration, as `ADDR:PORT` or `unix:PATH`.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let address = |socket: &Socket| match socket {
            Socket::Tcp(_, address) => Listen::Tcp(*address).to_string(),
            Socket::Unix(socket) => Listen::Unix(socket.path().to_owned()).to_string(),
        };
        self.sockets.iter().map(address).collect()
    }

    /// The callers who come in, until this stream is dropped; that closes the sockets.
    pub(crate) fn accepted(self) -> impl Stream<Item = Accepted> {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let sockets = self.sockets.into_iter().chain(self.local.map(Socket::Unix));
        stream::select_all(sockets.map(move |socket| {
            let next = |(socket, places): (Socket, Arc<Semaphore>)| async move {
                let place = places.clone().acquire_owned().await.ok()?;
                let accepted = Accepted { socket: socket.accept().await, place };
                Some((accepted, (socket, places)))
            };
            stream::unfold((socket, places.clone()), next).boxed()
        }))
    }
}

/// The name of the socket in a data directory.
pub const LOCAL_SOCKET: &str = "waxseal.sock";

/// The socket in the data directory, where there is one and a path as long as its can be bound.
fn local(config: &Config) -> Result<Option<UnixSocket>, ListenError> {
    let Some(dir) = &config.data_dir else { return Ok(None) };
    let path = dir.join(LOCAL_SOCKET);
    if config.listen.contains(&Listen::Unix(path.clone())) {
        return Ok(None);
    }
    match UnixSocket::bind(&path) {
        Err(ListenError::Address { source, .. })
            if source.raw_os_error() == Some(Errno::NAMETOOLONG.raw_os_error()) =>
        {
            tracing::warn!(
                path = %path.display(),
                "the path is too long for a Unix socket: `waxseal init` needs one from --listen"
            );
            Ok(None)
        }
        bound => bound.map(Some),
    }
}

impl Socket {
    async fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        let refused = |source| ListenError::Address { address: Listen::Tcp(address), source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        Ok(Self::Tcp(listener, bound))
    }

    /// The next caller. Failures are waited out: none of them ends a server.
    async fn accept(&self) -> connection::Socket {
        loop {
            let accepted = match self {
                Self::Tcp(listener, _) => listener.accept().await.and_then(|(stream, _)| {
                    // Without it small answers wait for delayed acknowledgements.
                    stream.set_nodelay(true)?;
                    Ok(connection::Socket::Tcp(stream.into_std()?))
                }),
                Self::Unix(socket) => {
                    let accepted = socket.accept().await;
                    accepted.and_then(|stream| Ok(connection::Socket::Unix(stream.into_std()?)))
                }
            };
            match accepted {
                Ok(socket) => return socket,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    #[tokio::test]
    async fn an_accepted_socket_does_not_hold_answers_back() {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let config = Config { listen, ..Config::default() };
        let listeners = Listeners::bind(&config).await.unwrap();
        let address = listeners.tcp_addr().unwrap();
        let mut accepted = pin!(listeners.accepted());
        for _ in 0..3 {
            let _caller = std::net::TcpStream::connect(address).unwrap();
            let accepted = accepted.next().await.unwrap();
            let connection::Socket::Tcp(socket) = &accepted.socket else { panic!("it is TCP") };
            assert!(socket.nodelay().unwrap());
        }
    }
}

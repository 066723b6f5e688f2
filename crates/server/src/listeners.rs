//! Where callers come in: TCP and Unix sockets, bound before anything is served.

mod connection;
mod places;
mod unix;

pub(crate) use connection::Accepted;
pub use places::Connections;

use crate::RunError;
use crate::config::{Config, Listen};
use crate::tls::Certificates;
use futures::stream::{self, Stream, StreamExt};
use places::Seldom;
use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::Instant;
use unix::UnixSocket;

/// After a failed accept. The usual failure is that file descriptors have run out, and trying
/// again at once would only burn a core.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Bound sockets. They queue callers from here on, and are closed when this is dropped.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<Socket>,
    certificates: Option<Arc<Certificates>>,
    connections: Connections,
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
    /// The configuration is refused, certificates are of no use, or an address cannot be had.
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        config.check()?;
        let certificates = config.transport.tls().map(Certificates::load).transpose()?;
        if let Some(address) = config.plaintext() {
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
        let transport = &config.transport;
        let connections =
            Connections::new(transport.max_connections, transport.max_connections_per_ip);
        let certificates = certificates.map(Arc::new);
        Ok(Self { sockets, local: local(config)?, certificates, connections })
    }

    /// The certificates that are served, where TLS is configured.
    #[must_use]
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.certificates.clone()
    }

    /// How many connections there are, from now on.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.connections.clone()
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
        let Self { sockets, local, certificates, connections } = self;
        let sockets = sockets.into_iter().chain(local.map(Socket::Unix));
        stream::select_all(sockets.map(move |socket| {
            let door = Door {
                socket,
                certificates: certificates.clone(),
                connections: connections.clone(),
                warned: Seldom::default(),
            };
            stream::unfold(door, |door| async move { Some((door.accept().await, door)) }).boxed()
        }))
    }
}

/// A socket, and who may come in by it.
struct Door {
    socket: Socket,
    certificates: Option<Arc<Certificates>>,
    connections: Connections,
    warned: Seldom,
}

impl Door {
    /// The next caller for whom there is a place. Failures are waited out: none of them ends a
    /// server.
    async fn accept(&self) -> Accepted {
        loop {
            match self.socket.accept().await {
                Ok((socket, from)) => {
                    // Whoever finds no place is told so by the end of its connection.
                    let Some(place) = self.connections.take(from) else { continue };
                    if let Ok(socket) = self.prepared(socket) {
                        return Accepted { socket, since: Instant::now(), place };
                    }
                }
                // One caller who is gone again says nothing about the next one.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    if let Some(times) = self.warned.due() {
                        tracing::warn!(%error, times, "connections could not be accepted");
                    }
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    /// Off the list of this runtime.
    fn prepared(&self, incoming: Incoming) -> io::Result<connection::Socket> {
        Ok(match incoming {
            Incoming::Tcp(stream, from) => {
                // Without it small answers wait for delayed acknowledgements.
                stream.set_nodelay(true)?;
                let certificates = self.certificates.clone();
                connection::Socket::Tcp(stream.into_std()?, from, certificates)
            }
            Incoming::Unix(stream) => connection::Socket::Unix(stream.into_std()?),
        })
    }
}

enum Incoming {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
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
        // Servers on another database may share a data directory, and one socket is enough.
        Err(ListenError::Answered { path }) => {
            tracing::warn!(path = %path.display(), "another server answers on this socket");
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

    /// The next caller, and where on the network it is.
    async fn accept(&self) -> io::Result<(Incoming, Option<IpAddr>)> {
        Ok(match self {
            Self::Tcp(listener, _) => {
                let (stream, from) = listener.accept().await?;
                (Incoming::Tcp(stream, from.ip()), Some(from.ip()))
            }
            Self::Unix(socket) => (Incoming::Unix(socket.accept().await?), None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Transport;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::pin::pin;

    #[tokio::test]
    async fn an_accepted_socket_does_not_hold_answers_back() {
        let listen = vec!["127.0.0.1:0".parse().unwrap()];
        let plain = Config { listen, ..Config::default() };
        ensure_nodelay(&plain).await;
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let path = |name: &str| Some(dir.path().join(name));
        let transport = Transport { tls_cert: path("c"), tls_key: path("k"), ..plain.transport };
        std::fs::write(path("c").unwrap(), made.cert.pem()).unwrap();
        std::fs::write(path("k").unwrap(), made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(path("k").unwrap(), Permissions::from_mode(0o600)).unwrap();
        ensure_nodelay(&Config { transport, ..plain }).await;
    }

    async fn ensure_nodelay(config: &Config) {
        let listeners = Listeners::bind(config).await.unwrap();
        let address = listeners.tcp_addr().unwrap();
        let tls = config.transport.tls().is_some();
        let mut accepted = pin!(listeners.accepted());
        for _ in 0..3 {
            let _caller = std::net::TcpStream::connect(address).unwrap();
            let accepted = accepted.next().await.unwrap();
            let connection::Socket::Tcp(socket, _, certificates) = &accepted.socket else {
                panic!("it is TCP")
            };
            assert_eq!(certificates.is_some(), tls);
            assert!(socket.nodelay().unwrap());
        }
    }
}

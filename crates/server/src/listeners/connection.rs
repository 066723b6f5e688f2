//! One connection: accepted in one place, served in another.

use super::places::Place;
use crate::identity::{self, Origin, Peer, Process};
use crate::tls::Certificates;
use std::io;
use std::net::IpAddr;
use std::os::unix;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What an HTTP/2 connection begins with, in bytes.
const PREFACE: usize = 24;
/// A connection that has not begun by then, with TLS and with HTTP/2, is closed: it only takes a
/// place. Counted from when it was accepted.
const BEGINNING: Duration = Duration::from_secs(10);

/// A caller who came in, on no runtime's list, so that any can serve it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(super) socket: Socket,
    pub(super) since: Instant,
    /// Given back when the connection ends.
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(std::net::TcpStream, IpAddr, Option<Arc<Certificates>>),
    Unix(unix::net::UnixStream),
}

impl Accepted {
    /// The connection, on the runtime that this is called on, and who is at its other end.
    pub(crate) async fn here(self) -> io::Result<(Connection, Peer)> {
        let until = self.since + BEGINNING;
        let (stream, peer) = match self.socket {
            Socket::Tcp(stream, from, certificates) => {
                let stream = TcpStream::from_std(stream)?;
                let mut peer = Peer { origin: Origin::Tcp(from), certified: None };
                match certificates {
                    None => (Stream::Tcp(stream), peer),
                    Some(certificates) => {
                        let greeted = timeout_at(until, greet(stream, &certificates)).await;
                        let stream = greeted.map_err(|_| io::ErrorKind::TimedOut)??;
                        let (_, session) = stream.get_ref();
                        let shown = session.peer_certificates().and_then(<[_]>::first);
                        peer.certified = shown.map(identity::spiffe).and_then(|named| {
                            let unnamed = |why| tracing::debug!(why, "a certificate names nobody");
                            named.inspect_err(|why| unnamed(*why)).ok().map(Arc::new)
                        });
                        (Stream::Tls(Box::new(stream)), peer)
                    }
                }
            }
            Socket::Unix(stream) => {
                let stream = UnixStream::from_std(stream)?;
                let known = stream.peer_cred().ok();
                let process = known.map(|peer| Process { uid: peer.uid(), pid: peer.pid() });
                (Stream::Unix(stream), Peer { origin: Origin::Unix(process), certified: None })
            }
        };
        let preface = Some((PREFACE, Box::pin(sleep_until(until))));
        Ok((Connection { stream, preface, _place: self.place }, peer))
    }
}

/// TLS, with a peer who speaks HTTP/2 and says so.
async fn greet(stream: TcpStream, certificates: &Certificates) -> io::Result<TlsStream<TcpStream>> {
    // Those who say nothing take no part of what there is for handshakes.
    stream.readable().await?;
    let _turn = certificates.handshakes.acquire().await.map_err(io::Error::other)?;
    let stream = TlsAcceptor::from(certificates.config()).accept(stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Ok(stream),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "it does not ask for h2")),
    }
}

enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// Does with the stream, whichever it is.
macro_rules! on {
    ($connection:expr, $stream:ident => $does:expr) => {
        match &mut $connection.stream {
            Stream::Tcp($stream) => $does,
            Stream::Tls($stream) => $does,
            Stream::Unix($stream) => $does,
        }
    };
}

/// A connection as it is served.
pub(crate) struct Connection {
    stream: Stream,
    /// Bytes of the preface still to come, and until when; `None` once it is here.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
    _place: Place,
}

impl Connection {
    fn ensure_begins(&mut self, cx: &mut Context<'_>, read: usize) -> io::Result<()> {
        if let Some((missing, time)) = &mut self.preface {
            *missing = missing.saturating_sub(read);
            if *missing == 0 {
                self.preface = None;
            } else if time.as_mut().poll(cx).is_ready() {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = on!(self, stream => Pin::new(stream).poll_read(cx, buf));
        self.ensure_begins(cx, buf.filled().len() - before)?;
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        on!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

//! One connection: accepted in one place, served in another.

use std::io;
use std::os::unix;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

/// What an HTTP/2 connection begins with, in bytes.
const PREFACE: usize = 24;
/// A connection that has not begun by then is closed: it only takes a place.
const PREFACE_TIME: Duration = Duration::from_secs(10);

/// A caller who came in, on no runtime's list, so that any can serve it.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(super) socket: Socket,
    /// Given back when the connection ends.
    pub(super) place: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(std::net::TcpStream),
    Unix(unix::net::UnixStream),
}

impl Accepted {
    /// The connection, on the runtime that this is called on.
    pub(crate) fn here(self) -> io::Result<Connection> {
        let stream = match self.socket {
            Socket::Tcp(stream) => Stream::Tcp(TcpStream::from_std(stream)?),
            Socket::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        };
        let preface = Some((PREFACE, Box::pin(tokio::time::sleep(PREFACE_TIME))));
        Ok(Connection { stream, preface, _place: self.place })
    }
}

/// Who is at the other end of a Unix socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    uid: u32,
}

impl Peer {
    /// Whether it is the user that this process runs as, or root.
    pub(crate) fn owns_this(&self) -> bool {
        self.uid == 0 || self.uid == rustix::process::geteuid().as_raw()
    }
}

impl Connection {
    /// Who is at the other end, where the system says: not over TCP.
    pub(crate) fn peer(&self) -> Option<Peer> {
        match &self.stream {
            Stream::Tcp(_) => None,
            Stream::Unix(stream) => {
                stream.peer_cred().ok().map(|credentials| Peer { uid: credentials.uid() })
            }
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection as it is served.
pub(crate) struct Connection {
    stream: Stream,
    /// Bytes of the preface still to come, and until when; `None` once it is here.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
    _place: OwnedSemaphorePermit,
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
        let read = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        };
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
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

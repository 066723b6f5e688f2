//! One connection, which the server can cut.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Sleep;
use tonic::transport::server::Connected;

/// What an HTTP/2 connection begins with, in bytes.
const PREFACE: usize = 24;
/// A connection that has not begun by then is closed: it only takes a place.
const PREFACE_TIME: Duration = Duration::from_secs(10);

/// Says whether connections are to be cut.
#[derive(Clone, Debug)]
pub(crate) struct Cut(watch::Receiver<bool>);

/// Cuts every connection at once, by failing its next read or write: peers that are silent, or
/// that never acknowledge, do not keep a stopping server.
#[derive(Debug)]
pub(crate) struct Cutter(watch::Sender<bool>);

/// A cutter, and what connections watch.
pub(crate) fn cut() -> (Cutter, Cut) {
    let (sender, receiver) = watch::channel(false);
    (Cutter(sender), Cut(receiver))
}

impl Cutter {
    pub(crate) fn cut(&self) {
        self.0.send_replace(true);
    }
}

impl Cut {
    fn happens(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut receiver = self.0.clone();
        Box::pin(async move {
            // An error means that the cutter is gone, and the server with it.
            let _ = receiver.wait_for(|cut| *cut).await;
        })
    }
}

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection as tonic serves it.
pub(crate) struct Connection {
    stream: Stream,
    /// `None` once it has happened.
    cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Bytes of the preface still to come, and until when; `None` once it is here.
    preface: Option<(usize, Pin<Box<Sleep>>)>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

impl Connection {
    pub(super) fn new(stream: Stream, place: OwnedSemaphorePermit, cut: &Cut) -> Self {
        let preface = Some((PREFACE, Box::pin(tokio::time::sleep(PREFACE_TIME))));
        Self { stream, cut: Some(cut.happens()), preface, _place: place }
    }

    fn ensure_whole(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(cut) = &mut self.cut {
            match cut.as_mut().poll(cx) {
                Poll::Ready(()) => self.cut = None,
                Poll::Pending => return Ok(()),
            }
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

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
        self.ensure_whole(cx)?;
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
        self.ensure_whole(cx)?;
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
        self.ensure_whole(cx)?;
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

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

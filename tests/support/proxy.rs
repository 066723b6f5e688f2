//! A link between two processes that a test can spoil: a TCP proxy that refuses, delays, loses,
//! cuts and counts.

mod connection;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// What is wrong with a link. Every fault but [`Fault::Reset`] and [`Fault::HalfClose`] stands
/// until the next one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    Pass,
    /// New connections are refused, those that stand are reset: nobody is there.
    Refuse,
    /// New connections are accepted, and nothing is forwarded in either direction. What was sent
    /// meanwhile arrives when the fault is over.
    BlackHole,
    /// Everything arrives later, by these times and up to `jitter` more, in order.
    Delay { to_server: Duration, to_client: Duration, jitter: Duration },
    /// The connections that stand are reset; new ones pass.
    Reset,
    /// On the connections that stand the client is told that the server has ended, and gets no
    /// more; what it sends still arrives. New ones pass.
    HalfClose,
    /// A byte for each interval, in either direction.
    Trickle(Duration),
    /// Each connection is reset once the server has sent this many bytes more on it.
    CutAfter(u64),
    /// One connection out of so many is reset once the server has sent some bytes on it: by chance
    /// fewer than `within`. The others pass.
    CutSome { each: u64, within: u64 },
}

/// When a fault that waits for a text sets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before what holds the text is forwarded: the server never sees it, or sees it late.
    Before,
    /// Once it was forwarded: the server acts on it, and its answer meets the fault.
    After,
}

/// What went over a link so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that were forwarded to the server.
    pub to_server: u64,
    /// Bytes that were forwarded to the client.
    pub to_client: u64,
    /// How often a client spoke after its server had: requests and answers, a pipeline for one.
    pub round_trips: u64,
    /// Connections that were accepted.
    pub accepted: u64,
}

/// A proxy before one server, until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    link: Arc<Link>,
    task: JoinHandle<()>,
}

/// A fault that waits until the client has sent some texts.
struct Trap {
    /// Those that are still to come.
    texts: VecDeque<&'static str>,
    moment: Moment,
    fault: Fault,
}

/// What all connections of a proxy share.
struct Link {
    server: SocketAddr,
    /// The fault that stands.
    standing: watch::Sender<Fault>,
    /// Faults that happen once to those connections that stand.
    blows: broadcast::Sender<Fault>,
    trap: Mutex<Option<Trap>>,
    /// What was forwarded to clients, where that is kept.
    heard: Mutex<Option<Vec<u8>>>,
    to_server: AtomicU64,
    to_client: AtomicU64,
    round_trips: AtomicU64,
    accepted: AtomicU64,
    open: AtomicUsize,
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1 before `server`.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = bound("127.0.0.1:0".parse().unwrap()).listen(BACKLOG).unwrap();
        let address = listener.local_addr().unwrap();
        let link = Arc::new(Link {
            server,
            standing: watch::Sender::new(Fault::Pass),
            blows: broadcast::Sender::new(64),
            trap: Mutex::default(),
            heard: Mutex::default(),
            to_server: AtomicU64::default(),
            to_client: AtomicU64::default(),
            round_trips: AtomicU64::default(),
            accepted: AtomicU64::default(),
            open: AtomicUsize::default(),
        });
        let task = tokio::spawn(accept(listener, address, link.clone()));
        Self { address, link, task }
    }

    /// A proxy before the server that a URL names.
    pub async fn before(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
        Self::to(format!("{host}:{port}").parse().unwrap()).await
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The URL with this proxy in place of the server.
    pub fn within(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_ip_host(self.address.ip()).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    /// Sets the fault, and takes back one that waits.
    pub fn set(&self, fault: Fault) {
        *self.link.trap.lock().unwrap() = None;
        self.link.set(fault);
    }

    /// Sets the fault as soon as a client sends this text in one piece.
    pub fn set_when(&self, moment: Moment, text: &'static str, fault: Fault) {
        self.set_once(moment, [text], fault);
    }

    /// Sets the fault as soon as clients have sent these texts one after the other, each in one
    /// piece.
    pub fn set_once(
        &self,
        moment: Moment,
        texts: impl IntoIterator<Item = &'static str>,
        fault: Fault,
    ) {
        let texts = texts.into_iter().collect();
        *self.link.trap.lock().unwrap() = Some(Trap { texts, moment, fault });
    }

    /// Whether the fault of [`Self::set_when`] has set in.
    pub fn sprung(&self) -> bool {
        self.link.trap.lock().unwrap().is_none()
    }

    /// Forgets what clients were sent, and keeps what they are sent from here on.
    pub fn listen(&self) {
        *self.link.heard.lock().unwrap() = Some(Vec::new());
    }

    /// Whether clients were sent this since [`Self::listen`], on whichever connection.
    pub fn heard(&self, text: &str) -> bool {
        let heard = self.link.heard.lock().unwrap();
        let heard = heard.as_ref().expect("it listens");
        heard.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// Connections that stand.
    pub fn open(&self) -> usize {
        self.link.open.load(Ordering::SeqCst)
    }

    pub fn traffic(&self) -> Traffic {
        let load = |count: &AtomicU64| count.load(Ordering::SeqCst);
        Traffic {
            to_server: load(&self.link.to_server),
            to_client: load(&self.link.to_client),
            round_trips: load(&self.link.round_trips),
            accepted: load(&self.link.accepted),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        // The connections that stand must not outlive the proxy.
        self.link.set(Fault::Refuse);
    }
}

impl Link {
    fn set(&self, fault: Fault) {
        let stands = !matches!(fault, Fault::Reset | Fault::HalfClose);
        self.standing.send_replace(if stands { fault } else { Fault::Pass });
        if matches!(fault, Fault::Refuse | Fault::Reset | Fault::HalfClose) {
            // There may be no connection.
            let _ = self.blows.send(fault);
        }
    }

    /// The trap, if all that it still waited for is in `sent`.
    fn spring(&self, mut sent: &[u8]) -> Option<Trap> {
        let mut trap = self.trap.lock().unwrap();
        let texts = &mut trap.as_mut()?.texts;
        while let Some(text) = texts.front() {
            let at = sent.windows(text.len()).position(|window| window == text.as_bytes())?;
            sent = &sent[at + text.len()..];
            texts.pop_front();
        }
        trap.take()
    }
}

/// A socket that others may be bound beside.
fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

/// Accepts connections, except while they are refused.
async fn accept(mut listener: TcpListener, address: SocketAddr, link: Arc<Link>) {
    let mut standing = link.standing.subscribe();
    loop {
        if *standing.borrow_and_update() == Fault::Refuse {
            // Bound and not listening, it refuses. It is there before the other one goes, so that
            // nobody else can take the port.
            let socket = bound(address);
            drop(listener);
            let _ = standing.wait_for(|fault| *fault != Fault::Refuse).await;
            listener = socket.listen(BACKLOG).unwrap();
        }
        tokio::select! {
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                connect(client, &link);
            }
            _ = standing.changed() => {}
        }
    }
}

fn connect(client: TcpStream, link: &Arc<Link>) {
    // From here on it is one of those that stand.
    let blows = link.blows.subscribe();
    let number = link.accepted.fetch_add(1, Ordering::SeqCst) + 1;
    link.open.fetch_add(1, Ordering::SeqCst);
    let link = link.clone();
    tokio::spawn(async move {
        connection::serve(client, number, &link, blows).await;
        link.open.fetch_sub(1, Ordering::SeqCst);
    });
}

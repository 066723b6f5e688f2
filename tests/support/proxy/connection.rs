//! One connection through a proxy: two directions, each a reader and a writer with what is under
//! way between them.

use super::{Fault, Link, Moment};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

/// What is read at once.
const PIECE: usize = 64 << 10;

/// Bytes under way; none of them is the end.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    /// Sets in once they are forwarded.
    then: Option<Fault>,
}

/// Why a connection ends before both sides have closed it.
struct Cut;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Server,
    Client,
}

/// Forwards until both sides have closed, or a fault ends it.
pub(super) async fn serve(
    mut client: TcpStream,
    number: u64,
    link: &Link,
    mut blows: broadcast::Receiver<Fault>,
) {
    let halved = watch::Sender::new(false);
    let cut = async {
        loop {
            match blows.recv().await {
                Ok(Fault::HalfClose) => drop(halved.send_replace(true)),
                Ok(_) | Err(_) => return,
            }
        }
    };
    let whole = tokio::select! {
        biased;
        () = cut => false,
        whole = forward(&mut client, number, link, &halved) => whole.is_ok(),
    };
    if !whole {
        // What follows the close is a reset.
        client.set_zero_linger().unwrap();
    }
}

async fn forward(
    client: &mut TcpStream,
    number: u64,
    link: &Link,
    halved: &watch::Sender<bool>,
) -> Result<(), Cut> {
    let mut standing = link.standing.subscribe();
    if *standing.borrow_and_update() == Fault::Refuse {
        return Err(Cut);
    }
    // In a black hole the handshake with the server is lost as well.
    passable(&mut standing).await;
    let mut server = TcpStream::connect(link.server).await.map_err(|_| Cut)?;
    server.set_nodelay(true).unwrap();
    client.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    // Whether the server spoke last, or nobody did.
    let answered = AtomicBool::new(true);
    let way = |towards| {
        let standing = link.standing.subscribe();
        Way { number, link, standing, answered: &answered, towards }
    };
    let (up, ups) = mpsc::channel(64);
    let (down, downs) = mpsc::channel(64);
    let never = watch::Sender::new(false);
    tokio::try_join!(
        way(Towards::Server).read(from_client, up),
        way(Towards::Server).write(to_server, ups, never.subscribe()),
        way(Towards::Client).read(from_server, down),
        way(Towards::Client).write(to_client, downs, halved.subscribe()),
    )?;
    Ok(())
}

/// Waits until something can pass, and says how.
async fn passable(standing: &mut watch::Receiver<Fault>) -> Fault {
    // The sender lives as long as the link.
    *standing.wait_for(|fault| *fault != Fault::BlackHole).await.unwrap()
}

/// One end of one direction.
struct Way<'a> {
    /// That of the connection, from 1.
    number: u64,
    link: &'a Link,
    standing: watch::Receiver<Fault>,
    answered: &'a AtomicBool,
    towards: Towards,
}

impl Way<'_> {
    async fn read(
        mut self,
        mut from: ReadHalf<'_>,
        pieces: mpsc::Sender<Piece>,
    ) -> Result<(), Cut> {
        let mut due = Instant::now();
        loop {
            let fault = passable(&mut self.standing).await;
            let mut bytes = Vec::with_capacity(PIECE);
            let read = tokio::select! {
                biased;
                _ = self.standing.changed() => continue,
                read = from.read_buf(&mut bytes) => read,
            };
            if read.map_err(|_| Cut)? == 0 {
                return Ok(());
            }
            self.turn();
            due = due.max(Instant::now() + self.delay(fault));
            let then = self.spring(&bytes).await;
            pieces.send(Piece { due, bytes, then }).await.map_err(|_| Cut)?;
        }
    }

    async fn write(
        mut self,
        mut to: WriteHalf<'_>,
        mut pieces: mpsc::Receiver<Piece>,
        mut halved: watch::Receiver<bool>,
    ) -> Result<(), Cut> {
        let mut budget = Budget { number: self.number, ..Budget::default() };
        loop {
            let piece = tokio::select! {
                biased;
                _ = halved.wait_for(|halved| *halved) => break,
                piece = pieces.recv() => piece,
            };
            let Some(Piece { due, bytes, then }) = piece else { break };
            tokio::time::sleep_until(due).await;
            self.forward(&mut to, &bytes, &mut budget).await?;
            if let Some(fault) = then {
                self.link.set(fault);
            }
        }
        // The other end may be gone.
        let _ = to.shutdown().await;
        // What comes after a half close is read, and lost.
        while pieces.recv().await.is_some() {}
        Ok(())
    }

    async fn forward(
        &mut self,
        to: &mut WriteHalf<'_>,
        bytes: &[u8],
        budget: &mut Budget,
    ) -> Result<(), Cut> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let fault = passable(&mut self.standing).await;
            if let Fault::Trickle(interval) = fault {
                tokio::select! {
                    biased;
                    _ = self.standing.changed() => continue,
                    () = tokio::time::sleep(interval) => {}
                }
            }
            let length = match (fault, self.towards) {
                (Fault::Trickle(_), _) => 1,
                (_, Towards::Client) => budget.of(fault).min(rest.len()),
                (_, Towards::Server) => rest.len(),
            };
            let (now, later) = rest.split_at(length);
            if self.towards == Towards::Client
                && let Some(heard) = self.link.heard.lock().unwrap().as_mut()
            {
                heard.extend(now);
            }
            to.write_all(now).await.map_err(|_| Cut)?;
            self.forwarded().fetch_add(length as u64, Ordering::SeqCst);
            budget.spend(length)?;
            rest = later;
        }
        Ok(())
    }

    /// Sets a fault in that waited for what the client has sent, or gives it to be set later.
    async fn spring(&self, sent: &[u8]) -> Option<Fault> {
        if self.towards == Towards::Client {
            return None;
        }
        let trap = self.link.spring(sent)?;
        if trap.moment == Moment::After {
            return Some(trap.fault);
        }
        self.link.set(trap.fault);
        if matches!(trap.fault, Fault::Refuse | Fault::Reset) {
            // Nothing of this may be forwarded before the connection is cut.
            std::future::pending::<()>().await;
        }
        None
    }

    fn turn(&self) {
        match self.towards {
            Towards::Client => self.answered.store(true, Ordering::SeqCst),
            Towards::Server => {
                let spoke = self.answered.swap(false, Ordering::SeqCst);
                self.link.round_trips.fetch_add(u64::from(spoke), Ordering::SeqCst);
            }
        }
    }

    fn delay(&self, fault: Fault) -> Duration {
        let Fault::Delay { to_server, to_client, jitter } = fault else { return Duration::ZERO };
        let fixed = if self.towards == Towards::Server { to_server } else { to_client };
        // A random share of the jitter.
        fixed + jitter * u32::try_from(chance(256)).unwrap() / 255
    }

    fn forwarded(&self) -> &AtomicU64 {
        match self.towards {
            Towards::Server => &self.link.to_server,
            Towards::Client => &self.link.to_client,
        }
    }
}

/// A random number below `end`, which is far below 2^32.
fn chance(end: u64) -> u64 {
    let [one, two, three, four, ..] = uuid::Uuid::new_v4().into_bytes();
    u64::from(u32::from_be_bytes([one, two, three, four])) % end
}

/// What a connection may still send to its client under [`Fault::CutAfter`] and
/// [`Fault::CutSome`].
#[derive(Default)]
struct Budget {
    /// That of the connection.
    number: u64,
    fault: Fault,
    left: Option<usize>,
}

impl Budget {
    fn of(&mut self, fault: Fault) -> usize {
        if self.fault != fault {
            self.fault = fault;
            self.left = match fault {
                Fault::CutAfter(bytes) => Some(usize::try_from(bytes).unwrap()),
                Fault::CutSome { each, within } if self.number.is_multiple_of(each) => {
                    Some(usize::try_from(chance(within)).unwrap())
                }
                _ => None,
            };
        }
        self.left.unwrap_or(usize::MAX)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Cut> {
        let Some(left) = &mut self.left else { return Ok(()) };
        *left -= bytes;
        if *left == 0 { Err(Cut) } else { Ok(()) }
    }
}

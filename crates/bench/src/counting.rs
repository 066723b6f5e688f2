//! A proxy that counts what passes it: round trips, for a client that waits for answers.

use crate::Fault;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// A proxy in front of one server. It takes no more connections once it is dropped.
pub(crate) struct Counting {
    pub(crate) address: SocketAddr,
    bursts: Arc<AtomicU64>,
    accepting: AbortHandle,
}

impl Counting {
    /// Listens in front of a server.
    pub(crate) async fn start(server: String) -> Result<Self, Fault> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let bursts = Arc::new(AtomicU64::new(0));
        let counted = bursts.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), counted.clone()));
            }
        });
        Ok(Self { address, bursts, accepting: accepting.abort_handle() })
    }

    /// Pieces that clients have sent until now. What is sent together and waited for together is
    /// one.
    pub(crate) fn bursts(&self) -> u64 {
        self.bursts.load(Ordering::Relaxed)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(client: TcpStream, server: String, bursts: Arc<AtomicU64>) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, mut to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let there = tokio::spawn(count(from_client, to_server, bursts));
    tokio::io::copy(&mut from_server, &mut to_client).await?;
    there.abort();
    Ok(())
}

async fn count(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    bursts: Arc<AtomicU64>,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        bursts.fetch_add(1, Ordering::Relaxed);
        to.write_all(&piece[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_client_sends_passes_and_is_counted() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut peer, _) = server.accept().await.unwrap();
            let (mut read, mut write) = peer.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
        });
        let counting = Counting::start(address).await.unwrap();
        let mut client = TcpStream::connect(counting.address).await.unwrap();
        for (sent, bursts) in [(b"one", 1), (b"two", 2), (b"end", 3)] {
            client.write_all(sent).await.unwrap();
            let mut echoed = [0; 3];
            client.read_exact(&mut echoed).await.unwrap();
            assert_eq!((&echoed, counting.bursts()), (sent, bursts));
        }
    }
}

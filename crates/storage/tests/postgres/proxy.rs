//! Between a store and the server: it delays, or lets nothing through and tells nobody.

use crate::support::Database;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use waxseal_storage::postgres::Settings;

pub(crate) struct Proxy {
    pub(crate) open: watch::Sender<bool>,
    /// In each direction.
    pub(crate) delay: watch::Sender<Duration>,
}

impl Proxy {
    /// A proxy to this database, and settings that go through it.
    pub(crate) async fn to(database: &Database) -> (Self, Settings) {
        let mut settings = database.settings();
        let config: tokio_postgres::Config = settings.url.parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else {
            panic!("TEST_POSTGRES names no TCP host")
        };
        let server = format!("{host}:{}", config.get_ports().first().unwrap_or(&5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_, path) = settings.url.split_once("://").unwrap();
        let (user, rest) = path.split_once('@').unwrap();
        let (_, name) = rest.split_once('/').unwrap();
        settings.url = format!("postgres://{user}@{address}/{name}");

        let (open, gate) = watch::channel(true);
        let (delay, late) = watch::channel(Duration::ZERO);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from, to) = client.into_split();
                let (back, forth) = server.into_split();
                pump(from, forth, &gate, &late);
                pump(back, to, &gate, &late);
            }
        });
        (Self { open, delay }, settings)
    }
}

fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    gate: &watch::Receiver<bool>,
    late: &watch::Receiver<Duration>,
) {
    let (mut gate, late) = (gate.clone(), late.clone());
    let (sent, mut queue) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        loop {
            let mut bytes = vec![0; 65536];
            let read = from.read(&mut bytes).await.unwrap_or(0);
            bytes.truncate(read);
            let due = Instant::now() + *late.borrow();
            if read == 0 || sent.send((due, bytes)).is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, bytes)) = queue.recv().await {
            tokio::time::sleep_until(due).await;
            if gate.wait_for(|open| *open).await.is_err() || to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
}

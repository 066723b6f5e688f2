use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What becomes of what the cache sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Pass,
    /// It vanishes.
    Hole,
    Slow(Duration),
    /// The connection is closed.
    Reset,
    /// It is answered with this.
    Answer(&'static str),
}

/// A network in front of a server.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    server: String,
    mode: Mutex<Mode>,
    gets: AtomicU64,
}

impl Proxy {
    /// In front of the server of a `redis://` URL.
    pub(crate) async fn to(url: &str) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), url).await
    }

    pub(crate) async fn at(address: SocketAddr, url: &str) -> Self {
        let server = url.strip_prefix("redis://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, gets) = (Mutex::new(Mode::Pass), AtomicU64::new(0));
        let shared = Arc::new(Shared { server, mode, gets });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// The reads that arrived here.
    pub(crate) fn gets(&self) -> u64 {
        self.shared.gets.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(serve(client, shared.clone()));
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let server = TcpStream::connect(&shared.server).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (answers, mut answered) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
    let own_answers = answers.clone();
    let back = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let _ = answers.send(buffer[..length].to_vec());
        }
    });
    let forth = tokio::spawn(async move {
        while let Some(answer) = answered.recv().await {
            if to_client.write_all(&answer).await.is_err() {
                break;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let sent = &buffer[..length];
        let gets = sent.windows(7).filter(|bytes| bytes == b"\r\nGET\r\n").count();
        shared.gets.fetch_add(gets as u64, Ordering::SeqCst);
        let mode = *shared.mode.lock().unwrap();
        match mode {
            Mode::Pass => to_server.write_all(sent).await?,
            Mode::Hole => {}
            Mode::Slow(pause) => {
                sleep(pause).await;
                to_server.write_all(sent).await?;
            }
            Mode::Reset => break,
            Mode::Answer(answer) => {
                let _ = own_answers.send(answer.as_bytes().to_vec());
            }
        }
    }
    back.abort();
    forth.abort();
    Ok(())
}

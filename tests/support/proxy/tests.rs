use super::{Fault, Moment, Proxy, Traffic};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(5);
/// As long as a test waits for something not to happen.
const QUIET: Duration = Duration::from_millis(150);

/// A server that says again what it hears, behind a proxy.
struct Echo {
    proxy: Proxy,
    task: JoinHandle<()>,
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Self { proxy: Proxy::to(address).await, task }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.proxy.addr()).await.unwrap()
    }

    async fn closed(&self) {
        let closed = async {
            while self.proxy.open() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, closed).await.expect("every connection is closed");
    }
}

/// Sends a text, and reads what is as long.
async fn ask(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    hear(stream, text.len()).await
}

async fn hear(stream: &mut TcpStream, length: usize) -> std::io::Result<String> {
    let mut heard = vec![0; length];
    timeout(SOON, stream.read_exact(&mut heard)).await.expect("something is heard")?;
    Ok(String::from_utf8(heard).unwrap())
}

async fn is_quiet(stream: &mut TcpStream) -> bool {
    timeout(QUIET, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn without_a_fault_everything_passes_and_is_counted() {
    let echo = Echo::start().await;
    let mut first = echo.client().await;
    let mut second = echo.client().await;
    assert_eq!(ask(&mut first, "hello").await.unwrap(), "hello");
    assert_eq!(ask(&mut first, "again").await.unwrap(), "again");
    assert_eq!(ask(&mut second, "you too").await.unwrap(), "you too");
    let traffic = Traffic { to_server: 17, to_client: 17, round_trips: 3, accepted: 2 };
    assert_eq!(echo.proxy.traffic(), traffic);
    assert_eq!(echo.proxy.open(), 2);
    // The end of one side is told to the other.
    first.shutdown().await.unwrap();
    assert_eq!(first.read(&mut [0]).await.unwrap(), 0);
    drop((first, second));
    echo.closed().await;
    // More than fits into one piece.
    let mut large = echo.client().await;
    let text = "0123456789".repeat(100_000);
    let (mut from, mut to) = large.split();
    let mut heard = vec![0; text.len()];
    let (sent, read) = tokio::join!(to.write_all(text.as_bytes()), from.read_exact(&mut heard));
    sent.unwrap();
    read.unwrap();
    assert_eq!(heard, text.as_bytes());
}

#[tokio::test]
async fn refused_connections_heal_on_the_same_port() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    ask(&mut client, "hello").await.unwrap();
    echo.proxy.set(Fault::Refuse);
    let error = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    echo.closed().await;
    for _ in 0..3 {
        let error = TcpStream::connect(echo.proxy.addr()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    echo.proxy.set(Fault::Pass);
    let healed = async {
        loop {
            if let Ok(mut client) = TcpStream::connect(echo.proxy.addr()).await {
                return ask(&mut client, "hello").await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert_eq!(timeout(SOON, healed).await.unwrap(), "hello");
}

#[tokio::test]
async fn a_black_hole_keeps_connections_and_forwards_nothing() {
    let echo = Echo::start().await;
    let mut old = echo.client().await;
    ask(&mut old, "hello").await.unwrap();
    let before = echo.proxy.traffic();
    echo.proxy.set(Fault::BlackHole);
    let mut new = echo.client().await;
    old.write_all(b"old").await.unwrap();
    new.write_all(b"new").await.unwrap();
    assert!(is_quiet(&mut old).await);
    assert!(is_quiet(&mut new).await);
    let during = echo.proxy.traffic();
    assert_eq!((during.to_server, during.to_client), (before.to_server, before.to_client));
    echo.proxy.set(Fault::Pass);
    assert_eq!(hear(&mut old, 3).await.unwrap(), "old");
    assert_eq!(hear(&mut new, 3).await.unwrap(), "new");
}

#[tokio::test]
async fn a_delay_is_that_of_its_direction_and_does_not_add_up() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    ask(&mut client, "hello").await.unwrap();
    let directions = [(100, 0, 0), (0, 100, 0), (60, 60, 0), (100, 0, 100)];
    for (to_server, to_client, jitter) in directions {
        let [to_server, to_client, jitter] =
            [to_server, to_client, jitter].map(Duration::from_millis);
        echo.proxy.set(Fault::Delay { to_server, to_client, jitter });
        let begin = Instant::now();
        // Several at once travel together.
        for _ in 0..5 {
            client.write_all(b"word ").await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert_eq!(hear(&mut client, 25).await.unwrap(), "word word word word word ");
        let took = begin.elapsed();
        assert!(took >= to_server + to_client, "{took:?}");
        assert!(took < Duration::from_millis(400), "{took:?}");
    }
}

#[tokio::test]
async fn a_reset_ends_what_stands_and_lets_new_ones_pass() {
    let echo = Echo::start().await;
    let mut old = echo.client().await;
    ask(&mut old, "hello").await.unwrap();
    echo.proxy.set(Fault::Reset);
    let mut new = echo.client().await;
    let error = timeout(SOON, old.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(ask(&mut new, "hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn after_a_half_close_the_client_speaks_to_nobody_who_answers() {
    let echo = Echo::start().await;
    let mut old = echo.client().await;
    ask(&mut old, "hello").await.unwrap();
    let before = echo.proxy.traffic();
    echo.proxy.set(Fault::HalfClose);
    assert_eq!(timeout(SOON, old.read(&mut [0])).await.unwrap().unwrap(), 0);
    old.write_all(b"anybody?").await.unwrap();
    let heard = async {
        while echo.proxy.traffic().to_server < before.to_server + 8 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, heard).await.expect("the server hears it");
    assert_eq!(echo.proxy.traffic().to_client, before.to_client);
    assert_eq!(ask(&mut echo.client().await, "hello").await.unwrap(), "hello");
    drop(old);
    echo.closed().await;
}

#[tokio::test]
async fn a_trickle_is_a_byte_at_a_time() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    echo.proxy.set(Fault::Trickle(Duration::from_millis(20)));
    let begin = Instant::now();
    client.write_all(b"12345").await.unwrap();
    assert_eq!(hear(&mut client, 1).await.unwrap(), "1");
    assert!(begin.elapsed() >= Duration::from_millis(40));
    assert_eq!(hear(&mut client, 4).await.unwrap(), "2345");
    // Five to the server, and then the last one back.
    assert!(begin.elapsed() >= Duration::from_millis(120));
    // It does not wait for the trickle to end once the fault is over.
    echo.proxy.set(Fault::Trickle(Duration::from_secs(60)));
    client.write_all(b"67890").await.unwrap();
    tokio::time::sleep(QUIET).await;
    echo.proxy.set(Fault::Pass);
    assert_eq!(hear(&mut client, 5).await.unwrap(), "67890");
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes_of_the_server() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    ask(&mut client, "hello").await.unwrap();
    echo.proxy.set(Fault::CutAfter(7));
    assert_eq!(ask(&mut client, "1234").await.unwrap(), "1234");
    client.write_all(b"567890").await.unwrap();
    assert_eq!(hear(&mut client, 3).await.unwrap(), "567");
    let error = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // All of the request arrives, and nothing of the answer.
    echo.proxy.set(Fault::CutAfter(0));
    let before = echo.proxy.traffic();
    let mut client = echo.client().await;
    client.write_all(b"hello").await.unwrap();
    let error = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let after = echo.proxy.traffic();
    assert_eq!(after.to_server, before.to_server + 5);
    assert_eq!(after.to_client, before.to_client);
}

#[tokio::test]
async fn one_connection_in_so_many_is_cut() {
    let echo = Echo::start().await;
    echo.proxy.set(Fault::CutSome { each: 3, within: 5 });
    for number in 1..=9 {
        let mut client = echo.client().await;
        let answer = ask(&mut client, "hello").await;
        assert_eq!(answer.is_err(), number % 3 == 0, "connection {number}: {answer:?}");
    }
}

#[tokio::test]
async fn a_fault_can_wait_for_what_is_sent() {
    for (moment, arrives) in [(Moment::Before, 0), (Moment::After, 6)] {
        for fault in [Fault::Reset, Fault::Refuse, Fault::BlackHole] {
            let echo = Echo::start().await;
            let mut client = echo.client().await;
            echo.proxy.set_when(moment, "COMMIT", fault);
            assert_eq!(ask(&mut client, "BEGIN").await.unwrap(), "BEGIN");
            assert!(!echo.proxy.sprung());
            let before = echo.proxy.traffic();
            client.write_all(b"COMMIT").await.unwrap();
            if fault == Fault::BlackHole {
                assert!(is_quiet(&mut client).await);
            } else {
                let error = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
            assert!(echo.proxy.sprung());
            let after = echo.proxy.traffic();
            assert_eq!(after.to_server, before.to_server + arrives, "{moment:?} {fault:?}");
            assert_eq!(after.to_client, before.to_client, "{moment:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_fault_can_wait_for_one_thing_after_another() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    echo.proxy.set_once(Moment::After, ["INSERT", "COMMIT"], Fault::BlackHole);
    for before in ["COMMIT", "an INSERT", "BEGIN"] {
        assert_eq!(ask(&mut client, before).await.unwrap(), before);
        assert!(!echo.proxy.sprung());
    }
    client.write_all(b"COMMIT").await.unwrap();
    assert!(is_quiet(&mut client).await);
    assert!(echo.proxy.sprung());
}

#[tokio::test]
async fn a_proxy_that_is_dropped_leaves_no_connection() {
    let echo = Echo::start().await;
    let mut client = echo.client().await;
    ask(&mut client, "hello").await.unwrap();
    // The server's end of the connection lives on.
    drop(echo);
    let error = timeout(SOON, client.read_u8()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

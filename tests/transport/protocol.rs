//! What is spoken, and what is not.

use super::{PATIENCE, World};
use crate::support::tls::{self, Outcome, list_projects};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::{AlertDescription, Error, version};
use waxseal_domain::caller::Role;

/// Whether a connection ends, however it does.
async fn ends(mut stream: impl tokio::io::AsyncRead + Unpin) {
    let mut sink = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut sink));
    let _ = read.await.expect("it ends");
}

fn tls_error(error: &std::io::Error) -> &Error {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap()
}

#[tokio::test]
async fn only_the_newest_tls_is_spoken_and_only_for_h2() {
    let world = World::new().await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let older = tls::of_version(&world.authority, None, &version::TLS12);
    let refused = tls::connect(&world.server.address, older).await.unwrap_err();
    let told = Error::AlertReceived(AlertDescription::ProtocolVersion);
    assert_eq!(tls_error(&refused), &told);

    let mut other = tls::config(&world.authority, None);
    other.alpn_protocols = vec![b"http/1.1".to_vec()];
    let refused = tls::connect(&world.server.address, other).await.unwrap_err();
    let told = Error::AlertReceived(AlertDescription::NoApplicationProtocol);
    assert_eq!(tls_error(&refused), &told);

    let mut silent = tls::config(&world.authority, None);
    silent.alpn_protocols.clear();
    let stream = tls::connect(&world.server.address, silent).await.unwrap();
    assert_eq!(list_projects(stream, Some(&token)).await, Outcome::Cut);

    let stream = world.connect(None).await.unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(tokio_rustls::rustls::ProtocolVersion::TLSv1_3));
    assert_eq!(session.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(list_projects(stream, Some(&token)).await, Outcome::Answered);
}

#[tokio::test]
async fn nothing_is_said_in_clear_where_there_is_tls() {
    let world = World::new().await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    let plain = TcpStream::connect(tls::host(&world.server.address)).await.unwrap();
    assert_eq!(list_projects(plain, Some(&token)).await, Outcome::Cut);
    let mut http = TcpStream::connect(tls::host(&world.server.address)).await.unwrap();
    http.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    ends(http).await;
}

#[tokio::test]
async fn whoever_does_not_begin_is_cut_after_ten_seconds() {
    let world = World::new().await;
    let begun = Instant::now();
    let silent = TcpStream::connect(tls::host(&world.server.address)).await.unwrap();
    let mut slow = TcpStream::connect(tls::host(&world.server.address)).await.unwrap();
    // The head of a record that does not come.
    slow.write_all(&[22, 3, 1, 2, 0, 1]).await.unwrap();
    let greeted = world.connect(None).await.unwrap();
    let mut half = world.connect(None).await.unwrap();
    half.write_all(b"PRI * HTTP/2.0").await.unwrap();
    half.flush().await.unwrap();
    tokio::join!(ends(silent), ends(slow), ends(greeted), ends(half));
    assert!(begun.elapsed() > Duration::from_secs(9), "they had their time");

    // Who has begun is not meant.
    let stream = world.connect(None).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(sender.ready().await.is_ok() && !connection.is_finished());
}

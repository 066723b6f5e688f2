//! The Unix socket.

use super::{Said, ends_well, mode, said};
use crate::support::binary::{Serving, command};
use crate::support::{Client, Setup};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn on(setup: &Setup, listen: &str) -> Command {
    let mut serve = command();
    serve.args(["serve", "--log", "error", "--listen", listen, "--data-dir"]);
    serve.arg(setup.data_dir());
    serve
}

fn refused_at(setup: &Setup, socket: &Path, words: &[&str]) {
    let refused: Said = said(&mut on(setup, &format!("unix:{}", socket.display())));
    refused.failed(1, &[&[&*socket.display().to_string()], words].concat());
}

#[tokio::test]
async fn a_unix_socket_is_served_private_and_removed() {
    let setup = Setup::sqlite();
    let beside = tempfile::tempdir().unwrap();
    let socket = beside.path().join("w.sock");
    let mut serving = Serving::start(&mut on(&setup, &format!("unix:{}", socket.display())));
    assert_eq!(serving.address, format!("unix:{}", socket.display()));
    assert_eq!(mode(&socket), 0o600);
    let token = crate::support::binary::first_token(&setup.data_dir());
    let admin = Client::connect(&serving.address, &token).await;
    admin.create_project("demo").await.unwrap();
    serving.terminate();
    ends_well(&mut serving, Duration::from_secs(15));
    assert!(!socket.exists());
}

#[tokio::test]
async fn tcp_and_a_unix_socket_are_served_together() {
    let setup = Setup::sqlite();
    let beside = tempfile::tempdir().unwrap();
    let socket = beside.path().join("w.sock");
    let listen = format!("127.0.0.1:0,unix:{}", socket.display());
    let serving = Serving::start(&mut on(&setup, &listen));
    let token = crate::support::binary::first_token(&setup.data_dir());
    Client::connect(&serving.url(), &token).await.create_project("one").await.unwrap();
    let unix = Client::connect(&format!("unix:{}", socket.display()), &token).await;
    unix.create_project("two").await.unwrap();
}

#[test]
fn only_a_socket_that_nobody_answers_on_is_replaced() {
    let beside = tempfile::tempdir().unwrap();
    let socket = beside.path().join("w.sock");
    let listen = format!("unix:{}", socket.display());

    let mut killed = Serving::start(&mut on(&Setup::sqlite(), &listen));
    killed.kill();
    assert!(socket.exists(), "whoever is killed leaves it");
    let serving = Serving::start(&mut on(&Setup::sqlite(), &listen));
    refused_at(&Setup::sqlite(), &socket, &["another process is serving there"]);
    UnixStream::connect(&socket).unwrap();
    drop(serving);

    std::fs::remove_file(&socket).unwrap();
    let somebody = UnixListener::bind(&socket).unwrap();
    refused_at(&Setup::sqlite(), &socket, &["another process is serving there"]);
    drop(somebody);

    std::fs::remove_file(&socket).unwrap();
    std::fs::write(&socket, "something else").unwrap();
    refused_at(&Setup::sqlite(), &socket, &["not a socket"]);
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "something else");
}

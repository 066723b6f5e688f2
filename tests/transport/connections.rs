//! How many connections there may be, and what happens when files run out.

use super::{PATIENCE, World};
use crate::support::binary::{Serving, command};
use crate::support::tls::{self, Outcome, list_projects};
use crate::support::{Server, Setup};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use waxseal_domain::caller::Role;
use waxseal_server::config::{Listen, Transport};

/// A connection from this address of this machine.
async fn from(server: &Server, address: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(tls::host(&server.address).parse().unwrap()).await.unwrap()
}

/// Whether a connection is served: its other end begins HTTP/2 as well.
async fn is_served(server: &Server, address: &str) -> Option<TcpStream> {
    let mut stream = from(server, address).await;
    // The preface, and settings without any.
    let begun = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, begun).await;
    let mut first = [0];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut first)).await;
    matches!(read.expect("it is served, or closed"), Ok(1)).then_some(stream)
}

#[tokio::test]
async fn an_address_has_its_share_of_the_connections() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let mut setup = Setup::sqlite();
    setup.config.listen.push(Listen::Unix(socket.clone()));
    setup.config.transport =
        Transport { max_connections: 5, max_connections_per_ip: 3, ..Transport::default() };
    let server = setup.start().await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let mut one = Vec::new();
    for _ in 0..3 {
        one.push(is_served(&server, "127.0.0.1").await.expect("its share"));
    }
    assert!(is_served(&server, "127.0.0.1").await.is_none(), "more than its share");
    let mut two = Vec::new();
    for _ in 0..2 {
        two.push(is_served(&server, "127.0.0.2").await.expect("its share"));
    }
    assert!(is_served(&server, "127.0.0.2").await.is_none(), "more than there are");
    assert!(is_served(&server, "127.0.0.3").await.is_none(), "more than there are");
    // The network does not shut out who is on the machine.
    let unix = UnixStream::connect(&socket).await.unwrap();
    assert_eq!(list_projects(unix, Some(&token)).await, Outcome::Answered);
    // A place that is given back is there for others.
    one.pop();
    let begun = Instant::now();
    while is_served(&server, "127.0.0.3").await.is_none() {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[tokio::test]
async fn a_place_is_given_back_however_a_connection_ends() {
    let world = World::with(|transport| Transport { max_connections: 1, ..transport }).await;
    let token = world.server.token(Role::Admin, false, "deployment").await;
    for round in 0..5 {
        // One that never becomes TLS, and is given up.
        drop(from(&world.server, "127.0.0.1").await);
        let begun = Instant::now();
        loop {
            let found = match world.connect(None).await {
                Ok(stream) => list_projects(stream, Some(&token)).await,
                Err(_) => Outcome::Cut,
            };
            if found == Outcome::Answered {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{round}");
        }
    }
}

/// Seconds that a process has run on a core so far.
fn core_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

#[test]
fn a_server_without_files_waits_for_some() {
    let setup = Setup::sqlite();
    let mut command = command();
    command.args(["serve", "--log", "warn", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(setup.data_dir());
    let log = tempfile::NamedTempFile::new().unwrap();
    command.stderr(log.reopen().unwrap());
    let serving = Serving::start(&mut command);
    let id = serving.child.id();
    let pid = Pid::from_child(&serving.child);
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count() as u64;
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit { current: Some(open + 2), maximum: before.maximum };
    prlimit(Some(pid), Resource::Nofile, few).unwrap();

    let connect = || std::net::TcpStream::connect(&serving.address).unwrap();
    let callers: Vec<_> = (0..20).map(|_| connect()).collect();
    let said = || std::fs::read_to_string(log.path()).unwrap();
    let begun = Instant::now();
    while !said().contains("connections could not be accepted") {
        assert!(begun.elapsed() < PATIENCE, "{}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let used = core_seconds(id);
    std::thread::sleep(Duration::from_secs(3));
    let used = core_seconds(id) - used;
    assert!(used < 1.0, "it turns in a circle: {used} s in 3 s");
    assert_eq!(said().matches("connections could not be accepted").count(), 1, "{}", said());

    prlimit(Some(pid), Resource::Nofile, before).unwrap();
    for mut caller in callers {
        use std::io::{Read as _, Write as _};
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        // Not those that were cut meanwhile, for they did not begin.
        let begun = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let _ = caller.write_all(begun);
        let read = caller.read(&mut [0]).unwrap_or(0);
        assert!(read == 1, "it is served at last");
    }
}

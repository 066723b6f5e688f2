//! SIGTERM, and who holds on to the connection.

use super::standard::check;
use super::{ends_well, serve};
use crate::support::binary::Serving;
use crate::support::client::channel;
use crate::support::{Client, Setup};
use prost::Message as _;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use waxseal_proto::v1;

/// Longer than all that may hold a stop up, and well under the drain timeout of [`patient`]: so
/// what ends within this has not waited for that.
const PROMPT: Duration = Duration::from_secs(15);
const IN_ANY_CASE: Duration = Duration::from_secs(30);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn patient(setup: &Setup) -> Serving {
    Serving::start(serve(setup).args(["--drain-timeout", "25s"]))
}

async fn admin(setup: &Setup, serving: &Serving) -> Client {
    let token = crate::support::binary::first_token(&setup.data_dir());
    Client::connect(&serving.url(), &token).await
}

fn connect(serving: &Serving) -> TcpStream {
    TcpStream::connect(&serving.address).unwrap()
}

#[test]
fn it_ends_when_nobody_is_there() {
    let mut serving = patient(&Setup::sqlite());
    serving.terminate();
    ends_well(&mut serving, PROMPT);
}

#[tokio::test]
async fn it_ends_with_idle_connections() {
    let setup = Setup::sqlite();
    let mut serving = patient(&setup);
    let mut idle = Vec::new();
    for number in 0..5 {
        let admin = admin(&setup, &serving).await;
        admin.create_project(&format!("p{number}")).await.unwrap();
        idle.push(admin);
    }
    serving.terminate();
    ends_well(&mut serving, PROMPT);
}

#[test]
fn it_ends_with_connections_that_never_said_anything_or_stopped_in_the_middle() {
    let mut serving = patient(&Setup::sqlite());
    let silent = connect(&serving);
    let mut half = connect(&serving);
    half.write_all(&PREFACE[..10]).unwrap();
    // All of the preface, and no acknowledgement of anything ever after.
    let mut deaf = connect(&serving);
    deaf.write_all(PREFACE).unwrap();
    deaf.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    let mut settings = [0; 9];
    deaf.read_exact(&mut settings).unwrap();
    assert_eq!(settings[3], 4, "a SETTINGS frame");
    serving.terminate();
    ends_well(&mut serving, PROMPT);
    drop((silent, half, deaf));
}

#[tokio::test]
async fn it_ends_with_open_streams_of_health() {
    let mut serving = patient(&Setup::sqlite());
    let mut health = HealthClient::new(channel(&serving.url()).await);
    let mut watch = health.watch(check("")).await.unwrap().into_inner();
    watch.message().await.unwrap();
    serving.terminate();
    let next = watch.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    ends_well(&mut serving, PROMPT);
}

/// A call whose message is on its way: `GetProject`, but for the last bytes.
struct HalfSent {
    body: h2::SendStream<prost::bytes::Bytes>,
    answer: h2::client::ResponseFuture,
    rest: Vec<u8>,
}

async fn half_sent(setup: &Setup, serving: &Serving) -> HalfSent {
    let token = crate::support::binary::first_token(&setup.data_dir());
    let stream = tokio::net::TcpStream::connect(&serving.address).await.unwrap();
    let (mut sender, mut connection) = h2::client::handshake(stream).await.unwrap();
    let mut ping = connection.ping_pong().unwrap();
    tokio::spawn(connection);
    let request = http::Request::post(serving.url() + "/waxseal.v1.ProjectService/GetProject")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .unwrap();
    let message = v1::GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec();
    let length = u8::try_from(message.len()).unwrap();
    let frame = [&[0, 0, 0, 0, length], &message[..]].concat();
    let (first, rest) = frame.split_at(frame.len() - 3);
    let (answer, mut body) = sender.send_request(request, false).unwrap();
    body.send_data(first.to_vec().into(), false).unwrap();
    // Whatever was sent before a ping has come in when it is answered.
    ping.ping(h2::Ping::opaque()).await.unwrap();
    HalfSent { body, answer, rest: rest.to_vec() }
}

#[tokio::test]
async fn a_call_that_is_under_way_is_answered_before_the_end() {
    let setup = Setup::sqlite();
    let mut serving = patient(&setup);
    admin(&setup, &serving).await.create_project("demo").await.unwrap();
    let mut health = HealthClient::new(channel(&serving.url()).await);
    let mut watch = health.watch(check("")).await.unwrap().into_inner();
    watch.message().await.unwrap();
    let mut call = half_sent(&setup, &serving).await;

    serving.terminate();
    let next = watch.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing, "the stop has begun");
    assert!(serving.child.try_wait().unwrap().is_none());
    call.body.send_data(call.rest.into(), true).unwrap();
    let mut answer = call.answer.await.unwrap().into_body();
    let mut received = Vec::new();
    while let Some(data) = answer.data().await {
        received.extend(data.unwrap());
    }
    let trailers = answer.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    let project = v1::GetProjectResponse::decode(&received[5..]).unwrap().project.unwrap();
    assert_eq!(project.name, "projects/demo");
    ends_well(&mut serving, PROMPT);
}

#[tokio::test]
async fn calls_of_all_workers_are_answered_before_the_end() {
    const WORKERS: usize = 3;
    let setup = Setup::sqlite();
    let count = WORKERS.to_string();
    let mut serving =
        Serving::start(serve(&setup).args(["--drain-timeout", "25s", "--workers", &count]));
    admin(&setup, &serving).await.create_project("demo").await.unwrap();
    // A connection each, dealt in turn.
    let mut calls = Vec::new();
    for _ in 0..2 * WORKERS {
        calls.push(half_sent(&setup, &serving).await);
    }
    let mut health = HealthClient::new(channel(&serving.url()).await);
    let mut watch = health.watch(check("")).await.unwrap().into_inner();
    watch.message().await.unwrap();
    serving.terminate();
    watch.message().await.unwrap();
    while let Some(mut call) = calls.pop() {
        assert!(serving.child.try_wait().unwrap().is_none(), "{} are under way", calls.len() + 1);
        call.body.send_data(call.rest.into(), true).unwrap();
        let mut answer = call.answer.await.unwrap().into_body();
        while let Some(data) = answer.data().await {
            data.unwrap();
        }
        assert_eq!(answer.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    }
    ends_well(&mut serving, PROMPT);
}

#[tokio::test]
async fn as_many_threads_serve_as_were_asked_for() {
    for (count, expected) in [("2", vec!["serve-0", "serve-1"]), ("0", vec![])] {
        let setup = Setup::sqlite();
        let serving = Serving::start(serve(&setup).args(["--workers", count]));
        admin(&setup, &serving).await.create_project("demo").await.unwrap();
        let tasks = std::fs::read_dir(format!("/proc/{}/task", serving.child.id())).unwrap();
        let name = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap()
        };
        let names = tasks.map(name).map(|name| name.trim_end().to_owned());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("serve-")).collect();
        names.sort();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_call_that_never_ends_is_cut_off() {
    let setup = Setup::sqlite();
    let mut serving = Serving::start(serve(&setup).args(["--drain-timeout", "1s"]));
    let call = half_sent(&setup, &serving).await;
    serving.terminate();
    ends_well(&mut serving, IN_ANY_CASE);
    assert!(call.answer.await.is_err());
}

#[tokio::test]
async fn nobody_new_is_let_in_during_a_stop_and_a_second_signal_ends_it() {
    let setup = Setup::sqlite();
    let mut serving = patient(&setup);
    let mut health = HealthClient::new(channel(&serving.url()).await);
    let mut watch = health.watch(check("")).await.unwrap().into_inner();
    watch.message().await.unwrap();
    let call = half_sent(&setup, &serving).await;
    serving.terminate();
    watch.message().await.unwrap().unwrap();
    // Refused, or closed before a word: never kept waiting.
    loop {
        let Ok(mut new) = TcpStream::connect(&serving.address) else { break };
        new.set_read_timeout(Some(PROMPT)).unwrap();
        let _ = new.write_all(PREFACE);
        if !matches!(new.read(&mut [0; 1]), Ok(1..)) {
            break;
        }
    }
    assert!(serving.child.try_wait().unwrap().is_none(), "the call is still under way");
    serving.terminate();
    assert_eq!(serving.child.wait().unwrap().code(), Some(128 + 15));
    drop(call);
}

#[test]
fn an_interrupt_is_a_stop_as_well() {
    let mut serving = patient(&Setup::sqlite());
    kill_process(Pid::from_child(&serving.child), Signal::INT).unwrap();
    ends_well(&mut serving, PROMPT);
    assert_eq!(serving.child.wait().unwrap().signal(), None);
}

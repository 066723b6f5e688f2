//! What keeps one caller, or all of them, from taking more than there is.

mod streams;

use crate::frames::wire::{Call, Wire};
use crate::support::client::channel;
use crate::support::raw::path;
use crate::support::refusal::read;
use crate::support::{Client, Server, Setup, default_slot, refused};
use futures::future::join_all;
use prost::Message as _;
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};
use waxseal_server::config::Limits;

const PATIENCE: Duration = Duration::from_secs(20);

async fn server(change: impl FnOnce(&mut Limits)) -> Server {
    let mut setup = Setup::new();
    change(&mut setup.config.limits);
    setup.start().await
}

/// What a call to which a limit said no is told: why, how much, and when to come back.
#[track_caller]
fn is_limited(status: &Status, code: Code, reason: &str) {
    read(status).is(code, reason);
    let details = status.get_error_details();
    assert_eq!(details.quota_failure().is_some(), code == Code::ResourceExhausted);
    let retry = details.retry_info().unwrap().retry_delay.unwrap();
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap();
    let pushback = Duration::from_millis(pushback.parse().unwrap());
    assert!(pushback >= retry && pushback < retry + Duration::from_millis(1), "{pushback:?}");
}

async fn list(client: &Client) -> Result<(), Status> {
    let request = v1::ListProjectsRequest::default();
    client.projects.clone().list_projects(request).await.map(drop)
}

async fn is_healthy(server: &Server) -> bool {
    let mut health = HealthClient::new(channel(&server.address).await);
    let check = HealthCheckRequest { service: String::new() };
    health.check(check).await.is_ok()
}

#[tokio::test]
async fn a_principal_makes_so_many_calls_a_second_whatever_its_connections() {
    let server = server(|limits| limits.rate_limit = 2).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let clients = join_all((0..4).map(|_| Client::connect(&server.address, &token))).await;
    let other = server.admin().await;
    let begun = Instant::now();
    let answers = join_all(clients.iter().flat_map(|client| (0..10).map(|_| list(client)))).await;
    let most = 2 * (1 + begun.elapsed().as_secs() + 1);
    let (fine, limited): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(!fine.is_empty() && fine.len() as u64 <= most, "{} of 40", fine.len());
    let mut last = Duration::ZERO;
    for answer in limited {
        let status = answer.unwrap_err();
        is_limited(&status, Code::ResourceExhausted, "RATE_LIMITED");
        last = last.max(status.get_error_details().retry_info().unwrap().retry_delay.unwrap());
    }
    assert!(last <= Duration::from_millis(500), "{last:?}");
    list(&other).await.expect("another principal has its own");
    assert!(is_healthy(&server).await);
    tokio::time::sleep(last).await;
    list(&clients[0]).await.expect("it waited as it was told");
}

#[tokio::test]
async fn wrong_credentials_close_their_address_for_a_moment_and_no_other() {
    let server = server(|limits| limits.failure_limit = 3).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let admin = Client::connect(&server.address, &token).await;
    let wrong = Client::connect(&server.address, "wxs").await;
    // Its token is known to be good from here on; that of the next one is not yet.
    list(&admin).await.unwrap();
    let fresh = server.token(Role::Admin, false, "deployment").await;
    let fresh = Client::connect(&server.address, &fresh).await;
    let other = from_elsewhere(&server, &token).await;
    let begun = Instant::now();
    let limited = loop {
        // All at once, since a bucket of three fills up in a second.
        let answers = join_all((0..20).map(|_| list(&wrong))).await;
        let statuses = answers.into_iter().map(Result::unwrap_err);
        let (limited, refused): (Vec<_>, Vec<_>) =
            statuses.partition(|status| status.code() == Code::ResourceExhausted);
        for status in &refused {
            read(status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
        }
        if let Some(status) = limited.into_iter().next() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "none is refused unseen");
    };
    is_limited(&limited, Code::ResourceExhausted, "RATE_LIMITED");
    assert_eq!(other.await, Code::Ok, "another address");
    assert!(is_healthy(&server).await);
    list(&admin).await.expect("what was good a moment ago is no guess");
    loop {
        match list(&fresh).await {
            Ok(()) => break,
            Err(status) => is_limited(&status, Code::ResourceExhausted, "RATE_LIMITED"),
        }
        assert!(begun.elapsed() < PATIENCE, "good ones are taken again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A call with a good token from another address of this machine, to be made later.
async fn from_elsewhere(server: &Server, token: &str) -> impl Future<Output = Code> {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let address = server.address.trim_start_matches("http://").parse().unwrap();
    let wire = Wire::over(socket.connect(address).await.unwrap(), &server.address).await;
    let list = v1::ListProjectsRequest::default().encode_to_vec();
    let call = Call::new(path("ListProjects"), &list).bearer(token);
    async move { wire.call(call).await.unwrap().status.unwrap().code() }
}

fn is_full(status: &Status) -> bool {
    ["OVERLOADED", "CALL_LIMIT"].contains(&&*read(status).reason)
}

/// A server with four places, three of them open to management, whose key provider waits.
struct Full {
    server: Server,
    builders: Vec<Client>,
}

impl Full {
    async fn start() -> Self {
        let server = server(|limits| limits.max_calls = 4).await;
        server.make_demo().await;
        let builder = server.builder().await;
        builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
        drop(builder);
        let server = server.stop().await.start().await;
        let builders = vec![server.builder().await, server.builder().await];
        Self { server, builders }
    }

    /// Reveals by the first of two builders or by the second, which wait while keys are paused.
    /// Those for which there is no place come again: what looks whether all are taken takes one.
    fn reveals(&self, whose: &[usize]) -> Vec<impl Future<Output = Result<(), Status>> + use<>> {
        let reveal = |which: &usize| {
            let builder = self.builders[*which].clone();
            async move {
                loop {
                    match builder.reveal("demo", "KEY", default_slot()).await.map(drop) {
                        Err(status) if is_full(&status) => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        answer => return answer,
                    }
                }
            }
        };
        whose.iter().map(reveal).collect()
    }
}

#[tokio::test]
async fn the_last_places_are_for_running_applications_and_health() {
    let full = Full::start().await;
    let server = &full.server;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let paused = server.pause_keys().await;
    let waiting: Vec<_> = full.reveals(&[0, 0, 1]).into_iter().map(tokio::spawn).collect();
    let begun = Instant::now();
    let shed = loop {
        match list(&admin).await {
            Ok(()) => assert!(begun.elapsed() < PATIENCE, "all places are taken"),
            Err(status) => break status,
        }
    };
    is_limited(&shed, Code::Unavailable, "OVERLOADED");
    // Refused before anything is done for it: nobody has looked who it is.
    let stranger = Client::connect(&server.address, "wxs").await;
    is_limited(&list(&stranger).await.unwrap_err(), Code::Unavailable, "OVERLOADED");
    let let_in = runtime.resolve("demo", "main", Stage::Unspecified).await;
    refused(let_in).is_about("INVALID_FIELD", "stage");
    assert!(is_healthy(server).await);
    drop(paused);
    for answer in join_all(waiting).await {
        answer.unwrap().unwrap();
    }
    list(&admin).await.unwrap();
}

#[tokio::test]
async fn one_principal_gets_half_and_the_others_what_is_left() {
    let full = Full::start().await;
    let server = &full.server;
    let admin = server.admin().await;
    let paused = server.pause_keys().await;
    let waiting: Vec<_> = full.reveals(&[0, 0]).into_iter().map(tokio::spawn).collect();
    let begun = Instant::now();
    let limited = loop {
        match list(&full.builders[0]).await {
            // A builder may not.
            Err(status) if status.code() == Code::ResourceExhausted => break status,
            _ => assert!(begun.elapsed() < PATIENCE, "its places are taken"),
        }
    };
    is_limited(&limited, Code::ResourceExhausted, "CALL_LIMIT");
    list(&admin).await.expect("there is a place for others");
    drop(paused);
    for answer in join_all(waiting).await {
        answer.unwrap().unwrap();
    }
    let secret = full.builders[0].get_secret("demo", "KEY").await;
    secret.expect("its places are free again");
}

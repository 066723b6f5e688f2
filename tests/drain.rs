//! A rolling restart: servers are stopped and started in turn while they are called without a
//! pause, and no call fails for a client that does what the shipped service config says.
//!
//! `TEST_ROUNDS` is how often all servers are restarted: `TEST_ROUNDS=100` takes a few minutes.

use crate::frames::wire::{Call, Wire};
use crate::support::binary::Serving;
use crate::support::client::channel;
use crate::support::production::Production;
use crate::support::raw::path;
use crate::support::{Client, Setup, default_slot, text};
use futures::future::join_all;
use prost::Message as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};
use waxseal_server::config::Engines;

const SERVERS: usize = 3;
/// How often all servers are restarted where `TEST_ROUNDS` does not say.
const ROUNDS: usize = 2;
const CALLERS: usize = 4;
/// A stop is over by then, whoever is connected.
const IN_ANY_CASE: Duration = Duration::from_secs(30);

fn serve(engines: &Engines, listen: &str) -> Command {
    let mut command = crate::replicas::children::serve(engines);
    command.args(["--workers", "2", "--listen", listen]).stderr(Stdio::inherit());
    command
}

/// Peers that hold on to a server, each in a way of its own.
struct Clinging {
    _idle: Client,
    _silent: TcpStream,
    _half: TcpStream,
    _deaf: TcpStream,
    _health: tonic::Streaming<tonic_health::pb::HealthCheckResponse>,
    watch: tokio::task::JoinHandle<Status>,
}

impl Clinging {
    async fn to(address: &str, runtime: &str) -> Self {
        const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let url = format!("http://{address}");
        let connect = || TcpStream::connect(address).unwrap();
        let (mut half, mut deaf) = (connect(), connect());
        half.write_all(&PREFACE[..10]).unwrap();
        // It never acknowledges anything.
        deaf.write_all(PREFACE).unwrap();
        deaf.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        deaf.read_exact(&mut [0; 9]).unwrap();
        let mut health = HealthClient::new(channel(&url).await);
        let check = HealthCheckRequest { service: String::new() };
        let mut health = health.watch(check).await.unwrap().into_inner();
        health.message().await.unwrap();
        let idle = Client::connect(&url, runtime).await;
        let mut views = crate::watch::watch(&idle, Stage::Live, "").await.unwrap();
        crate::watch::next(&mut views).await.unwrap();
        let watch = tokio::spawn(async move {
            loop {
                if let Err(status) = crate::watch::next(&mut views).await {
                    return status;
                }
            }
        });
        Self { _idle: idle, _silent: connect(), _half: half, _deaf: deaf, _health: health, watch }
    }
}

/// What calls without a pause.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    calls: AtomicUsize,
    repeated: AtomicUsize,
}

/// A caller, with a connection to each server.
struct Caller {
    load: Arc<Load>,
    clients: Vec<(Client, Client)>,
    turn: usize,
    /// How often a call of a method is attempted where the server is not there.
    attempts: usize,
}

/// How often the service config lets a client attempt `GetSecret` and `ResolveEnvironment`.
fn attempts() -> usize {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("proto/waxseal/v1/waxseal_grpc_service_config.json");
    let config: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let [config] = &**config["methodConfig"].as_array().unwrap() else { panic!("one policy") };
    let names = config["name"].as_array().unwrap();
    for method in ["GetSecret", "ResolveEnvironment"] {
        assert!(names.iter().any(|name| name["method"] == method), "{method}");
    }
    assert!(!names.iter().any(|name| name["method"] == "SetSecretValue"));
    let policy = &config["retryPolicy"];
    assert_eq!(policy["retryableStatusCodes"], serde_json::json!(["UNAVAILABLE"]));
    usize::try_from(policy["maxAttempts"].as_u64().unwrap()).unwrap()
}

impl Caller {
    /// Calls one server after the other until it is over; gives what failed.
    async fn call(mut self) -> Vec<String> {
        let mut failed = Vec::new();
        let mut number = 0;
        while !self.load.over.load(Ordering::Relaxed) {
            number += 1;
            let attempts = self.attempts;
            let got = self.attempt(attempts, async |builder, _| {
                builder.get_secret("demo", "KEY").await.map(drop)
            });
            failed.extend(got.await.err().map(|status| format!("GetSecret: {status:?}")));
            let resolved = self.attempt(attempts, async |_, runtime| {
                runtime.resolve("demo", "main", Stage::Live).await.map(drop)
            });
            failed.extend(resolved.await.err().map(|status| format!("Resolve: {status:?}")));
            // A change is repeated under its request id, as its documentation says.
            let set = v1::SetSecretValueRequest {
                name: "projects/demo/secrets/KEY".to_owned(),
                slot: default_slot(),
                payload: text(&format!("value {number}")),
                request_id: uuid::Uuid::new_v4().to_string(),
                ..Default::default()
            };
            let written = self.attempt(attempts, async |builder, _| {
                builder.secrets.clone().set_secret_value(set.clone()).await.map(drop)
            });
            failed.extend(written.await.err().map(|status| format!("Set: {status:?}")));
            self.load.calls.fetch_add(3, Ordering::Relaxed);
        }
        failed
    }

    /// A call, again at the next server where one is not there.
    async fn attempt(
        &mut self,
        attempts: usize,
        call: impl AsyncFn(&Client, &Client) -> Result<(), Status>,
    ) -> Result<(), Status> {
        let mut attempt = 1;
        loop {
            self.turn += 1;
            let (builder, runtime) = &self.clients[self.turn % SERVERS];
            match call(builder, runtime).await {
                Err(status) if is_repeated(&status) && attempt < attempts => {
                    self.load.repeated.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// Whether a client repeats a call: as it was told to, or as gRPC does by itself with what never left
/// the client, since the connection that it waited for was closed.
fn is_repeated(status: &Status) -> bool {
    let canceled = |error: &(dyn std::error::Error + 'static)| {
        error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled)
    };
    let causes = std::iter::successors(std::error::Error::source(status), |error| error.source());
    status.code() == Code::Unavailable || { causes }.any(canceled)
}

/// Ends within the time, well, and says how long it took.
async fn ends(mut serving: Serving) -> Duration {
    let begun = Instant::now();
    serving.terminate();
    loop {
        let ended = serving.child.try_wait().unwrap();
        let took = begun.elapsed();
        assert!(took < IN_ANY_CASE, "it took {took:?}, or does not end");
        if let Some(code) = ended {
            assert!(code.success(), "{code}");
            return took;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_call_fails_while_servers_are_restarted_in_turn() {
    let production = Production::create().await;
    let engines = production.engines();
    // It makes the tokens, and is not called.
    let first = Setup::sqlite().beside(engines.clone()).start().await;
    first.make_demo().await;
    let builder = first.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let builder = first.token(Role::Builder, true, "deployment").await;
    let runtime = first.token(Role::Runtime, false, "deployment").await;
    let start = async |listen: &str| {
        let mut command = serve(&engines, listen);
        tokio::task::spawn_blocking(move || Serving::start(&mut command)).await.unwrap()
    };
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        servers.push(start("127.0.0.1:0").await);
    }
    let addresses: Vec<_> = servers.iter().map(|serving| serving.address.clone()).collect();
    let load = Arc::new(Load::default());
    let callers: Vec<_> = (0..CALLERS)
        .map(|turn| {
            let clients = addresses.iter().map(|address| {
                let url = format!("http://{address}");
                (Client::lazy(&url, &builder), Client::lazy(&url, &runtime))
            });
            let (clients, load) = (clients.collect(), load.clone());
            Caller { load, clients, turn, attempts: attempts() }.call()
        })
        .collect();
    let rounds = std::env::var("TEST_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut longest = Duration::ZERO;
    let restarting = async {
        for _ in 0..rounds {
            for address in &addresses {
                let clinging = Clinging::to(address, &runtime).await;
                let before = load.calls.load(Ordering::Relaxed);
                let serving = servers.remove(0);
                let took = ends(serving).await;
                let status = clinging.watch.await.unwrap();
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                longest = longest.max(took);
                servers.push(start(address).await);
                // All are called again before the next one goes.
                let begun = Instant::now();
                while load.calls.load(Ordering::Relaxed) < before + 3 * SERVERS * CALLERS {
                    assert!(begun.elapsed() < IN_ANY_CASE, "nobody calls any more");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        load.over.store(true, Ordering::Relaxed);
    };
    let (failed, ()) = tokio::join!(join_all(callers), restarting);
    let failed: Vec<String> = failed.concat();
    let calls = load.calls.load(Ordering::Relaxed);
    assert!(failed.is_empty(), "{} of {calls}:\n{}", failed.len(), failed.join("\n"));
    let repeated = load.repeated.load(Ordering::Relaxed);
    println!(
        "TEST_ROUNDS={rounds}: {calls} calls, {repeated} repeated, the longest stop {longest:?}"
    );
    assert!(repeated > 0, "nobody met a server that was not there");
}

#[tokio::test]
async fn a_connection_that_is_told_to_go_away_is_served_to_its_end() {
    let setup = Setup::sqlite();
    let server = setup.start().await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let wire = Wire::connect(&server.address).await;
    let list = || {
        let list = v1::ListProjectsRequest::default().encode_to_vec();
        wire.call(Call::new(path("ListProjects"), &list).bearer(&token))
    };
    list().await.unwrap();
    // Calls without a pause until the connection is at its end: each is answered, or was never
    // taken, which its sender can tell.
    let stopping = tokio::spawn(server.stop());
    let refused = loop {
        match list().await {
            Ok(answer) => assert_eq!(answer.status.unwrap().code(), Code::Ok),
            Err(error) => break error,
        }
    };
    assert!(refused.is_go_away() || refused.is_io(), "{refused:?}");
    stopping.await.unwrap();
}

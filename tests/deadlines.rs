//! How long a call may take: as its caller says, and never longer than the server allows. What a
//! deadline does to calls whose engines fail is in `faults.rs` and `kms/deadlines.rs`.

use crate::frames::wire::{Call, Wire};
use crate::support::production::Production;
use crate::support::raw::path;
use crate::support::refusal::read;
use crate::support::{Client, Server, Setup, default_slot};
use prost::Message as _;
use std::time::{Duration, Instant};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// A server on which the key provider is asked for everything, with a secret.
async fn cold(setup: Setup) -> (Server, Client) {
    let server = setup.start().await;
    server.make_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    drop(builder);
    let server = server.stop().await.start().await;
    let builder = server.builder().await;
    (server, builder)
}

#[tokio::test]
async fn no_call_takes_longer_than_the_server_allows() {
    let mut setup = Setup::new();
    setup.config.limits.max_deadline = Duration::from_millis(300);
    let (server, builder) = cold(setup).await;
    let token = server.token(Role::Builder, true, "deployment").await;
    let wire = Wire::connect(&server.address).await;
    let reveal = v1::RevealSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: default_slot(),
        version: 0,
    };
    let call = Call::new(path("RevealSecretValue"), &reveal.encode_to_vec()).bearer(&token);
    let paused = server.pause_keys().await;
    for call in [call.clone(), call.clone().with("grpc-timeout", b"1H")] {
        let answer = wire.call(call).await.unwrap();
        read(&answer.status.unwrap()).is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
    drop(paused);
    builder.reveal("demo", "KEY", default_slot()).await.unwrap();
}

#[tokio::test]
async fn a_change_that_is_late_is_made_all_the_same_and_takes_a_place_until_then() {
    let mut setup = Setup::sqlite();
    // Two for each principal.
    setup.config.limits.max_calls = 4;
    let (server, builder) = cold(setup).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let wire = Wire::connect(&server.address).await;
    let create = |id: &str| {
        let create = v1::CreateProjectRequest { project_id: id.to_owned(), ..Default::default() };
        Call::new(path("CreateProject"), &create.encode_to_vec()).bearer(&token)
    };
    let has = async |id: &str| builder.get_project(id).await.is_ok();
    let paused = server.pause_keys().await;
    for id in ["one", "two"] {
        let answer = wire.call(create(id).with("grpc-timeout", b"100m")).await.unwrap();
        let refusal = read(&answer.status.unwrap());
        refusal.is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
        assert!(!has(id).await);
    }
    let answer = wire.call(create("three")).await.unwrap();
    read(&answer.status.unwrap()).is(Code::ResourceExhausted, "CALL_LIMIT");
    drop(paused);
    let waiting = Instant::now();
    while !has("one").await || !has("two").await {
        assert!(waiting.elapsed() < Duration::from_secs(20), "they are made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    loop {
        let answer = wire.call(create("three")).await.unwrap();
        let code = answer.status.unwrap().code();
        if code == Code::Ok {
            break;
        }
        assert_eq!(code, Code::ResourceExhausted);
        assert!(waiting.elapsed() < Duration::from_secs(20), "their places are free again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stream_ends_at_its_callers_deadline() {
    let server = Server::with_demo().await;
    let token = server.token(Role::Runtime, false, "deployment").await;
    let wire = Wire::connect(&server.address).await;
    let watch = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let watch = Call::new(path("WatchEnvironment"), &watch.encode_to_vec()).bearer(&token);
    let health = Call::new("/grpc.health.v1.Health/Watch", &[]);
    for call in [watch, health] {
        let begun = Instant::now();
        let answer = wire.call(call.with("grpc-timeout", b"1500m")).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(1_500), "{:?}", begun.elapsed());
        assert!(!answer.body.is_empty(), "it began");
        read(&answer.status.unwrap()).is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
    // One that is late before it began is a call as any other.
    let none = Call::new("/grpc.health.v1.Health/Watch", &[]).with("grpc-timeout", b"0m");
    let answer = wire.call(none).await.unwrap();
    assert!(answer.body.is_empty());
    read(&answer.status.unwrap()).is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn what_a_late_call_asked_the_database_is_cancelled_and_its_connection_thrown_away() {
    let production = Production::create().await;
    let server = Setup::sqlite().beside(production.engines()).start().await;
    server.make_demo().await;
    let token = server.token(Role::Builder, false, "deployment").await;
    let builder = Client::connect(&server.address, &token).await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let pids = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                AND wait_event_type = 'Lock'";
    let locker = production.database.connect().await;
    locker.batch_execute("BEGIN; LOCK TABLE secret IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let wire = Wire::connect(&server.address).await;
    let get = v1::GetSecretRequest { name: "projects/demo/secrets/KEY".to_owned() };
    let call = Call::new(path("GetSecret"), &get.encode_to_vec()).bearer(&token);
    let call = wire.call(call.with("grpc-timeout", b"700m"));
    let looking = async {
        let begun = Instant::now();
        loop {
            if let [row] = &*production.database.sql(pids).await {
                return row[0].clone().unwrap();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it asks the database");
        }
    };
    let (answer, pid) = tokio::join!(call, looking);
    read(&answer.unwrap().status.unwrap()).is(Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    // A statement that only timed out, in the database, would have left its connection behind.
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    let begun = Instant::now();
    while production.database.number(&there).await > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the connection is thrown away");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = production.database.sql(pids).await;
    assert!(waiting.is_empty(), "{waiting:?} waits as well");
    locker.batch_execute("ROLLBACK").await.unwrap();
    builder.get_secret("demo", "KEY").await.unwrap();
}

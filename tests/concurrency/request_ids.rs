//! A request id makes a mutation safe to repeat (AIP-155): each of these holds for every method
//! that has one.

use super::mutations::{ALL, Body, Mutation, WITH_KEYS, demo, demo_on, devastate};
use crate::support::{Client, Server, override_slot, refused, server::new_principal, text};
use futures::future::{Either, select};
use prost::Message as _;
use std::pin::pin;
use std::time::Duration;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_domain::time::Clock as _;
use waxseal_engine::{NewToken, SystemClock};
use waxseal_proto::v1::{self, Stage, Visibility};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// How many changes the audit trail holds; some have a row for each thing that they are about.
fn changes(server: &Server) -> i64 {
    let sql = "SELECT count(*) FROM (SELECT DISTINCT project, revision FROM audit \
               WHERE action != 'CreateToken')";
    server.setup.database().query_row(sql, (), |row| row.get(0)).unwrap()
}

#[test]
fn the_table_holds_every_method_with_a_request_id() {
    let files = prost_types::FileDescriptorSet::decode(waxseal_proto::FILE_DESCRIPTOR_SET).unwrap();
    let ours = || files.file.iter().filter(|file| file.package() == "waxseal.v1");
    let has_id = |request: &str| {
        let message = ours()
            .flat_map(|file| &file.message_type)
            .find(|message| format!(".waxseal.v1.{}", message.name()) == request);
        message.unwrap().field.iter().any(|field| field.name() == "request_id")
    };
    // Those of access are in `access/retries.rs`.
    let services = ours().flat_map(|file| &file.service);
    let services = services.filter(|service| service.name() != "AccessService");
    let methods = services.flat_map(|service| &service.method);
    let mut methods: Vec<_> = methods
        .filter(|method| has_id(method.input_type()))
        .map(|method| method.name().to_owned())
        .collect();
    let mut table = ALL.map(|mutation| format!("{mutation:?}")).to_vec();
    methods.sort();
    table.sort();
    assert_eq!(table, methods);
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_and_changes_nothing() {
    let server = demo_on(Server::demo_on_sqlite().await).await;
    let admin = server.admin().await;
    let mut first = Vec::new();
    for mutation in ALL {
        let id = new_id();
        let answer = mutation.call(&admin, Body::One, &id).await.unwrap();
        let before = changes(&server);
        for _ in 0..2 {
            assert_eq!(mutation.call(&admin, Body::One, &id).await.unwrap(), answer);
        }
        assert_eq!(changes(&server), before, "{mutation:?}");
        first.push((mutation, id, answer));
    }

    // Also when what it was about is gone meanwhile.
    devastate(&admin).await;
    let before = changes(&server);
    for (mutation, id, answer) in &first {
        let again = mutation.call(&admin, Body::One, id).await;
        assert_eq!(again.as_ref().ok(), Some(answer), "{mutation:?}");
    }
    assert_eq!(changes(&server), before);
}

#[tokio::test]
async fn a_restart_forgets_no_request_id() {
    let server = demo().await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let admin = Client::connect(&server.address, &token).await;
    let mut first = Vec::new();
    for mutation in ALL {
        let id = new_id();
        first.push((mutation, id.clone(), mutation.call(&admin, Body::One, &id).await.unwrap()));
    }
    drop(admin);
    let server = server.stop().await.start().await;
    let admin = Client::connect(&server.address, &token).await;
    for (mutation, id, answer) in first {
        assert_eq!(mutation.call(&admin, Body::One, &id).await.unwrap(), answer, "{mutation:?}");
        let other = mutation.call(&admin, Body::Other, &id).await;
        refused(other).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
    }
}

#[tokio::test]
async fn an_id_is_good_for_one_request_of_one_caller() {
    let server = demo().await;
    let (admin, other) = (server.admin().await, server.admin().await);
    let mut used: Vec<String> = Vec::new();
    for mutation in ALL {
        let id = new_id();
        let first = mutation.call(&admin, Body::One, &id).await.unwrap();
        let reused = mutation.call(&admin, Body::Other, &id).await;
        refused(reused).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
        for earlier in &used {
            let reused = mutation.call(&admin, Body::Other, earlier).await;
            refused(reused).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
        }
        // To another caller it means nothing.
        let theirs = mutation.call(&other, Body::Other, &id).await.unwrap();
        assert_ne!(theirs, first, "{mutation:?}");
        assert_eq!(mutation.call(&other, Body::Other, &id).await.unwrap(), theirs);
        assert_eq!(mutation.call(&admin, Body::One, &id).await.unwrap(), first);
        used.push(id);
    }
}

#[tokio::test]
async fn a_request_that_failed_may_be_tried_again_under_its_id() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let id = new_id();
    let set = async || Mutation::SetSecretValue.call(&admin, Body::One, &id).await;
    refused(set().await).is(Code::NotFound, "SECRET_NOT_FOUND");
    admin.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let first = set().await.unwrap();
    assert_eq!(set().await.unwrap(), first);
    assert_eq!(admin.get_secret("demo", "KEY").await.unwrap().default_version, 1);
}

#[tokio::test]
async fn an_id_is_remembered_for_a_day() {
    let server = demo_on(Server::demo_on_sqlite().await).await;
    let expires = SystemClock.now().after(72 * HOUR);
    let scope = "deployment".parse().unwrap();
    let new =
        NewToken { principal: new_principal(), role: Role::Admin, reveal: false, scope, expires };
    let token = server.engine.create_token(new).await.unwrap();
    let admin = Client::connect(&server.address, &token).await;
    let id = new_id();
    let set = async |body| {
        let answer = Mutation::SetSecretValue.call(&admin, body, &id).await.unwrap();
        v1::SetSecretValueResponse::decode(&*answer).unwrap().version
    };
    assert_eq!(set(Body::One).await, 2);
    server.pass(23 * HOUR);
    assert_eq!(set(Body::One).await, 2);
    server.pass(HOUR + Duration::from_secs(1));
    assert_eq!(set(Body::Other).await, 3, "the id is free for any request again");
    assert_eq!(set(Body::Other).await, 3);
    server.pass(25 * HOUR);
    assert_eq!(set(Body::Other).await, 4);
    let kept: i64 = server
        .setup
        .database()
        .query_row("SELECT count(*) FROM request", (), |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1, "those that are over are thrown away");
}

#[tokio::test]
async fn while_the_first_is_under_way_a_repetition_is_told_so() {
    for mutation in WITH_KEYS {
        let server = demo().await;
        let token = server.token(Role::Admin, false, "deployment").await;
        let one = Client::connect(&server.address, &token).await;
        let two = Client::connect(&server.address, &token).await;
        let id = new_id();
        let paused = server.pause_keys().await;
        let first = pin!(mutation.call(&one, Body::One, &id));
        let second = pin!(mutation.call(&two, Body::One, &id));
        // One of them comes first, and waits; which one is of no interest.
        let (told, waiting) = match select(first, second).await {
            Either::Left(ended) => ended,
            Either::Right((told, waiting)) => (told, waiting),
        };
        let refusal = refused(told);
        refusal.is(Code::Aborted, "REQUEST_IN_PROGRESS");
        assert!(refusal.retry, "{mutation:?}");
        // Whatever is asked under that id has to wait for the first.
        let other = mutation.call(&one, Body::Other, &id).await;
        refused(other).is(Code::Aborted, "REQUEST_IN_PROGRESS");
        drop(paused);
        let answer = waiting.await.unwrap();
        assert_eq!(mutation.call(&two, Body::One, &id).await.unwrap(), answer);
    }
}

#[tokio::test]
async fn rights_are_asked_before_a_kept_answer_is_given() {
    let server = demo().await;
    let scope = "projects/demo/environments/staging/stages/live";
    let scoped = server.client(Role::Builder, false, scope).await;
    let request = v1::SetSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: override_slot("staging", Stage::Live),
        payload: text("value"),
        request_id: new_id(),
        ..Default::default()
    };
    let set = async || scoped.secrets.clone().set_secret_value(request.clone()).await;
    let first = set().await.unwrap().into_inner();
    assert_eq!(set().await.unwrap().into_inner(), first);

    // The right was for the environment as it was, and not for one of the same name.
    let admin = server.admin().await;
    admin.delete_environment("demo", "staging", true).await.unwrap();
    refused(set().await).is(Code::PermissionDenied, "PERMISSION_DENIED");
    admin.create_environment("demo", "staging").await.unwrap();
    refused(set().await).is(Code::PermissionDenied, "PERMISSION_DENIED");

    // And a right ends.
    let builder = server.builder().await;
    let id = new_id();
    Mutation::SetSecretValue.call(&builder, Body::One, &id).await.unwrap();
    server.pass(2 * HOUR);
    let answer = Mutation::SetSecretValue.call(&builder, Body::One, &id).await;
    refused(answer).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_repetitions_at_once_one_is_applied() {
    let server = demo_on(Server::demo_on_sqlite().await).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(Client::connect(&server.address, &token).await);
    }
    for mutation in ALL {
        let id = new_id();
        let before = changes(&server);
        let calls = (0..20).map(|number| mutation.call(&clients[number % 4], Body::One, &id));
        let mut answers = Vec::new();
        for answer in futures::future::join_all(calls).await {
            match answer {
                Ok(answer) => answers.push(answer),
                refusal => refused(refusal).is(Code::Aborted, "REQUEST_IN_PROGRESS"),
            }
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{mutation:?}");
        assert!(!answers.is_empty());
        assert_eq!(changes(&server), before + 1, "{mutation:?}");
    }
}

//! Errors: each says one public reason and no more than it may, and every answer has an id.

mod reasons;

use crate::support::raw::{Raw, bearer, path};
use crate::support::refusal::read;
use crate::support::{Server, Setup};
use prost::Message;
use std::collections::BTreeSet;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// The names that an error holds, as many as it does, and how many it says there are.
fn named(status: &Status) -> (Vec<String>, usize) {
    let details = status.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    let names = metadata["secrets"].split(',').map(str::to_owned).collect();
    (names, metadata["total"].parse().unwrap())
}

fn long_name(number: usize) -> String {
    format!("N{number:063}")
}

#[track_caller]
fn assert_names_what_fits(status: &Status, total: usize) {
    let (names, said) = named(status);
    assert_eq!(said, total);
    let expected: Vec<_> = (0..names.len()).map(long_name).collect();
    assert_eq!(names, expected, "the first ones, in the order of the request");
    let bytes = names.join(",").len();
    let room = bytes + 1 + long_name(0).len();
    // With two bytes for each separator, or one, another one would not have fitted.
    assert!(bytes <= 4_096 && room + names.len() > 4_096, "{} names", names.len());
    assert!(status.details().len() <= 8 * 1_024, "{}", status.details().len());
    assert!(status.message().len() <= 1_024, "{}", status.message().len());
}

#[tokio::test]
async fn a_thousand_names_are_counted_and_named_as_many_as_fit() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let names: Vec<_> = (0..1_000).map(long_name).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let unknown = runtime.resolve_named("demo", "main", Stage::Live, &names, true).await;
    let unknown = unknown.unwrap_err();
    read(&unknown).is(Code::NotFound, "SECRET_NOT_FOUND");
    assert_names_what_fits(&unknown, 1_000);

    // Unset ones, and one unknown among them: unknown wins.
    for name in &names[..100] {
        admin.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let unset = runtime.resolve_named("demo", "main", Stage::Live, &names[..100], false).await;
    let unset = unset.unwrap_err();
    read(&unset).is(Code::FailedPrecondition, "SECRET_UNSET");
    assert_names_what_fits(&unset, 100);
    let both = runtime.resolve_named("demo", "main", Stage::Live, &names[..101], false).await;
    let both = both.unwrap_err();
    read(&both).is(Code::NotFound, "SECRET_NOT_FOUND");
    assert_eq!(named(&both), (vec![long_name(100)], 1));

    // A batch names all that it does not know.
    let entry = |name: &&str| v1::OverrideValue {
        secret: (*name).to_owned(),
        payload: crate::support::text("value"),
    };
    let batch = v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        overrides: names[50..150].iter().map(entry).collect(),
        ..Default::default()
    };
    let status = admin.secrets.clone().batch_set_overrides(batch).await.unwrap_err();
    read(&status).is(Code::NotFound, "SECRET_NOT_FOUND");
    assert_eq!(named(&status), ((100..150).map(long_name).collect(), 50));
}

#[tokio::test]
async fn a_name_that_is_asked_for_twice_is_named_once() {
    let server = Server::with_demo().await;
    let runtime = server.runtime().await;
    let asked = ["GONE", "GONE", "ALSO", "GONE"];
    let status = runtime.resolve_named("demo", "main", Stage::Live, &asked, true).await;
    assert_eq!(named(&status.unwrap_err()), (vec!["GONE".to_owned(), "ALSO".to_owned()], 2));
}

#[tokio::test]
async fn what_is_no_method_is_unimplemented() {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    for path in [
        "/waxseal.v1.SecretService/Rename",
        "/waxseal.v1.SecretService/createSecret",
        "/waxseal.v1.SecretService/CreateSecret/",
        "/waxseal.v1.SecretService//CreateSecret",
        "/waxseal.v1.SecretService/CreateSecret?x=1",
        "/waxseal.v1.SecretService/CreateSecret?",
        "/waxseal.v1.SecretService/Create%53ecret",
        "/waxseal.v1.SecretService/*",
        "/waxseal.v1.SecretService/",
        "/waxseal.v1.SecretService",
        "/waxseal.v1.RuntimeService/ResolveAll",
        "/waxseal.v1.RuntimeService/CreateSecret",
        "/waxseal.v1.ProjectService/../SecretService/CreateSecret",
        "/waxseal.v1.SecretsService/CreateSecret",
        "/waxseal.v2.SecretService/CreateSecret",
        "/SecretService/CreateSecret",
        "//waxseal.v1.SecretService/CreateSecret",
        "/grpc.health.v1.Health/Checks",
        "/",
    ] {
        for metadata in [bearer(&token), bearer("x"), MetadataMap::new()] {
            let status = raw.send(path, metadata, vec![]).await.unwrap_err();
            let refusal = read(&status);
            let is = (refusal.code, refusal.reason.as_str());
            assert_eq!(is, (Code::Unimplemented, "METHOD_UNKNOWN"), "{path}");
            assert_eq!(id(status.metadata()).get_version_num(), 7, "{path}");
        }
    }
}

/// The id of a call: one, a UUID.
#[track_caller]
fn id(metadata: &MetadataMap) -> Uuid {
    let ids: Vec<_> = metadata.get_all("x-request-id").iter().collect();
    assert_eq!(ids.len(), 1, "{metadata:?}");
    let id = ids[0].to_str().unwrap();
    assert_eq!(id.len(), 36);
    id.parse().unwrap()
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours_and_never_the_callers() {
    const CANARY: &str = "CANARY-7f3a9c";
    let server = Server::with_demo().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let mut seen = BTreeSet::new();
    let good = v1::GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec();
    let absent = v1::GetProjectRequest { name: "projects/gone".to_owned() }.encode_to_vec();
    let theirs: [&[&[u8]]; 11] = [
        &[],
        &[b""],
        &[b"CANARY-7f3a9c"],
        &[&[b'C'; 10_000]],
        &["CANARY-7f3a9c\u{e9}".as_bytes()],
        &[b"CANARY-7f3a9c\xff"],
        &[b"{\"level\":\"error\",\"canary\":\"CANARY-7f3a9c\"}"],
        &[b"CANARY-7f3a9c", b"CANARY-7f3a9c"],
        &[b"../../CANARY-7f3a9c"],
        &[b"0198c5e2-7f3a-7c00-8000-000000000000"],
        &[b"0198c5e2-7f3a-7c00-8000-0000000000001"],
    ];
    for values in theirs {
        for (path, token, message) in [
            (path("GetProject"), token.as_str(), good.clone()),
            (path("GetProject"), token.as_str(), absent.clone()),
            (path("GetProject"), token.as_str(), vec![0xff; 8]),
            (path("GetProject"), "x", good.clone()),
            ("/waxseal.v1.SecretService/Rename", token.as_str(), vec![]),
            ("/grpc.health.v1.Health/Check", "x", vec![]),
        ] {
            let mut metadata = bearer(token);
            for value in values {
                metadata.append("x-request-id", MetadataValue::try_from(*value).unwrap());
            }
            let answer = raw.send(path, metadata, message).await;
            let metadata = match &answer {
                Ok(answer) => answer.metadata(),
                Err(status) => status.metadata(),
            };
            assert!(seen.insert(id(metadata)), "an id is given twice");
            let all = format!("{metadata:?} {:?}", answer.as_ref().err());
            assert!(!all.contains(CANARY) && !all.contains("0198c5e2-7f3a"), "{all}");
            if let Err(status) = answer {
                let details = String::from_utf8_lossy(status.details()).into_owned();
                assert!(!details.contains(CANARY));
            }
        }
    }
}

#[tokio::test]
async fn a_message_that_is_none_is_said_to_be_none_by_every_method() {
    let server = Setup::new().start().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    for (_, method) in crate::support::raw::methods() {
        for bytes in [
            // A tag of nothing; a length beyond the end; a wrong type; a varint without an end; a
            // group without one.
            &b"\x00"[..],
            b"\x0a\x7fCANARY",
            b"\x0d\x01\x02\x03\x04\x15",
            &[0xff; 11],
            &[0x0b; 200],
        ] {
            let status = raw.call(method.name(), &token, bytes.to_vec()).await.unwrap_err();
            let refusal = read(&status);
            let is = (refusal.code, refusal.reason.as_str());
            assert_eq!(is, (Code::Internal, "MALFORMED_MESSAGE"), "{} {bytes:?}", method.name());
            assert!(!status.message().contains("CANARY"));
        }
        let status = raw.call(method.name(), &token, vec![0; 2 << 20 | 1]).await.unwrap_err();
        read(&status).is(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    }
}

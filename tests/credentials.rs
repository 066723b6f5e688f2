//! Credentials: one well-formed header with a token that the server gave, not expired, in its own
//! words; everything else is refused alike.

mod rows;

use crate::support::raw::{Raw, bearer, path};
use crate::support::refusal::read;
use crate::support::{Client, Server};
use prost::Message;
use std::time::Duration;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// CRC-32/IEEE in base 62, as the last part of a token has it.
fn checksum(body: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in body.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut rest = !crc;
    let mut text = Vec::new();
    for _ in 0..6 {
        text.push(DIGITS[(rest % 62) as usize]);
        rest /= 62;
    }
    text.reverse();
    String::from_utf8(text).unwrap()
}

/// A token with these parts and a checksum that is right.
pub fn assembled(tag: &str, id: &str, secret: &str) -> String {
    let body = format!("wxs_{tag}_{id}_{secret}");
    format!("{body}_{}", checksum(&body))
}

fn parts(token: &str) -> [&str; 5] {
    token.split('_').collect::<Vec<_>>().try_into().unwrap()
}

/// Headers of any bytes that HTTP lets through.
fn headers(values: &[Vec<u8>]) -> MetadataMap {
    let mut metadata = MetadataMap::new();
    for value in values {
        metadata.append("authorization", MetadataValue::try_from(&value[..]).unwrap());
    }
    metadata
}

async fn list(raw: &Raw, metadata: MetadataMap) -> Result<(), Status> {
    let message = v1::ListProjectsRequest::default().encode_to_vec();
    raw.send(path("ListProjects"), metadata, message).await.map(drop)
}

#[tokio::test]
async fn a_call_without_credentials_is_told_how_to_send_them() {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    let status = list(&raw, MetadataMap::new()).await.unwrap_err();
    read(&status).is(Code::Unauthenticated, "CREDENTIALS_MISSING");
    // Not where credentials belong.
    let token = server.token(Role::Admin, false, "deployment").await;
    for key in ["token", "x-api-key", "proxy-authorization", "cookie", "authorisation"] {
        let mut metadata = MetadataMap::new();
        metadata.insert(key, format!("Bearer {token}").parse().unwrap());
        let status = list(&raw, metadata).await.unwrap_err();
        read(&status).is(Code::Unauthenticated, "CREDENTIALS_MISSING");
    }
}

#[tokio::test]
async fn everything_but_one_right_header_is_refused_alike() {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let another = server.token(Role::Builder, false, "deployment").await;
    let [_, tag, id, secret, sum] = parts(&token);
    let [_, _, other_id, other_secret, other_sum] = parts(&another);
    assert_eq!(assembled(tag, id, secret), token, "the checksum is what it is said to be");
    let right = format!("Bearer {token}");
    list(&raw, bearer(&token)).await.unwrap();

    let unknown = assembled(tag, "000000000000", secret);
    let wrong = assembled(tag, id, &"0".repeat(43));
    let cut = token[..token.len() - 1].to_owned();
    let one = |header: &str| vec![header.as_bytes().to_vec()];
    let with = |token: &str| one(&format!("Bearer {token}"));
    let mut cases = vec![
        ("an empty header", one("")),
        ("the scheme alone", one("Bearer")),
        ("the scheme and a space", one("Bearer ")),
        ("the token alone", one(&token)),
        ("the scheme in lower case", one(&format!("bearer {token}"))),
        ("the scheme in upper case", one(&format!("BEARER {token}"))),
        ("another scheme", one(&format!("Basic {token}"))),
        ("a parameter", one(&format!("Bearer token={token}"))),
        ("quotes", one(&format!("Bearer \"{token}\""))),
        ("two spaces", one(&format!("Bearer  {token}"))),
        ("a tab for the space", one(&format!("Bearer\t{token}"))),
        ("a tab at the end", one(&format!("{right}\t"))),
        ("a space at the end", one(&format!("{right} "))),
        ("a space at the start", one(&format!(" {right}"))),
        ("two in one, by comma", one(&format!("{right}, {right}"))),
        ("the same header twice", vec![right.clone().into(), right.clone().into()]),
        ("a wrong one beside it", vec![right.clone().into(), b"Bearer x".to_vec()]),
        ("an empty one beside it", vec![Vec::new(), right.clone().into()]),
        ("10 kB", with(&"x".repeat(10_000))),
        ("10 kB of the token", with(&token.repeat(125))),
        ("bytes that are not ASCII", vec![[right.as_bytes(), b"\xff"].concat()]),
        ("an unknown prefix", with(&token.replace("wxs_", "ghp_"))),
        ("the prefix in upper case", with(&token.replace("wxs_", "WXS_"))),
        ("no prefix", with(token.trim_start_matches("wxs_"))),
        ("no checksum", with(&format!("wxs_{tag}_{id}_{secret}"))),
        ("an empty checksum", with(&format!("wxs_{tag}_{id}_{secret}_"))),
        ("a wrong checksum", with(&format!("wxs_{tag}_{id}_{secret}_000000"))),
        ("another's checksum", with(&format!("wxs_{tag}_{id}_{secret}_{other_sum}"))),
        ("the last character cut off", with(&cut)),
        ("one character more", with(&format!("{token}0"))),
        ("one part more", with(&format!("{token}_{sum}"))),
        ("an unknown id", with(&unknown)),
        ("a wrong secret", with(&wrong)),
        ("another's secret", with(&assembled(tag, id, other_secret))),
        ("another's id", with(&assembled(tag, other_id, secret))),
        ("an unknown role", with(&assembled("xxx", id, secret))),
        ("the role's name", with(&assembled("admin", id, secret))),
        ("an empty id", with(&assembled(tag, "", secret))),
        ("an empty secret", with(&assembled(tag, id, ""))),
        ("a longer id", with(&assembled(tag, &format!("{id}0"), secret))),
        ("a quote in the id", with(&assembled(tag, "' OR '1'='1 ", secret))),
    ];
    for role in ["bld", "run", "vwr", "aud", "key"] {
        cases.push(("an exchanged role", with(&assembled(role, id, secret))));
    }
    let mut answers = Vec::new();
    for (case, values) in cases {
        let status = list(&raw, headers(&values)).await;
        let Err(status) = status else { panic!("{case} was let in") };
        let refusal = read(&status);
        let expected = (Code::Unauthenticated, "CREDENTIALS_INVALID");
        assert_eq!((refusal.code, refusal.reason.as_str()), expected, "{case}");
        assert!(!status.message().contains(id) && !status.message().contains(secret), "{case}");
        answers.push((status.message().to_owned(), status.details().to_vec()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "they cannot be told apart");
    list(&raw, bearer(&token)).await.unwrap();
}

#[tokio::test]
async fn every_character_of_a_token_counts() {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    for at in 0..token.len() {
        let other = if &token[at..=at] == "a" { "b" } else { "a" };
        let altered = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        let mut forms = vec![altered.clone()];
        if let [_, tag, id, secret, _] = altered.split('_').collect::<Vec<_>>()[..] {
            forms.push(assembled(tag, id, secret));
        }
        for form in forms.iter().filter(|form| **form != token) {
            let status = list(&raw, bearer(form)).await.unwrap_err();
            read(&status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
        }
    }
}

#[tokio::test]
async fn a_token_ends_with_its_last_second() {
    let server = Server::with_demo().await;
    let life = Duration::from_secs(600);
    for role in [Role::Admin, Role::Runtime] {
        let token = server.token_for(role, false, "deployment", life).await;
        let raw = Raw::connect(&server.address).await;
        let client = Client::connect(&server.address, &token).await;
        let try_it = async || match role {
            Role::Runtime => client.resolve("demo", "main", Stage::Live).await.map(drop),
            _ => list(&raw, bearer(&token)).await,
        };
        server.pass(Duration::from_secs(590));
        try_it().await.unwrap();
        server.pass(Duration::from_secs(11));
        read(&try_it().await.unwrap_err()).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
        // It is told before anything about the request is.
        let status = raw.call("GetProject", &token, vec![]).await.unwrap_err();
        read(&status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
    }
}

#[tokio::test]
async fn a_caller_who_is_known_and_may_not_is_denied() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_project("other").await.unwrap();
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let denied = |status: Status| read(&status).is(Code::PermissionDenied, "PERMISSION_DENIED");

    for scope in ["projects/other", "projects/other/environments/main/stages/live"] {
        let theirs = server.client(Role::Runtime, false, scope).await;
        denied(theirs.resolve("demo", "main", Stage::Live).await.unwrap_err());
    }
    for scope in [
        "projects/demo/environments/staging/stages/live",
        "projects/demo/environments/main/stages/draft",
    ] {
        let elsewhere = server.client(Role::Runtime, false, scope).await;
        denied(elsewhere.resolve("demo", "main", Stage::Live).await.unwrap_err());
    }
    let runtime = server.runtime().await;
    denied(runtime.get_secret("demo", "KEY").await.unwrap_err());
    denied(runtime.create_secret("demo", "NEW", Visibility::Masked, None).await.unwrap_err());
    for role in [Role::Admin, Role::Builder, Role::Viewer, Role::Auditor, Role::Keyholder] {
        let client = server.client(role, role == Role::Builder, "deployment").await;
        denied(client.resolve("demo", "main", Stage::Live).await.unwrap_err());
    }
}

#[tokio::test]
async fn credentials_come_before_the_request_is_looked_at() {
    let server = Server::start().await;
    for (_, method) in crate::support::raw::methods() {
        // A connection that goes on sending what was refused already is cut off after a thousand
        // such frames; each has a few dozen of them here.
        let raw = Raw::connect(&server.address).await;
        for message in [vec![], vec![0xff; 64], vec![0; 4 << 20]] {
            let path = path(method.name());
            let status = raw.send(path, MetadataMap::new(), message.clone()).await.unwrap_err();
            read(&status).is(Code::Unauthenticated, "CREDENTIALS_MISSING");
            let status = raw.send(path, bearer("x"), message).await.unwrap_err();
            read(&status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
        }
    }
}

#[tokio::test]
async fn health_and_reflection_need_no_credentials_here() {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    for metadata in [MetadataMap::new(), bearer("x")] {
        let answer = raw.send("/grpc.health.v1.Health/Check", metadata.clone(), vec![]).await;
        assert_eq!(answer.unwrap().into_inner(), [8, 1], "serving");
        for version in ["v1", "v1alpha"] {
            // A request to list the services: the field 7, empty.
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            let answer = raw.send(&path, metadata.clone(), vec![0x3a, 0]).await.unwrap();
            let answer = answer.into_inner();
            let listed = String::from_utf8_lossy(&answer);
            assert!(listed.contains("waxseal.v1.SecretService"), "{version}: {listed}");
        }
    }
}

//! The message and its frame.

use super::wire::{Call, framed};
use super::{CANARY, World};
use crate::support::raw::path;
use prost::Message as _;
use tonic::Code;
use waxseal_proto::v1;

/// The largest request, in bytes.
const LIMIT: usize = 2 << 20;

/// A key of protobuf.
fn key(field: u32, kind: u32) -> Vec<u8> {
    let mut key = Vec::new();
    prost::encoding::encode_varint(u64::from(field << 3 | kind), &mut key);
    key
}

/// A field of text.
fn text(field: u32, text: &[u8]) -> Vec<u8> {
    let mut coded = key(field, 2);
    prost::encoding::encode_varint(text.len() as u64, &mut coded);
    coded.extend_from_slice(text);
    coded
}

/// A message of so many bytes, by a field that nobody knows.
fn padded(message: &[u8], size: usize) -> Vec<u8> {
    let rest = size - message.len() - key(999, 2).len();
    // The length of the text takes three bytes up to 2 MiB, and then four.
    let length = if rest <= LIMIT { 3 } else { 4 };
    let whole = [message, &text(999, &vec![b'x'; rest - length])].concat();
    assert_eq!(whole.len(), size);
    whole
}

/// Groups in groups, so many, of a field that no message has.
fn nested(depth: usize) -> Vec<u8> {
    [key(999, 3).repeat(depth), key(999, 4).repeat(depth)].concat()
}

#[tokio::test]
async fn frames_that_are_none() {
    let world = World::start().await;
    let malformed = async |what: &str, pieces: &[&[u8]]| {
        world.refuses(what, Code::Internal, "MALFORMED_MESSAGE", |call, _| call.body(pieces)).await;
    };
    malformed("no body at all", &[]).await;
    malformed("an empty body", &[b""]).await;
    malformed("three bytes of a header", &[&[0, 0, 0]]).await;
    malformed("less than the length says", &[&[0, 0, 0, 0, 99], CANARY.as_bytes()]).await;
    let large = world.refuses(
        "a length of 4 GiB",
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
        |call, _| call.body(&[&[0, 255, 255, 255, 255], CANARY.as_bytes()]),
    );
    large.await;
    for flag in [1, 7, 255] {
        let what = format!("flag {flag}");
        let flagged = |call: Call, message: &[u8]| {
            let mut frame = framed(message);
            frame[0] = flag;
            call.body(&[&frame])
        };
        world.refuses(&what, Code::Internal, "MALFORMED_MESSAGE", flagged).await;
    }
    for size in [LIMIT + 1, 5 << 20] {
        let what = format!("a message of {size} bytes");
        let large = |call: Call, message: &[u8]| call.body(&[&framed(&padded(message, size))]);
        world.refuses(&what, Code::ResourceExhausted, "MESSAGE_TOO_LARGE", large).await;
    }
    let largest = |call: Call, message: &[u8]| call.body(&[&framed(&padded(message, LIMIT))]);
    world.passes("a message of 2 MiB", largest).await;
    world.ends();
}

#[tokio::test]
async fn messages_that_are_none() {
    let world = World::start().await;
    let canary = CANARY.as_bytes();
    let eleven = [&key(999, 0)[..], &[0xff; 10], &[1]].concat();
    for (what, bytes) in [
        ("a text that is not UTF-8", text(1, &[canary, &[0xff, 0xfe]].concat())),
        ("a number where a text has to be", [key(1, 0), vec![7]].concat()),
        ("the field 0", text(0, canary)),
        ("the kind 6", key(999, 6)),
        ("the kind 7", key(999, 7)),
        ("a number of 11 bytes", eleven),
        ("a text longer than the message", [&key(1, 2)[..], &[0x7f], canary].concat()),
        ("a group that nobody ends", key(999, 3)),
        ("the end of a group that nobody began", key(999, 4)),
        ("another end of a group", [key(999, 3), key(998, 4)].concat()),
        ("a million groups that nobody ends", key(999, 3).repeat(LIMIT / 2 - 64)),
        ("groups in groups, 102 deep", nested(102)),
        ("groups in groups, 100,000 deep", nested(100_000)),
    ] {
        let spoiled =
            |call: Call, message: &[u8]| call.body(&[&framed(&[message, &bytes].concat())]);
        world.refuses(what, Code::Internal, "MALFORMED_MESSAGE", spoiled).await;
    }
    for (what, bytes) in [
        ("a field that nobody knows", text(999, canary)),
        ("groups in groups, 99 deep", nested(99)),
        ("a field twice, of which the last holds", Vec::new()),
    ] {
        let right = |call: Call, message: &[u8]| call.body(&[&framed(&[message, &bytes].concat())]);
        world.passes(what, right).await;
    }
    world
        .passes("a message a byte at a time", |call, message| {
            let bytes = framed(message);
            let pieces: Vec<_> = bytes.chunks(1).collect();
            call.body(&pieces)
        })
        .await;
    world.ends();
}

#[tokio::test]
async fn what_a_message_holds_is_looked_at_after_the_caller() {
    let world = World::start().await;
    for (what, name) in [
        ("a NUL", "projects/demo\0"),
        ("a path", "projects/../demo"),
        ("another kind", "secrets/demo"),
    ] {
        let get = v1::GetProjectRequest { name: name.to_owned() }.encode_to_vec();
        let resolve = v1::ResolveEnvironmentRequest {
            name: name.to_owned(),
            stage: 99,
            ..Default::default()
        };
        let resolve = resolve.encode_to_vec();
        for (method, message, token) in
            [("GetProject", &get, &world.admin), ("ResolveEnvironment", &resolve, &world.runtime)]
        {
            let answer =
                world.wire.call(Call::new(path(method), message).bearer(token)).await.unwrap();
            let refusal = crate::support::refusal::read(&answer.status.unwrap());
            assert_eq!(
                (refusal.code, &*refusal.reason),
                (Code::InvalidArgument, "INVALID_NAME"),
                "{what}"
            );
        }
        for (method, message) in [("GetProject", &get), ("ResolveEnvironment", &resolve)] {
            let answer = world.wire.call(Call::new(path(method), message)).await.unwrap();
            assert_eq!(answer.status.unwrap().code(), Code::Unauthenticated, "{what}");
        }
    }
    world.ends();
}

#[tokio::test]
async fn a_second_message_is_never_carried_out() {
    let world = World::start().await;
    let create = |id: &str| {
        let request = v1::CreateProjectRequest { project_id: id.to_owned(), ..Default::default() };
        framed(&request.encode_to_vec())
    };
    for (first, second, pieces) in [
        ("a1", "a2", vec![[create("a1"), create("a2")].concat()]),
        ("b1", "b2", vec![create("b1"), create("b2")]),
    ] {
        let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        let call = Call::new(path("CreateProject"), &[]).bearer(&world.admin).body(&pieces);
        let answer = world.wire.call(call).await.unwrap();
        assert_eq!(answer.status.unwrap().code(), Code::Ok);
        assert!(world.has(first).await && !world.has(second).await, "{first}, {second}");
    }
    world
        .passes("two messages", |call, message| call.body(&[&framed(message), &framed(message)]))
        .await;
    // One that is none spoils the call before anything is done.
    let spoiled = [create("c1"), framed(&key(999, 3))].concat();
    let call = Call::new(path("CreateProject"), &[]).bearer(&world.admin).body(&[&spoiled]);
    let answer = world.wire.call(call).await.unwrap();
    assert_eq!(answer.status.unwrap().code(), Code::Internal);
    assert!(!world.has("c1").await);
    world.ends();
}

//! Metadata: how much of it, and what stands in it.

use super::wire::{Call, framed};
use super::{CANARY, World};
use crate::support::raw::path;
use prost::Message as _;
use tonic::Code;
use waxseal_proto::v1;

#[tokio::test]
async fn metadata_has_16_kib() {
    let world = World::start().await;
    let filled = |size: usize| vec![b'x'; size];
    world.passes("15 KiB", |call, _| call.with("x-filler", &filled(15 << 10))).await;
    for (what, size) in [("16 KiB", 16 << 10), ("40 KiB", 40 << 10)] {
        for target in world.targets() {
            let call = Call::new(target.path, &target.message).bearer(target.allowed);
            let call = call.with("x-filler", &filled(size));
            // The answer, or the end of the stream; the call is not made, and others are.
            if let Ok(answer) = world.wire.call(call).await {
                assert_eq!((answer.http, answer.status.is_none()), (431, true), "{what}");
            }
        }
        world.passes("nothing more", |call, _| call).await;
    }
    world.ends();
}

#[tokio::test]
async fn timeouts_that_are_none() {
    let world = World::start().await;
    let create = |id: &str| {
        let create = v1::CreateProjectRequest { project_id: id.to_owned(), ..Default::default() };
        Call::new(path("CreateProject"), &create.encode_to_vec()).bearer(&world.admin)
    };
    for timeout in [
        "abc",
        "-1S",
        "100",
        "999999999S",
        "5x",
        "1 S",
        "",
        "1.5S",
        "+1S",
        "S",
        "1s",
        "1S,1S",
        CANARY,
    ] {
        let spoiled = |call: Call, _: &[u8]| call.with("grpc-timeout", timeout.as_bytes());
        world.refuses(timeout, Code::InvalidArgument, "INVALID_FIELD", spoiled).await;
        let answer = world.wire.call(create("late").with("grpc-timeout", timeout.as_bytes())).await;
        assert_eq!(answer.unwrap().status.unwrap().code(), Code::InvalidArgument);
    }
    let twice = |call: Call, _: &[u8]| call.and("grpc-timeout", b"1S").and("grpc-timeout", b"1S");
    world.refuses("two", Code::InvalidArgument, "INVALID_FIELD", twice).await;
    for nothing in ["0m", "0H", "0n", "00000000S"] {
        let none = |call: Call, _: &[u8]| call.with("grpc-timeout", nothing.as_bytes());
        world.refuses(nothing, Code::DeadlineExceeded, "DEADLINE_EXCEEDED", none).await;
        let answer = world.wire.call(create("late").with("grpc-timeout", nothing.as_bytes())).await;
        assert_eq!(answer.unwrap().status.unwrap().code(), Code::DeadlineExceeded);
    }
    assert!(!world.has("late").await);
    for enough in ["99999999H", "30S", "60M", "30000m"] {
        world.passes(enough, |call, _| call.with("grpc-timeout", enough.as_bytes())).await;
    }
    world.ends();
}

#[tokio::test]
async fn metadata_that_nobody_reads_is_passed_over() {
    let world = World::start().await;
    for (name, value) in [
        ("x-thing-bin", &b"!!not base64!!"[..]),
        ("grpc-tags-bin", b"\xff\xfe"),
        ("grpc-trace-bin", b""),
        ("grpc-status", b"13"),
        ("grpc-message", CANARY.as_bytes()),
        ("x-forwarded-for", CANARY.as_bytes()),
        ("traceparent", CANARY.as_bytes()),
        ("cookie", CANARY.as_bytes()),
    ] {
        world.passes(name, |call, _| call.with(name, value)).await;
    }
    world.ends();
}

#[tokio::test]
async fn a_token_anywhere_but_in_its_header_is_none() {
    let world = World::start().await;
    let get = v1::GetProjectRequest { name: "projects/demo".to_owned() };
    let call = Call::new(path("GetProject"), &get.encode_to_vec());
    let bearer = format!("Bearer {}", world.admin);
    let elsewhere = [
        call.clone().with("proxy-authorization", bearer.as_bytes()),
        call.clone().with("cookie", bearer.as_bytes()),
        call.clone().with("authorization-bin", bearer.as_bytes()),
        call.clone().body(&[&framed(bearer.as_bytes())]),
    ];
    for call in elsewhere {
        let answer = world.wire.call(call).await.unwrap();
        assert_eq!(answer.status.unwrap().code(), Code::Unauthenticated);
    }
    world.ends();
}

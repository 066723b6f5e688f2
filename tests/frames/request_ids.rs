//! `x-request-id`: every call gets one of ours, whatever came in.

use super::bytes::Done;
use super::wire::{Call, framed};
use super::{CANARY, World, bytes};
use crate::support::raw::path;
use prost::Message as _;
use waxseal_proto::v1;

#[tokio::test]
async fn what_a_caller_sends_is_replaced_and_never_told() {
    let world = World::start().await;
    let long = format!("{CANARY}{}", "x".repeat(10_000));
    let good = "01890a5d-ac96-774b-bcce-b302099a8057";
    for sent in ["", &long, "caf\u{e9}", "../../etc/passwd", &format!("{good}0"), good, CANARY] {
        let with = |call: Call, _: &[u8]| call.with("x-request-id", sent.as_bytes());
        world.passes(sent, with).await;
        let none = Call::new("/none", &[]).with("x-request-id", sent.as_bytes());
        for call in [Call::new(path("GetProject"), &[]).with("x-request-id", sent.as_bytes()), none]
        {
            let answer = world.wire.call(call).await.unwrap();
            super::is_ours(&answer);
            assert_ne!(answer.headers["x-request-id"], good);
            assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
        }
    }
    let twice = |call: Call, _: &[u8]| {
        call.and("x-request-id", CANARY.as_bytes()).and("x-request-id", good.as_bytes())
    };
    world.passes("two", twice).await;
    world.ends();
}

#[tokio::test]
async fn control_characters_do_not_come_in() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.admin);
    for (number, sent) in
        ["a\r\nx-injected: 1", "a\n{\"level\":\"ERROR\"}", "\u{1b}[31mred", "a\0b"]
            .iter()
            .enumerate()
    {
        let id = format!("p{number}");
        let create = v1::CreateProjectRequest { project_id: id.clone(), ..Default::default() };
        let sent = format!("{sent}{CANARY}");
        let headers: Vec<(&str, &[u8])> = vec![
            (":method", b"POST"),
            (":scheme", b"http"),
            (":authority", b"waxseal"),
            (":path", path("CreateProject").as_bytes()),
            ("content-type", b"application/grpc"),
            ("te", b"trailers"),
            ("authorization", bearer.as_bytes()),
            ("x-request-id", sent.as_bytes()),
        ];
        let done = bytes::call(&world.serving.url(), &headers, &framed(&create.encode_to_vec()));
        assert!(matches!(done, Done::Reset(_) | Done::Closed), "{sent:?}: {done:?}");
        assert!(!world.has(&id).await, "{sent:?}");
    }
    world.ends();
}

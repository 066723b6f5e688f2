//! The path, and what calls that are no gRPC look like.

use super::bytes::{Done, PROTOCOL_ERROR};
use super::wire::{Call, framed};
use super::{World, bytes};
use crate::support::raw::path;
use crate::support::refusal::read;
use prost::Message as _;
use std::io::{Read as _, Write as _};
use std::time::Duration;
use tonic::Code;
use waxseal_proto::v1;

#[tokio::test]
async fn only_the_exact_path_of_a_method_is_one() {
    let world = World::start().await;
    let alter = async |what: &str, altered: &dyn Fn(&str) -> String| {
        world
            .refuses(what, Code::Unimplemented, "METHOD_UNKNOWN", |call, _| Call {
                path: altered(&call.path),
                ..call
            })
            .await;
    };
    alter("another method", &|path| format!("{path}s")).await;
    alter("another service", &|path| path.replace("Service/", "Services/")).await;
    alter("no such package", &|path| path.replace("v1", "v2")).await;
    alter("another case", &|path| path.to_lowercase()).await;
    alter("a slash twice at the front", &|path| format!("/{path}")).await;
    alter("a slash twice", &|path| path.replacen("Service/", "Service//", 1)).await;
    alter("a slash at the end", &|path| format!("{path}/")).await;
    alter("dots", &|path| path.replacen("Service/", "Service/../x/", 1)).await;
    alter("one dot", &|path| path.replacen("Service/", "Service/./", 1)).await;
    alter("an escaped letter", &|path| path.replace("Service", "S%65rvice")).await;
    alter("an escaped slash", &|path| path.replace("Service/", "Service%2f")).await;
    alter("a query", &|path| format!("{path}?x=1")).await;
    alter("an empty query", &|path| format!("{path}?")).await;
    alter("a query before the method", &|path| path.replacen("Service/", "Service?/", 1)).await;
    alter("nothing", &|_| "/".to_owned()).await;
    world.ends();
}

/// The headers of a call that is right but for what a test makes of it.
fn headers<'a>(world: &'a str, path: &'a str) -> Vec<(&'static str, &'a [u8])> {
    vec![
        (":method", b"POST"),
        (":scheme", b"http"),
        (":authority", b"waxseal"),
        (":path", path.as_bytes()),
        ("content-type", b"application/grpc"),
        ("te", b"trailers"),
        ("authorization", world.as_bytes()),
    ]
}

#[tokio::test]
async fn a_path_without_a_slash_is_no_path() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.admin);
    let make = |id: &str| {
        let create = v1::CreateProjectRequest { project_id: id.to_owned(), ..Default::default() };
        framed(&create.encode_to_vec())
    };
    let method = path("CreateProject");
    let url = world.serving.url();
    for (number, wrong) in [
        method.trim_start_matches('/').to_owned(),
        format!("http://waxseal{method}"),
        format!("//waxseal{method}"),
        "*".to_owned(),
        String::new(),
        format!("{method} "),
        format!("{method}\u{e9}"),
    ]
    .iter()
    .enumerate()
    {
        let id = format!("p{number}");
        let done = bytes::call(&url, &headers(&bearer, wrong), &make(&id));
        assert!(!world.has(&id).await, "{wrong:?} was carried out");
        if number < 2 {
            assert_eq!(done, Done::Reset(PROTOCOL_ERROR), "{wrong:?}");
        }
    }
    // What stands after # is cut off below everything of ours. So what is allowed and what is done
    // are judged by what is left, which is a method as any other.
    let fragment = format!("{method}#f");
    let denied = format!("Bearer {}", world.runtime);
    assert_eq!(bytes::call(&url, &headers(&denied, &fragment), &make("denied")), Done::Answered);
    assert!(!world.has("denied").await);
    assert_eq!(bytes::call(&url, &headers(&bearer, &fragment), &make("allowed")), Done::Answered);
    assert!(world.has("allowed").await);
    world.ends();
}

#[tokio::test]
async fn what_is_no_grpc_is_told_so() {
    let world = World::start().await;
    for content_type in [
        Some("application/json"),
        Some("text/html"),
        Some("application/grpc-web"),
        Some("application/grpc+json"),
        Some("application/grpcx"),
        Some("APPLICATION/GRPC"),
        Some(""),
        None,
    ] {
        let spoil = |call: Call| match content_type {
            Some(text) => call.with("content-type", text.as_bytes()),
            None => call.without("content-type"),
        };
        let what = format!("{content_type:?}");
        let code = Code::Unimplemented;
        world.refuses(&what, code, "METHOD_UNKNOWN", |call, _| spoil(call)).await;
        let call = spoil(Call::new(path("GetProject"), &[]).bearer(&world.admin));
        assert_eq!(world.wire.call(call).await.unwrap().http, 415, "{what}");
    }
    for content_type in ["application/grpc+proto", "application/grpc;charset=utf-8"] {
        let right = |call: Call, _: &[u8]| call.with("content-type", content_type.as_bytes());
        world.passes(content_type, right).await;
    }
    for encoding in ["gzip", "deflate", "zstd", "snappy", "x", ""] {
        let spoiled = |call: Call, _: &[u8]| call.with("grpc-encoding", encoding.as_bytes());
        world.refuses(encoding, Code::Unimplemented, "METHOD_UNKNOWN", spoiled).await;
    }
    let identity = |call: Call, _: &[u8]| call.with("grpc-encoding", b"identity");
    world.passes("identity", identity).await;
    let accepts = |call: Call, _: &[u8]| call.with("grpc-accept-encoding", b"gzip,deflate");
    world.passes("what the caller could read", accepts).await;
    world.ends();
}

#[tokio::test]
async fn a_method_of_http_other_than_post_is_refused() {
    let world = World::start().await;
    let bearer = format!("Bearer {}", world.admin);
    let create = v1::CreateProjectRequest { project_id: "got".to_owned(), ..Default::default() };
    for method in ["GET", "PUT", "OPTIONS", "post"] {
        let mut headers = headers(&bearer, path("CreateProject"));
        headers[0] = (":method", method.as_bytes());
        bytes::call(&world.serving.url(), &headers, &framed(&create.encode_to_vec()));
        assert!(!world.has("got").await, "{method}");
    }
    world.ends();
}

#[tokio::test]
async fn the_older_http_is_closed() {
    let world = World::start().await;
    let mut stream = std::net::TcpStream::connect(&world.serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!("POST {} HTTP/1.1\r\nHost: waxseal\r\n", path("GetProject"));
    let head = format!("{head}Authorization: Bearer {}\r\n\r\n", world.admin);
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = Vec::new();
    // Its end, or that it was cut.
    let _ = stream.read_to_end(&mut said);
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1"));
    let unknown = world.wire.call(Call::new("/x", &[])).await.unwrap();
    read(&unknown.status.unwrap()).is(Code::Unimplemented, "METHOD_UNKNOWN");
    world.ends();
}

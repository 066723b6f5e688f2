//! A panic ends its call, its change or its stream, and nothing else.

use crate::support::{Server, default_slot, refused};
use crate::watch::{next, watch};
use tonic::Code;
use waxseal_proto::v1::{self, Stage, Visibility};

/// A server that has to ask the key provider for whatever it opens, and the revision of what it has.
async fn cold() -> (Server, String) {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let view = server.runtime().await.resolve("demo", "main", Stage::Live).await.unwrap();
    (server.stop().await.start().await, view.revision)
}

/// `INTERNAL`, and nothing of what the panic said.
#[track_caller]
fn is_internal<T>(answer: Result<T, tonic::Status>) {
    let Err(status) = answer else { panic!("it met no panic") };
    let said = format!("{status:?}{}", String::from_utf8_lossy(status.details()));
    assert!(!said.contains("CANARY"), "{said}");
    refused::<()>(Err(status)).is(Code::Internal, "INTERNAL");
}

#[tokio::test]
async fn a_call_and_a_change() {
    let (server, _) = cold().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let reveal = async || {
        let reveal = v1::RevealSecretValueRequest {
            name: "projects/demo/secrets/KEY".to_owned(),
            slot: default_slot(),
            version: 0,
        };
        builder.secrets.clone().reveal_secret_value(reveal).await
    };
    server.panic_keys_after(Some(0));
    for _ in 0..3 {
        is_internal(builder.set("demo", "KEY", default_slot(), "during").await);
        is_internal(reveal().await);
        is_internal(runtime.resolve("demo", "main", Stage::Live).await);
        is_internal(watch(&runtime, Stage::Live, "").await);
    }
    server.panic_keys_after(None);
    // On the same connections, and under the same locks.
    assert!(reveal().await.is_ok());
    builder.set("demo", "KEY", default_slot(), "after").await.unwrap();
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(view.secrets.len(), 1);
}

#[tokio::test]
async fn a_stream() {
    let (server, revision) = cold().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let mut views = watch(&runtime, Stage::Live, &revision).await.unwrap();
    assert!(next(&mut views).await.unwrap().not_modified, "nothing was opened yet");
    // A change asks for the key of the project and for one of its value, the view for that of the
    // other value.
    server.panic_keys_after(Some(2));
    builder.create_secret("demo", "NEW", Visibility::Masked, Some("value")).await.unwrap();
    is_internal(next(&mut views).await);
    server.panic_keys_after(None);
    let mut views = watch(&runtime, Stage::Live, "").await.unwrap();
    assert_eq!(next(&mut views).await.unwrap().secrets.len(), 2);
}

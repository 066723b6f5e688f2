//! Several overrides of one environment and stage: all of them, or none.

use crate::support::client::values;
use crate::support::{Client, Server, default_slot, override_slot, refused};
use tonic::Code;
use waxseal_proto::v1::{Origin, Stage, Visibility};

type Overrides<'a> = &'a [(&'a str, &'a str)];

async fn demo() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for name in ["A", "B", "C", "GONE"] {
        builder.create_secret("demo", name, Visibility::Masked, Some("default")).await.unwrap();
    }
    builder.delete_secret("demo", "GONE").await.unwrap();
    (server, builder, runtime)
}

#[tokio::test]
async fn a_batch_sets_all_of_its_overrides() {
    let (_server, builder, runtime) = demo().await;
    builder.set("demo", "B", override_slot("staging", Stage::Live), "first").await.unwrap();
    let set = [("C", "c set"), ("B", "b set")];
    let answer = builder.batch_set("demo", "staging", Stage::Live, &set).await.unwrap();
    let told: Vec<_> =
        answer.overrides.iter().map(|o| (o.secret.as_str(), o.stage(), o.version)).collect();
    assert_eq!(told, [("C", Stage::Live, 1), ("B", Stage::Live, 2)], "in the order of the request");
    let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    let expected = [
        ("A", "default", Origin::Default, 1),
        ("B", "b set", Origin::Override, 2),
        ("C", "c set", Origin::Override, 1),
    ];
    assert_eq!(values(&view.secrets), expected);

    // The etags are those that a single write compares.
    let listed = builder.overrides("demo", "staging", Stage::Live).await.unwrap();
    let etags = |overrides: &[waxseal_proto::v1::Override]| {
        let mut etags: Vec<_> = overrides.iter().map(|o| o.etag.clone()).collect();
        etags.sort();
        etags
    };
    assert_eq!(etags(&listed), etags(&answer.overrides));
}

#[tokio::test]
async fn a_batch_that_cannot_be_applied_whole_changes_nothing() {
    let (_server, builder, runtime) = demo().await;
    builder.set("demo", "A", override_slot("main", Stage::Draft), "before").await.unwrap();
    let before = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();

    let long = "v".repeat(65_537);
    let (most, hundred) = ("v".repeat(65_536), "h".repeat(100));
    let names: Vec<String> = (0..101).map(|number| format!("N{number:03}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), hundred.as_str())).collect();
    let large: Vec<_> = names[..17].iter().map(|name| (name.as_str(), most.as_str())).collect();
    for name in &names {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let unset = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
    assert_eq!(unset.secrets, before.secrets);

    let invalid = Code::InvalidArgument;
    let cases: [(Overrides<'_>, Code, &str); 9] = [
        (&[("A", "after"), ("NEVER", "x"), ("B", "after")], Code::NotFound, "SECRET_NOT_FOUND"),
        (&[("A", "after"), ("GONE", "x")], Code::FailedPrecondition, "SECRET_DELETED"),
        (&[("A", "after"), ("B", "")], invalid, "INVALID_VALUE"),
        (&[("A", "after"), ("B", "a\0b")], invalid, "INVALID_VALUE"),
        (&[("A", "after"), ("B", &long)], invalid, "INVALID_VALUE"),
        (&[("A", "after"), ("A", "again")], invalid, "INVALID_FIELD"),
        (&[], invalid, "INVALID_FIELD"),
        (&many, Code::ResourceExhausted, "BATCH_TOO_LARGE"),
        (&large, Code::ResourceExhausted, "BATCH_TOO_LARGE"),
    ];
    for (overrides, code, reason) in cases {
        let answer = builder.batch_set("demo", "main", Stage::Draft, overrides).await;
        refused(answer).is(code, reason);
        let after = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
        assert_eq!(after, unset, "{reason}: not even the revision moved");
    }
    let listed = builder.overrides("demo", "main", Stage::Draft).await.unwrap();
    assert_eq!(listed.len(), 1);

    // One less of each is not too much.
    builder.batch_set("demo", "main", Stage::Draft, &many[..100]).await.unwrap();
    builder.batch_set("demo", "main", Stage::Draft, &large[..16]).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_makes_the_view_too_large_changes_nothing() {
    let (_server, builder, runtime) = demo().await;
    let value = "v".repeat(65_536);
    let names: Vec<String> = (0..56).map(|number| format!("N{number:03}")).collect();
    for name in &names {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    let all: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
    for part in all[..48].chunks(16) {
        builder.batch_set("demo", "main", Stage::Live, part).await.unwrap();
    }
    let answer = builder.batch_set("demo", "main", Stage::Live, &all[48..]).await;
    refused(answer).is(Code::ResourceExhausted, "VIEW_TOO_LARGE");
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    let overridden = view.secrets.iter().filter(|entry| entry.origin() == Origin::Override);
    assert_eq!(overridden.count(), 48);
    // The other stage has all its room.
    builder.batch_set("demo", "main", Stage::Draft, &all[48..]).await.unwrap();
    builder.set("demo", "A", default_slot(), "still").await.unwrap();
}

//! Revision tokens that are none, or are somebody else's.

use super::{ask, asked, at_least, bounded, demo, demo_on};
use crate::support::{Client, Server, default_slot, refused};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Code;
use waxseal_proto::v1::consistency::{AtLeast, Bounded, Mode};
use waxseal_proto::v1::{Consistency, Stage, Visibility};

/// The token is refused in both places where it can stand.
async fn is_no_revision(runtime: &Client, token: &str) {
    let answer = ask(runtime, asked(at_least(token), "")).await;
    refused(answer).is_about("INVALID_REVISION", "consistency.at_least.revision");
    if !token.is_empty() {
        let answer = ask(runtime, asked(None, token)).await;
        refused(answer).is_about("INVALID_REVISION", "if_revision_not");
    }
}

/// The token is one, but of nothing that is here.
async fn is_of_another_place(runtime: &Client, token: &str) {
    let answer = ask(runtime, asked(at_least(token), "")).await;
    refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    let view = ask(runtime, asked(None, token)).await.unwrap();
    assert!(!view.not_modified, "it stands for no view that the caller could hold");
}

#[tokio::test]
async fn a_token_with_any_bit_flipped_is_none() {
    let (_server, _builder, runtime) = demo().await;
    let token = ask(&runtime, asked(None, "")).await.unwrap().revision;
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        is_no_revision(&runtime, &URL_SAFE_NO_PAD.encode(flipped)).await;
    }
}

#[tokio::test]
async fn a_token_in_any_other_form_is_none() {
    let (_server, _builder, runtime) = demo().await;
    let token = ask(&runtime, asked(None, "")).await.unwrap().revision;
    let mut longer = URL_SAFE_NO_PAD.decode(&token).unwrap();
    longer.push(0);
    let forms = [
        String::new(),
        "42".to_owned(),
        "0".to_owned(),
        token[..token.len() - 1].to_owned(),
        token[..token.len() - 4].to_owned(),
        format!("{token}A"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}{token}"),
        token.to_lowercase(),
        URL_SAFE_NO_PAD.encode(longer),
        URL_SAFE_NO_PAD.encode([0; 56]),
        "A".repeat(10_000),
        "\u{e9}".repeat(40),
    ];
    for form in forms {
        is_no_revision(&runtime, &form).await;
    }
}

#[tokio::test]
async fn a_token_of_another_project_is_a_mismatch() {
    let (server, _builder, runtime) = demo().await;
    server.admin().await.create_project("other").await.unwrap();
    let other = runtime.resolve("other", "main", Stage::Live).await.unwrap().revision;
    is_of_another_place(&runtime, &other).await;
}

#[tokio::test]
async fn a_token_of_another_server_is_none() {
    let (_server, _builder, runtime) = demo().await;
    let (_elsewhere, _, theirs) = demo().await;
    let token = ask(&theirs, asked(None, "")).await.unwrap().revision;
    is_no_revision(&runtime, &token).await;
}

#[tokio::test]
async fn a_token_of_another_incarnation_is_a_mismatch() {
    let (server, _builder, runtime) = demo_on(Server::demo_on_sqlite().await).await;
    let token = ask(&runtime, asked(None, "")).await.unwrap().revision;
    // What whoever restores a backup has to do.
    let server = server
        .tamper(|database| {
            let sql = "UPDATE store SET incarnation = randomblob(16)";
            assert_eq!(database.execute(sql, ()).unwrap(), 1);
        })
        .await;
    let runtime = server.runtime().await;
    is_of_another_place(&runtime, &token).await;
    let token = ask(&runtime, asked(None, "")).await.unwrap().revision;
    ask(&runtime, asked(at_least(&token), "")).await.unwrap();
}

#[tokio::test]
async fn a_token_from_a_future_that_a_restored_store_does_not_have_is_a_mismatch() {
    let (server, _builder, _runtime) = demo_on(Server::demo_on_sqlite().await).await;
    let setup = server.stop().await;
    let (database, backup) =
        (setup.data_dir().join("waxseal.db"), setup.data_dir().join("waxseal.backup"));
    setup.database().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();

    let server = setup.start().await;
    let builder = server.builder().await;
    let written = builder.set("demo", "KEY", default_slot(), "later").await.unwrap();
    let runtime = server.runtime().await;
    ask(&runtime, asked(at_least(&written.revision), "")).await.unwrap();
    let setup = server.stop().await;
    // With the file that is kept outside of the database, the server would not start.
    for beside in ["waxseal.db-wal", "waxseal.db-shm", "checkpoints.jsonl"] {
        let _ = std::fs::remove_file(setup.data_dir().join(beside));
    }
    std::fs::rename(backup, database).unwrap();

    let server: Server = setup.start().await;
    let runtime = server.runtime().await;
    is_of_another_place(&runtime, &written.revision).await;
}

#[tokio::test]
async fn staleness_is_more_than_nothing_and_at_most_a_second() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "OTHER", Visibility::Masked, None).await.unwrap();
    let none = Some(Mode::Bounded(Bounded { max_staleness: None }));
    for mode in [
        none,
        bounded(0, 0),
        bounded(1, 1),
        bounded(2, 0),
        bounded(-1, 0),
        bounded(0, -1),
        bounded(1, -1),
        bounded(-1, 1_000_000_000),
        bounded(0, 1_000_000_000),
        bounded(0, i32::MAX),
        bounded(i64::MAX, 999_999_999),
        bounded(i64::MIN, i32::MIN),
    ] {
        let answer = ask(&runtime, asked(mode.clone(), "")).await;
        let refusal = refused(answer);
        assert_eq!(
            (refusal.code, refusal.reason.as_str()),
            (Code::InvalidArgument, "INVALID_FIELD"),
            "{mode:?}"
        );
        assert_eq!(refusal.fields, ["consistency.bounded.max_staleness"]);
    }
    // A consistency without a mode is the same as none.
    let mut request = asked(None, "");
    request.consistency = Some(Consistency { mode: None });
    ask(&runtime, request).await.unwrap();
    let empty = Some(Mode::AtLeast(AtLeast::default()));
    let answer = ask(&runtime, asked(empty, "")).await;
    refused(answer).is_about("INVALID_REVISION", "consistency.at_least.revision");
}

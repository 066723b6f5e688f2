//! Rows of tokens that somebody with the database but without the keys has made or changed.

use super::{assembled, list, parts};
use crate::support::raw::{Raw, bearer};
use crate::support::refusal::read;
use crate::support::{Server, refused};
use rusqlite::Connection;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::Stage;

/// A server with a few tokens: of a viewer, of a runtime, of an admin.
async fn prepared() -> (Server, [String; 3]) {
    let server = Server::demo_on_sqlite().await;
    let tokens = [
        server.token(Role::Viewer, false, "projects/demo").await,
        server.token(Role::Runtime, false, "projects/demo/environments/staging/stages/draft").await,
        server.token(Role::Admin, false, "deployment").await,
    ];
    (server, tokens)
}

fn change(database: &Connection, statement: &str) {
    assert!(database.execute(statement, []).unwrap() > 0, "{statement} changed nothing");
}

/// From the row of the admin's token.
const OF_ADMIN: &str =
    "(SELECT content FROM api_token WHERE content LIKE '%\"Admin\"%' ORDER BY id LIMIT 1)";

#[tokio::test]
async fn a_row_that_was_changed_opens_nothing() {
    for (what, set) in [
        ("role", r#"content = replace(content, '"Viewer"', '"Admin"')"#),
        ("reveal", r#"content = replace(content, '"reveal":false', '"reveal":true')"#),
        ("scope", r#"content = json_set(content, '$.scope', 'Deployment')"#),
        ("expiry", r#"content = json_set(content, '$.expires', 9000000000000000)"#),
        ("a revocation", r#"content = json_set(content, '$.revoked', 1)"#),
        ("principal", &format!("principal = {OF_ADMIN}").replace("content FROM", "principal FROM")),
        ("a space", "content = content || ' '"),
        ("nothing", "content = '{}'"),
        ("MAC", "mac = zeroblob(32)"),
        ("another's MAC", &format!("mac = {OF_ADMIN}").replace("content FROM", "mac FROM")),
        ("another's content", &format!("content = {OF_ADMIN}")),
        (
            "all of another's but the hash",
            &format!("(content, mac) = {OF_ADMIN}").replace("content FROM", "content, mac FROM"),
        ),
    ] {
        let (server, [viewer, ..]) = prepared().await;
        let [_, tag, id, secret, _] = parts(&viewer);
        let server = server
            .tamper(|database| {
                change(database, &format!("UPDATE api_token SET {set} WHERE id = '{id}'"));
            })
            .await;
        let raw = Raw::connect(&server.address).await;
        // With the tag it was given, and with that of what it wants to be.
        for token in [assembled(tag, id, secret), assembled("adm", id, secret)] {
            let status = list(&raw, bearer(&token)).await;
            let Err(status) = status else { panic!("{what}: it opens") };
            read(&status).is(Code::DataLoss, "DATA_LOSS");
            assert!(!status.message().contains(id), "{what}: {}", status.message());
        }
    }
}

#[tokio::test]
async fn a_row_under_another_id_opens_nothing() {
    let (server, [.., admin]) = prepared().await;
    let [_, tag, id, secret, _] = parts(&admin).map(str::to_owned);
    let copied = "COPIEDROW000";
    let server = server
        .tamper(|database| {
            change(
                database,
                &format!(
                    "INSERT INTO api_token SELECT '{copied}', principal, hash, content, used, mac \
                     FROM api_token WHERE id = '{id}'"
                ),
            );
        })
        .await;
    let raw = Raw::connect(&server.address).await;
    let copy = assembled(&tag, copied, &secret);
    read(&list(&raw, bearer(&copy)).await.unwrap_err()).is(Code::DataLoss, "DATA_LOSS");
    list(&raw, bearer(&admin)).await.unwrap();
}

#[tokio::test]
async fn a_row_made_by_hand_opens_nothing() {
    let (server, [.., admin]) = prepared().await;
    let [_, _, id, ..] = parts(&admin).map(str::to_owned);
    // Its author knows the secret, and so its hash, and takes the rest from an admin's row.
    let (made, secret) = ("HANDMADE0000", "S".repeat(43));
    let hash = waxseal_envelope::sha256(secret.as_bytes());
    let server = server
        .tamper(|database| {
            let statement = format!(
                "INSERT INTO api_token SELECT '{made}', principal, ?1, content, used, mac \
                 FROM api_token WHERE id = '{id}'"
            );
            assert_eq!(database.execute(&statement, [&hash[..]]).unwrap(), 1);
        })
        .await;
    let raw = Raw::connect(&server.address).await;
    let token = assembled("adm", made, &secret);
    read(&list(&raw, bearer(&token)).await.unwrap_err()).is(Code::DataLoss, "DATA_LOSS");
    let wrong = assembled("adm", made, &"T".repeat(43));
    let status = list(&raw, bearer(&wrong)).await.unwrap_err();
    read(&status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn a_row_that_was_removed_is_an_unknown_token() {
    let (server, [viewer, ..]) = prepared().await;
    let [_, _, id, ..] = parts(&viewer).map(str::to_owned);
    let server = server
        .tamper(|database| change(database, &format!("DELETE FROM api_token WHERE id = '{id}'")))
        .await;
    let raw = Raw::connect(&server.address).await;
    let status = list(&raw, bearer(&viewer)).await.unwrap_err();
    read(&status).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test]
async fn a_runtime_does_not_widen_its_scope_through_the_database() {
    let (server, [_, runtime, _]) = prepared().await;
    let [_, _, id, ..] = parts(&runtime).map(str::to_owned);
    let server = server
        .tamper(|database| {
            change(
                database,
                &format!(
                    "UPDATE api_token SET content = \
                     json_set(content, '$.scope.Environment.stage', 'Live') WHERE id = '{id}'"
                ),
            );
        })
        .await;
    let client = crate::support::Client::connect(&server.address, &runtime).await;
    for stage in [Stage::Draft, Stage::Live] {
        let answer = client.resolve("demo", "staging", stage).await;
        refused(answer).is(Code::DataLoss, "DATA_LOSS");
    }
}

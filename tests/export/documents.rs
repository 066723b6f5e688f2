//! The battery of documents: what is taken and what is not, by the server and by the published
//! schema, which agree but for what no schema can say.

use super::schema::valid;
use crate::support::refusal::read;
use crate::support::{Server, Setup, refused};
use tonic::Code;
use waxseal_proto::v1::{Fallback, Visibility};

/// A document with these environments and secrets.
fn document(environments: &str, secrets: &str) -> String {
    format!(
        r#"{{"format": "waxseal.project", "version": 1, "environments": [{environments}], "secrets": [{secrets}]}}"#
    )
}

fn secrets(count: usize) -> String {
    let secrets: Vec<_> = (0..count).map(|number| format!(r#"{{"name": "S{number}"}}"#)).collect();
    secrets.join(",")
}

fn environments(count: usize) -> String {
    let of = |number: usize| format!(r#"{{"id": "e{number}"}}"#);
    (0..count).map(of).collect::<Vec<_>>().join(",")
}

const MAIN: &str = r#"{"id": "main"}"#;
const A: &str = r#"{"name": "A"}"#;

/// What is taken.
fn good() -> Vec<String> {
    vec![
        document("", ""),
        document(MAIN, A),
        document("", r#"{"name": "A"}, {"name": "B", "visibility": "MASKED"}"#),
        document(r#"{"id": "a-b", "display_name": "\u00e9 \"", "protected": true}"#, ""),
        document(r#"{"protected": false, "fallback": "DENY", "id": "main"}"#, ""),
        format!("\n\t {} \r\n", document(MAIN, A)),
        document("", &format!(r#"{{"name": "{}"}}"#, "n".repeat(64))),
        document(&format!(r#"{{"id": "{}"}}"#, "i".repeat(63)), ""),
        document(&format!(r#"{{"id": "a", "display_name": "{}"}}"#, "d".repeat(128)), ""),
        r#"{"secrets":[],"environments":[],"version":1,"format":"waxseal.project"}"#.to_owned(),
        document("", r#"{"\u006eame": "\u0041"}"#),
    ]
}

/// What is refused, by the schema as by the server.
fn bad() -> Vec<String> {
    let good = document(MAIN, A);
    let mut bad = vec![
        "".to_owned(),
        " ".to_owned(),
        "CANARY".to_owned(),
        "null".to_owned(),
        "1".to_owned(),
        "\"CANARY\"".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("\u{feff}{good}"),
        format!("{good}{good}"),
        format!("{good} CANARY"),
        format!("{good},"),
        good.replace("]}", ",]}"),
        good.replace("]}", "], }"),
        good.replace(": 1", ": 1 /* CANARY */"),
        good.replace("\"version\"", "// CANARY\n\"version\""),
        good.replace('"', "'"),
        good.replace(": 1", ": 01"),
        good[..good.len() - 1].to_owned(),
        format!("{good}\0"),
        // A value, wherever one could be put.
        document(MAIN, r#"{"name": "A", "value": "CANARY"}"#),
        document(MAIN, r#"{"name": "A", "payload": {"text": "CANARY"}}"#),
        document(MAIN, r#"{"name": "A", "versions": ["CANARY"]}"#),
        document(r#"{"id": "main", "overrides": {"A": "CANARY"}}"#, A),
        good.replace(": 1", r#": 1, "values": {"A": "CANARY"}"#),
        // Other fields, on every level.
        good.replace(": 1", r#": 1, "CANARY": null"#),
        good.replace(": 1", r#": 1, "__proto__": {"CANARY": 1}"#),
        good.replace(": 1", r#": 1, "display_name": "CANARY""#),
        good.replace(": 1", r#": 1, "$schema": "CANARY""#),
        document(r#"{"id": "main", "CANARY": 1}"#, A),
        document(r#"{"id": "main", "__proto__": {"protected": false}}"#, A),
        document(r#"{"id": "main", "constructor": "CANARY"}"#, A),
        document(r#"{"id": "main", "stage": "CANARY"}"#, A),
        document(MAIN, r#"{"name": "A", "__proto__": {"visibility": "MASKED"}}"#),
        document(MAIN, r#"{"name": "A", "description": "CANARY"}"#),
        document(MAIN, r#"{"name": "A", "aliases": ["CANARY"]}"#),
        document(MAIN, r#"{"name": "A", "uid": "CANARY"}"#),
        document(MAIN, r#"{"name": "A", "Visibility": "MASKED"}"#),
        // Fields that are missing.
        good.replace(r#""format": "waxseal.project", "#, ""),
        good.replace(r#""version": 1, "#, ""),
        good.replace(r#""environments": [{"id": "main"}], "#, ""),
        good.replace(r#", "secrets": [{"name": "A"}]"#, ""),
        document(r#"{"display_name": "CANARY"}"#, A),
        document(MAIN, r#"{"visibility": "MASKED"}"#),
        document("{}", A),
        document(MAIN, "{}"),
        // Other formats and versions.
        good.replace("waxseal.project", "waxseal.CANARY"),
        good.replace("waxseal.project", "Waxseal.Project"),
        good.replace("waxseal.project", "waxseal.project "),
        good.replace("waxseal.project", ""),
        good.replace("\"waxseal.project\"", "null"),
    ];
    for version in ["0", "2", "-1", "1.5", "\"1\"", "true", "null", "[1]", "4294967297", "NaN"] {
        bad.push(good.replace(": 1", &format!(": {version}")));
    }
    // Forms that are others.
    for (form, replaced) in [
        ("\"environments\": null", "\"environments\": [{\"id\": \"main\"}]"),
        ("\"environments\": {}", "\"environments\": [{\"id\": \"main\"}]"),
        ("\"secrets\": \"CANARY\"", "\"secrets\": [{\"name\": \"A\"}]"),
        ("\"secrets\": {\"A\": \"CANARY\"}", "\"secrets\": [{\"name\": \"A\"}]"),
    ] {
        assert!(good.contains(replaced));
        bad.push(good.replace(replaced, form));
    }
    for secret in [
        "null",
        "\"CANARY\"",
        "1",
        "[]",
        r#"["CANARY"]"#,
        r#"["A", "MASKED"]"#,
        r#"[{"name": "A"}]"#,
        r#"{"name": null}"#,
        r#"{"name": 1}"#,
        r#"{"name": ["A"]}"#,
        r#"{"name": ""}"#,
        r#"{"name": "1CANARY"}"#,
        r#"{"name": "CANARY CANARY"}"#,
        r#"{"name": " A"}"#,
        r#"{"name": "A\u0000"}"#,
        r#"{"name": "é"}"#,
        r#"{"name": "A", "visibility": "CANARY"}"#,
        r#"{"name": "A", "visibility": "masked"}"#,
        r#"{"name": "A", "visibility": "VISIBILITY_MASKED"}"#,
        r#"{"name": "A", "visibility": ""}"#,
        r#"{"name": "A", "visibility": null}"#,
        r#"{"name": "A", "visibility": 1}"#,
        r#"{"name": "A", "visibility": ["MASKED"]}"#,
        r#"{"name": "A", "visibility": {"MASKED": null}}"#,
    ] {
        bad.push(document(MAIN, secret));
    }
    for environment in [
        "null",
        "\"main\"",
        r#"["main"]"#,
        r#"["main", "", "ALLOW", false]"#,
        r#"{"id": null}"#,
        r#"{"id": ""}"#,
        r#"{"id": "CANARY"}"#,
        r#"{"id": "a-"}"#,
        r#"{"id": "a/b"}"#,
        r#"{"id": "..", "display_name": "CANARY"}"#,
        r#"{"id": "a", "display_name": null}"#,
        r#"{"id": "a", "display_name": 1}"#,
        r#"{"id": "a", "display_name": "CANARY\nX"}"#,
        r#"{"id": "a", "display_name": "\u0085"}"#,
        r#"{"id": "a", "fallback": "FALLBACK_DENY"}"#,
        r#"{"id": "a", "fallback": {"DENY": null}}"#,
        r#"{"id": "a", "fallback": null}"#,
        r#"{"id": "a", "protected": "true"}"#,
        r#"{"id": "a", "protected": 1}"#,
        r#"{"id": "a", "protected": null}"#,
    ] {
        bad.push(document(environment, A));
    }
    bad.push(r#"["waxseal.project", 1, [], []]"#.to_owned());
    bad.push(document("", &format!(r#"{{"name": "{}"}}"#, "n".repeat(65))));
    bad.push(document(&format!(r#"{{"id": "{}"}}"#, "i".repeat(64)), ""));
    bad.push(document(&format!(r#"{{"id": "a", "display_name": "{}"}}"#, "d".repeat(129)), ""));
    bad
}

/// What only a reader can refuse: what a schema sees is a document that was read already.
fn beyond_a_schema() -> Vec<String> {
    let good = document(MAIN, A);
    vec![
        // A key twice, on every level.
        good.replace(": 1", ": 1, \"version\": 1"),
        good.replace(": 1", ": 1, \"secrets\": []"),
        document(MAIN, r#"{"name": "CANARY", "name": "A"}"#),
        document(MAIN, r#"{"name": "A", "visibility": "RESTRICTED", "visibility": "MASKED"}"#),
        document(MAIN, r#"{"name": "A", "n\u0061me": "B"}"#),
        document(r#"{"id": "main", "protected": true, "protected": false}"#, A),
        // A name twice, or in two cases.
        document(MAIN, r#"{"name": "A"}, {"name": "A", "visibility": "MASKED"}"#),
        document(MAIN, r#"{"name": "Stripe_Key"}, {"name": "STRIPE_kEY"}"#),
        document(r#"{"id": "a"}, {"id": "a", "protected": true}"#, A),
        // Numbers that are the same to some.
        good.replace(": 1", ": 1.0"),
        good.replace(": 1", ": 1e0"),
        // Half a character.
        document(r#"{"id": "a", "display_name": "\ud800"}"#, A),
        // Bytes are counted, not characters.
        document(&format!(r#"{{"id": "a", "display_name": "{}"}}"#, "\u{e9}".repeat(65)), ""),
    ]
}

/// What no reader should try to read to its end.
fn deep() -> Vec<String> {
    let mut deep: Vec<_> = ["[", "{\"a\":", "[{\"secrets\":["]
        .iter()
        .flat_map(|open| [200, 100_000 / open.len()].map(|levels| open.repeat(levels)))
        .collect();
    let name = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    deep.push(document(MAIN, &format!(r#"{{"name": {name}}}"#)));
    deep.push(document(&name, A));
    deep
}

#[tokio::test]
async fn what_fits_the_schema_is_taken_and_what_does_not_is_refused_and_not_repeated() {
    let server = Server::on_sqlite().await;
    let admin = server.admin().await;
    let (good, bad, beyond) = (good(), bad(), beyond_a_schema());
    assert_eq!(valid(&good), vec![true; good.len()]);
    assert_eq!(valid(&beyond), vec![true; beyond.len()]);
    for (document, valid) in bad.iter().zip(valid(&bad)) {
        assert!(!valid, "{document}");
    }
    for (number, document) in good.iter().enumerate() {
        let made = admin.import(&format!("good-{number}"), document).await;
        made.unwrap_or_else(|status| panic!("{document}: {status:?}"));
    }
    let rows = rows(&server);
    for document in bad.iter().chain(&beyond).chain(&deep()) {
        let answer = admin.import("bad", document).await;
        let start = document.get(..200).unwrap_or(document);
        let Err(status) = answer else { panic!("{start} was taken") };
        let refusal = read(&status);
        let is = (refusal.code, refusal.reason.as_str(), refusal.fields);
        let expected = (Code::InvalidArgument, "INVALID_DOCUMENT", vec!["document".to_owned()]);
        assert_eq!(is, expected, "{start}");
        let said = format!("{status:?}{}", String::from_utf8_lossy(status.details()));
        assert!(!said.to_lowercase().contains("canary"), "{start}: {said}");
    }
    assert_eq!(self::rows(&server), rows, "nothing was made");
    refused(admin.get_project("bad").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
}

/// How many rows there are of everything that an import could make.
fn rows(server: &Server) -> Vec<i64> {
    let database = server.setup.database();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    ["project", "environment", "secret", "alias", "slot", "value", "audit", "request"]
        .map(count)
        .into()
}

#[tokio::test]
async fn a_document_has_a_mebibyte_at_most() {
    let server = Server::on_sqlite().await;
    let admin = server.admin().await;
    let padded = |length: usize| {
        let document = document(MAIN, A);
        format!("{document}{}", " ".repeat(length - document.len()))
    };
    admin.import("most", &padded(1 << 20)).await.unwrap();
    let before = rows(&server);
    for length in [(1 << 20) + 1, 2_000_000] {
        let answer = admin.import("more", &padded(length)).await;
        refused(answer).is(Code::ResourceExhausted, "DOCUMENT_TOO_LARGE");
    }
    let answer = admin.import("more", &padded(10 << 20)).await;
    refused(answer).is(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert_eq!(rows(&server), before);
}

#[tokio::test]
async fn a_project_takes_what_it_may_hold_and_all_or_nothing() {
    let server = Server::on_sqlite().await;
    let admin = server.admin().await;
    let before = rows(&server);
    let cases = [
        (document(MAIN, &secrets(1_001)), "SECRET_LIMIT"),
        (document(&environments(11), A), "ENVIRONMENT_LIMIT"),
        // With `main`, which is made in any case.
        (document(&environments(10), A), "ENVIRONMENT_LIMIT"),
    ];
    for (document, reason) in cases {
        let answer = admin.import("more", &document).await;
        refused(answer).is(Code::ResourceExhausted, reason);
        assert_eq!(rows(&server), before, "{reason}");
    }
    let environments = format!("{MAIN},{}", environments(9));
    let made = admin.import("most", &document(&environments, &secrets(1_000))).await.unwrap();
    assert_eq!(made.secrets_needing_value.len(), 1_000);
    refused(admin.create_environment("most", "more").await)
        .is(Code::ResourceExhausted, "ENVIRONMENT_LIMIT");
    let more = admin.create_secret("most", "MORE", Visibility::Masked, None).await;
    refused(more).is(Code::ResourceExhausted, "SECRET_LIMIT");
    let copied = admin.duplicate("most", "copy").await.unwrap();
    assert_eq!(copied.secrets_needing_value, made.secrets_needing_value);
}

#[tokio::test]
async fn the_servers_own_limits_hold_for_a_document() {
    let mut setup = Setup::new();
    (setup.config.max_environments, setup.config.max_secrets) = (2, 3);
    let server = setup.start().await;
    let admin = server.admin().await;
    admin.import("most", &document(&environments(1), &secrets(3))).await.unwrap();
    let more = admin.import("more", &document("", &secrets(4))).await;
    refused(more).is(Code::ResourceExhausted, "SECRET_LIMIT");
    let more = admin.import("more", &document(&environments(2), "")).await;
    refused(more).is(Code::ResourceExhausted, "ENVIRONMENT_LIMIT");
}

#[tokio::test]
async fn what_is_not_said_is_restricted_and_main_is_there_in_any_case() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let secrets = r#"{"name": "A"}, {"name": "B", "visibility": "MASKED"}"#;
    let made = admin.import("new", &document(r#"{"id": "other"}"#, secrets)).await.unwrap();
    assert_eq!(made.secrets_needing_value, ["A", "B"]);
    for (name, visibility) in [("A", Visibility::Restricted), ("B", Visibility::Masked)] {
        assert_eq!(admin.get_secret("new", name).await.unwrap().visibility(), visibility);
    }
    for id in ["main", "other"] {
        let environment = admin.get_environment("new", id).await.unwrap();
        let is = (environment.fallback(), environment.protected, &*environment.display_name);
        assert_eq!(is, (Fallback::Allow, false, ""), "{id}");
    }
    let strict = r#"{"id": "main", "fallback": "DENY", "protected": true}"#;
    admin.import("strict", &document(strict, "")).await.unwrap();
    let main = admin.get_environment("strict", "main").await.unwrap();
    assert_eq!((main.fallback(), main.protected), (Fallback::Deny, true));
}

//! Whether a candidate is the stored value is told by a fingerprint: nothing is opened, nothing
//! is shown but the answer, and that is limited and on record.

use crate::support::stored::audited;
use crate::support::verbs::data;
use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use std::collections::HashSet;
use std::time::Duration;
use tonic::Code;
use tonic_types::StatusExt as _;
use waxseal_domain::caller::Role;
use waxseal_kms::{Counts, Error};
use waxseal_proto::v1::{self, Stage, Visibility};

const VALUE: &str = "correct horse battery staple, grün";

const BOTH: [(&str, Visibility); 2] =
    [("OPEN", Visibility::Masked), ("TIGHT", Visibility::Restricted)];

fn live() -> Option<v1::Slot> {
    override_slot("main", Stage::Live)
}

/// A masked and a restricted secret with the same default and the same override.
async fn demo() -> (Server, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client) {
    let builder = server.builder().await;
    for (name, visibility) in BOTH {
        builder.create_secret("demo", name, visibility, Some(VALUE)).await.unwrap();
        builder.set("demo", name, live(), "the override").await.unwrap();
    }
    (server, builder)
}

async fn unset(builder: &Client, name: &str, slot: Option<v1::Slot>) {
    let answer = builder.verify("demo", name, slot, VALUE).await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_UNSET");
}

#[tokio::test]
async fn the_value_matches_and_nothing_else_does() {
    let (server, builder) = demo().await;
    let near = [
        "correct horse battery staple, grün ",
        " correct horse battery staple, grün",
        "correct horse battery staple, grün\n",
        "Correct horse battery staple, grün",
        "correct horse battery staple, gru\u{308}n",
        "correct horse battery staple",
        "c",
        "the override",
    ];
    for (name, _) in BOTH {
        for wrong in near {
            assert!(!builder.verify("demo", name, default_slot(), wrong).await.unwrap(), "{wrong}");
        }
        assert!(builder.verify("demo", name, default_slot(), VALUE).await.unwrap());
        server.pass(Duration::from_secs(60));
        assert!(builder.verify("demo", name, live(), "the override").await.unwrap());
        assert!(!builder.verify("demo", name, live(), VALUE).await.unwrap(), "only that slot");
        assert!(!builder.verify("demo", name, live(), &"l".repeat(65_536)).await.unwrap());
    }
}

#[tokio::test]
async fn text_and_the_bytes_of_it_are_the_same() {
    let (server, builder) = demo().await;
    let set = |payload| v1::SetSecretValueRequest {
        name: "projects/demo/secrets/TIGHT".to_owned(),
        slot: live(),
        payload,
        ..Default::default()
    };
    for (stored, candidate) in [
        (text(VALUE), data(VALUE.as_bytes())),
        (data(VALUE.as_bytes()), text(VALUE)),
        (data(&[0, 159, 146, 150]), data(&[0, 159, 146, 150])),
    ] {
        builder.secrets.clone().set_secret_value(set(stored)).await.unwrap();
        let matches = builder.verify_payload("demo", "TIGHT", live(), candidate).await;
        assert!(matches.unwrap());
        let other = builder.verify_payload("demo", "TIGHT", live(), data(&[0, 159, 146])).await;
        assert!(!other.unwrap());
    }
    drop(server);
}

#[tokio::test]
async fn the_current_version_is_meant_whatever_became_of_it() {
    let (server, builder) = demo().await;
    for (name, _) in BOTH {
        let is = async |value: &str| {
            server.pass(Duration::from_secs(60));
            for candidate in [VALUE, "second"] {
                let matches = builder.verify("demo", name, default_slot(), candidate).await;
                assert_eq!(matches.unwrap(), candidate == value, "{candidate}");
            }
        };
        builder.set("demo", name, default_slot(), "second").await.unwrap();
        is("second").await;
        builder.roll_back("demo", name, default_slot(), 1).await.unwrap();
        is(VALUE).await;
        builder.clear("demo", name, default_slot()).await.unwrap();
        unset(&builder, name, default_slot()).await;
        builder.roll_back("demo", name, default_slot(), 2).await.unwrap();
        is("second").await;
        builder.restrict("demo", name).await.unwrap();
        is("second").await;
        let other = format!("{name}_RENAMED");
        builder.rename("demo", name, &other).await.unwrap();
        builder.rename("demo", &other, name).await.unwrap();
        is("second").await;
    }
}

#[tokio::test]
async fn where_there_is_no_value_nothing_is_compared() {
    let (server, builder) = demo().await;
    builder.create_secret("demo", "PLACE", Visibility::Restricted, None).await.unwrap();
    unset(&builder, "PLACE", default_slot()).await;
    // An override without a value does not fall back to the default.
    unset(&builder, "OPEN", override_slot("main", Stage::Draft)).await;
    builder.clear("demo", "OPEN", live()).await.unwrap();
    unset(&builder, "OPEN", live()).await;
    let verify = async |name: &str, slot: Option<v1::Slot>| {
        refused(builder.verify("demo", name, slot, VALUE).await)
    };
    verify("NEVER", default_slot()).await.is(Code::NotFound, "SECRET_NOT_FOUND");
    let nowhere = override_slot("nowhere", Stage::Live);
    verify("OPEN", nowhere).await.is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
    verify("OPEN", None).await.is_about("INVALID_FIELD", "slot");
    builder.delete_secret("demo", "OPEN").await.unwrap();
    verify("OPEN", default_slot()).await.is(Code::FailedPrecondition, "SECRET_DELETED");

    let payload = |payload| async {
        refused(builder.verify_payload("demo", "TIGHT", default_slot(), payload).await)
    };
    assert_eq!(payload(None).await.code, Code::InvalidArgument);
    payload(text("")).await.is(Code::InvalidArgument, "INVALID_VALUE");
    payload(text(&"l".repeat(65_537))).await.is(Code::InvalidArgument, "INVALID_VALUE");
    let crc32c = Some(1);
    let damaged = v1::SecretPayload { crc32c, ..text(VALUE).unwrap() };
    payload(Some(damaged)).await.is(Code::InvalidArgument, "CHECKSUM_MISMATCH");
    // None of these has counted.
    for _ in 0..10 {
        assert!(builder.verify("demo", "TIGHT", default_slot(), VALUE).await.unwrap());
    }
    drop(server);
}

#[tokio::test]
async fn admins_and_builders_ask_and_nobody_else() {
    let (server, _builder) = demo().await;
    for role in Role::ALL {
        let client = server.client(role, false, "deployment").await;
        for name in ["OPEN", "TIGHT", "NEVER"] {
            let answer = client.verify("demo", name, default_slot(), VALUE).await;
            match role {
                Role::Admin | Role::Builder if name != "NEVER" => assert!(answer.unwrap()),
                Role::Admin | Role::Builder => {
                    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
                }
                _ => refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED"),
            }
        }
    }
}

#[tokio::test]
async fn ten_times_a_minute_and_then_it_says_when_again() {
    let (server, builder) = demo().await;
    let admin = server.admin().await;
    let limited = async |client: &Client, slot: Option<v1::Slot>, longest: u64| {
        let status = client.verify("demo", "TIGHT", slot, VALUE).await.unwrap_err();
        let refusal = crate::support::refusal::read(&status);
        refusal.is(Code::ResourceExhausted, "VERIFY_LIMIT");
        let details = status.get_error_details();
        let wait = details.retry_info().unwrap().retry_delay.unwrap();
        assert!(!wait.is_zero() && wait <= Duration::from_secs(longest), "{wait:?}");
        wait
    };
    // All slots and all callers count together, right and wrong candidates alike.
    for count in 0..5 {
        let matches = builder.verify("demo", "TIGHT", default_slot(), VALUE).await;
        assert!(matches.unwrap(), "{count}");
    }
    server.pass(Duration::from_secs(30));
    for count in 5..10 {
        let matches = admin.verify("demo", "TIGHT", live(), "wrong").await;
        assert!(!matches.unwrap(), "{count}");
    }
    for client in [&builder, &admin] {
        for slot in [default_slot(), live()] {
            limited(client, slot, 30).await;
        }
    }
    // Another secret has its own count.
    assert!(builder.verify("demo", "OPEN", default_slot(), VALUE).await.unwrap());

    // The wait is as long as it says: five more are free then, and no sixth.
    let wait = limited(&builder, default_slot(), 30).await;
    server.pass(wait + Duration::from_millis(1));
    server.pass(Duration::from_secs(15));
    for _ in 0..5 {
        assert!(builder.verify("demo", "TIGHT", default_slot(), VALUE).await.unwrap());
    }
    limited(&builder, default_slot(), 60).await;
    server.pass(Duration::from_secs(60));
    for _ in 0..10 {
        assert!(builder.verify("demo", "TIGHT", default_slot(), VALUE).await.unwrap());
    }
    limited(&builder, default_slot(), 60).await;
}

#[tokio::test]
async fn of_many_at_once_ten_are_answered() {
    let (_server, builder) = demo().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let builder = builder.clone();
        tasks.spawn(async move { builder.verify("demo", "TIGHT", default_slot(), VALUE).await });
    }
    let answers = tasks.join_all().await;
    let (right, limited): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(right.into_iter().all(|answer| answer.unwrap()));
    assert_eq!(limited.len(), 40);
    for answer in limited {
        refused(answer).is(Code::ResourceExhausted, "VERIFY_LIMIT");
    }
}

#[tokio::test]
async fn the_key_provider_opens_the_projects_keys_once_and_never_a_value() {
    let (server, builder) = demo().await;
    drop(builder);
    let server = server.stop().await.start().await;
    let builder = server.builder().await;
    let before = server.key_operations();
    assert!(builder.verify("demo", "TIGHT", default_slot(), VALUE).await.unwrap());
    // The key of the manifest and that of the fingerprints.
    let warm = Counts { unwrap: before.unwrap + 2, ..before };
    assert_eq!(server.key_operations(), warm);

    // As on a host that may not decrypt any value.
    server.refuse_keys(Some(Error::Revoked { key_id: "none".to_owned() }));
    for (name, _) in BOTH {
        assert!(builder.verify("demo", name, default_slot(), VALUE).await.unwrap());
        assert!(builder.verify("demo", name, live(), "the override").await.unwrap());
        assert!(!builder.verify("demo", name, live(), "another").await.unwrap());
    }
    assert_eq!(server.key_operations(), warm);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_on_record_before_it_is_given() {
    let (server, builder) = demo_on(Server::demo_on_sqlite().await).await;
    let database = server.setup.database();
    let last = || -> (String, Option<i64>, i64, String) {
        let sql = "SELECT action, stage, version, (SELECT name FROM secret WHERE uid = secret)
                   FROM audit ORDER BY seq DESC LIMIT 1";
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        database.query_row(sql, [], read).unwrap()
    };
    let verified = "VerifySecretValue".to_owned();
    let before = audited(&database);
    for (count, candidate) in [(1, "the override"), (2, "wrong")] {
        builder.verify("demo", "TIGHT", live(), candidate).await.unwrap();
        assert_eq!(audited(&database), before + count, "{candidate}");
        assert_eq!(last(), (verified.clone(), Some(2), 1, "TIGHT".to_owned()));
    }
    database
        .execute_batch(
            "CREATE TRIGGER no_record BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the disk of the audit trail is gone'); END",
        )
        .unwrap();
    for candidate in [VALUE, "wrong"] {
        assert!(builder.verify("demo", "OPEN", default_slot(), candidate).await.is_err());
    }
    database.execute_batch("DROP TRIGGER no_record").unwrap();
    assert_eq!(audited(&database), before + 2);
    for _ in 0..8 {
        builder.verify("demo", "TIGHT", default_slot(), VALUE).await.unwrap();
    }
    refused(builder.verify("demo", "TIGHT", default_slot(), VALUE).await);
    assert_eq!(audited(&database), before + 10);
}

/// Every blob that a value version has for itself.
fn blobs(server: &Server) -> Vec<Vec<u8>> {
    const COLUMNS: [&str; 6] =
        ["uid", "wrapped_key", "sealed", "sealed_digest", "fingerprint", "mac"];
    let database = server.setup.database();
    let mut statement = database.prepare("SELECT * FROM value").unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut blobs = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        blobs.extend(COLUMNS.map(|column| row.get::<_, Vec<u8>>(column).unwrap()));
    }
    blobs
}

#[tokio::test]
async fn equal_values_do_not_show_as_equal_in_the_database() {
    let server = Server::demo_on_sqlite().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    admin.create_project("other").await.unwrap();
    for project in ["demo", "other"] {
        for (name, visibility) in BOTH.into_iter().chain([("THIRD", Visibility::Masked)]) {
            builder.create_secret(project, name, visibility, Some(VALUE)).await.unwrap();
            for slot in [default_slot(), live(), live()] {
                builder.set(project, name, slot, VALUE).await.unwrap();
            }
        }
    }
    let written = 2 * 3 * 4;
    let blobs = blobs(&server);
    assert_eq!(blobs.len(), written * 6);
    let different: HashSet<_> = blobs.iter().collect();
    assert_eq!(different.len(), blobs.len());
    // Nor is any of them made of the value alone.
    let pieces: HashSet<&[u8]> = blobs.iter().map(|blob| &blob[blob.len() - 16..]).collect();
    assert_eq!(pieces.len(), blobs.len());
}

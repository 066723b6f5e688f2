//! What is stored is what was sent, byte for byte; and each slot counts its own versions.

use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use tonic::Code;
use waxseal_proto::v1::secret_payload::Payload;
use waxseal_proto::v1::{self, SecretPayload, Stage, Visibility, WarningCode};

fn data(value: &[u8]) -> SecretPayload {
    SecretPayload { payload: Some(Payload::Data(value.to_vec())), crc32c: None }
}

fn bytes(payload: &SecretPayload) -> &[u8] {
    match payload.payload.as_ref().unwrap() {
        Payload::Text(text) => text.as_bytes(),
        Payload::Data(data) => data,
    }
}

async fn set(
    builder: &Client,
    slot: Option<v1::Slot>,
    payload: SecretPayload,
) -> Result<v1::SetSecretValueResponse, tonic::Status> {
    let name = "projects/demo/secrets/KEY".to_owned();
    let payload = Some(payload);
    let request = v1::SetSecretValueRequest { name, slot, payload, ..Default::default() };
    builder.secrets.clone().set_secret_value(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn values_come_back_exactly_as_they_were_sent() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let texts = [
        "ends with a newline\n",
        "two\r\nlines\r\n",
        "  spaces on both sides  ",
        "\t\n",
        "é and e\u{301}, \u{feff}, \u{202e}, \u{1f511}",
        "{secret:KEY}",
        "\u{1b}[31mred",
        "x",
    ];
    let all: Vec<u8> = (0..=255).collect();
    let datas: [&[u8]; 5] = [&all, b"\0", b"a\0b", b"\xff\xfe", b"plain text as data\n"];
    let payloads = texts.iter().map(|value| text(value).unwrap());
    let payloads: Vec<_> = payloads.chain(datas.iter().map(|value| data(value))).collect();

    for (slot, environment, stage) in [
        (default_slot(), "main", Stage::Draft),
        (override_slot("staging", Stage::Live), "staging", Stage::Live),
    ] {
        for payload in &payloads {
            let crc32c = Some(i64::from(crc32c::crc32c(bytes(payload))));
            let expected = SecretPayload { crc32c, ..payload.clone() };
            // Once without a checksum, and once with.
            for sent in [payload, &expected] {
                let written = set(&builder, slot.clone(), sent.clone()).await.unwrap();
                let view = runtime.resolve("demo", environment, stage).await.unwrap();
                assert_eq!(view.secrets[0].payload.as_ref(), Some(&expected));
                assert_eq!(view.secrets[0].version, written.version);
                let revealed = builder.reveal("demo", "KEY", slot.clone()).await.unwrap();
                assert_eq!(revealed.payload.as_ref(), Some(&expected));
            }
        }
    }
}

#[tokio::test]
async fn a_value_that_does_not_fit_its_checksum_is_refused() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("before")).await.unwrap();
    let right = i64::from(crc32c::crc32c(b"after"));
    for wrong in [0, 1, -1, right + 1, right ^ 1, right + (1 << 32), -right, i64::MAX, i64::MIN] {
        let payload = SecretPayload { crc32c: Some(wrong), ..text("after").unwrap() };
        let answer = set(&builder, default_slot(), payload).await;
        refused(answer).is(Code::InvalidArgument, "CHECKSUM_MISMATCH");
    }
    let revealed = builder.reveal("demo", "KEY", default_slot()).await.unwrap();
    assert_eq!((bytes(revealed.payload.as_ref().unwrap()), revealed.version), (&b"before"[..], 1));
}

#[tokio::test]
async fn empty_is_refused_and_is_not_the_same_as_absent() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("stays")).await.unwrap();
    let empty = [
        text("").unwrap(),
        data(b""),
        SecretPayload::default(),
        SecretPayload { crc32c: Some(0), ..SecretPayload::default() },
        SecretPayload { crc32c: Some(0), ..text("").unwrap() },
    ];
    for (number, payload) in empty.into_iter().enumerate() {
        for slot in [default_slot(), override_slot("main", Stage::Live)] {
            let answer = set(&builder, slot, payload.clone()).await;
            refused(answer).is(Code::InvalidArgument, "INVALID_VALUE");
        }
        let secret = v1::Secret { visibility: Visibility::Masked.into(), ..Default::default() };
        let request = v1::CreateSecretRequest {
            parent: "projects/demo".to_owned(),
            secret_id: format!("NEW_{number}"),
            secret: Some(secret),
            payload: Some(payload),
            ..Default::default()
        };
        let answer = builder.secrets.clone().create_secret(request).await;
        refused(answer).is(Code::InvalidArgument, "INVALID_VALUE");
    }
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert!(secret.has_value && secret.default_version == 1);
    assert!(builder.overrides("demo", "main", Stage::Live).await.unwrap().is_empty());
}

#[tokio::test]
async fn versions_count_from_one_in_each_slot() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let slots = [
        default_slot(),
        override_slot("main", Stage::Draft),
        override_slot("main", Stage::Live),
        override_slot("staging", Stage::Live),
    ];
    for round in 0..3 {
        for slot in &slots {
            let version = 2 * round + 1;
            let value = format!("value {version}");
            let set = builder.set("demo", "KEY", slot.clone(), &value).await.unwrap();
            assert_eq!(set.version, version);
            let cleared = builder.clear("demo", "KEY", slot.clone()).await.unwrap();
            assert_eq!(cleared.version, version + 1);
            assert_ne!(set.etag, cleared.etag);
        }
    }
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert_eq!((secret.default_version, secret.has_value), (6, false));
}

#[tokio::test]
async fn older_versions_are_kept_to_be_looked_at() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value 1")).await.unwrap();
    builder.set("demo", "KEY", default_slot(), "value 2").await.unwrap();
    builder.clear("demo", "KEY", default_slot()).await.unwrap();
    let reveal = async |version| {
        let name = "projects/demo/secrets/KEY".to_owned();
        let request = v1::RevealSecretValueRequest { name, slot: default_slot(), version };
        builder.secrets.clone().reveal_secret_value(request).await
    };
    for version in [1, 2] {
        let answer = reveal(version).await.unwrap().into_inner();
        let expected = format!("value {version}");
        assert_eq!(bytes(answer.payload.as_ref().unwrap()), expected.as_bytes());
        assert_eq!(answer.version, version);
    }
    for empty in [0, 3] {
        refused(reveal(empty).await).is(Code::FailedPrecondition, "SECRET_UNSET");
    }
    for never in [4, i64::MAX] {
        refused(reveal(never).await).is(Code::NotFound, "VERSION_NOT_FOUND");
    }
}

#[tokio::test]
async fn warnings_tell_of_white_space_and_of_values_too_short_to_redact() {
    use WarningCode::{SurroundingWhitespace as Space, TooShortToRedact as Short};
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let cases: [(&str, &[WarningCode]); 6] = [
        ("good enough", &[]),
        ("four", &[]),
        ("abc", &[Short]),
        ("ends with a newline\n", &[Space]),
        ("\u{a0}leading", &[Space]),
        (" x", &[Space, Short]),
    ];
    for (value, expected) in cases {
        let written = builder.set("demo", "KEY", default_slot(), value).await.unwrap();
        let codes: Vec<_> = written.warnings.iter().map(v1::Warning::code).collect();
        assert_eq!(codes, expected, "{value:?}");
        assert!(written.warnings.iter().all(|warning| !warning.message.contains(value)));
    }
}

//! Values: 1 to 65,536 bytes, kept exactly as they came through every door, or refused at all of
//! them alike.

mod doors;

use crate::support::client::shown;
use crate::support::refusal::read;
use crate::support::{Server, text};
use doors::{Door, Doors};
use tonic::Code;
use waxseal_proto::v1::{self, Stage, WarningCode, secret_payload::Payload};

const CANARY: &str = "CANARY-7f3a9c";
const LONGEST: usize = 65_536;

fn words(text: impl Into<String>) -> Option<Payload> {
    Some(Payload::Text(text.into()))
}

fn data(bytes: impl Into<Vec<u8>>) -> Option<Payload> {
    Some(Payload::Data(bytes.into()))
}

fn sent(payload: Option<Payload>) -> Option<v1::SecretPayload> {
    Some(v1::SecretPayload { payload, crc32c: None })
}

fn bytes(payload: &Payload) -> &[u8] {
    match payload {
        Payload::Text(text) => text.as_bytes(),
        Payload::Data(data) => data,
    }
}

/// The canary again and again, so many bytes long.
fn canaries(length: usize) -> String {
    CANARY.chars().cycle().take(length).collect()
}

/// What is kept, with the warnings about it.
fn kept() -> Vec<(Option<Payload>, Vec<WarningCode>)> {
    const SPACE: WarningCode = WarningCode::SurroundingWhitespace;
    const SHORT: WarningCode = WarningCode::TooShortToRedact;
    let lines = "x\n".repeat(LONGEST / 2);
    let error = r#"{"error":{"code":5,"message":"not found","status":"NOT_FOUND"}}"#;
    let log = "\n{\"level\":\"error\",\"message\":\"forged\"}";
    vec![
        (words("x"), vec![SHORT]),
        (data([0]), vec![SHORT]),
        (words("abc"), vec![SHORT]),
        (words("abcd"), vec![]),
        (words("\u{e9}"), vec![SHORT]),
        (words(canaries(LONGEST)), vec![]),
        (data(canaries(LONGEST)), vec![]),
        (words("\u{e9}".repeat(LONGEST / 2)), vec![]),
        (words("\n".repeat(LONGEST)), vec![SPACE]),
        (words(lines.clone()), vec![SPACE]),
        (words(&lines[1..]), vec![SPACE]),
        (words("value\n"), vec![SPACE]),
        (words("value\r\n"), vec![SPACE]),
        (words("first\r\nsecond\rthird"), vec![]),
        (words(" value"), vec![SPACE]),
        (words("\t\t"), vec![SPACE, SHORT]),
        (words("value\u{a0}"), vec![SPACE]),
        (words("\u{feff}value"), vec![]),
        (data(" value\n"), vec![]),
        (data("va\0lue"), vec![]),
        (data([0xff, 0xfe, 0x00, 0xed, 0xa0, 0x80]), vec![]),
        (data([0; LONGEST]), vec![]),
        (words("caf\u{e9} and cafe\u{301}"), vec![]),
        (words("OTHER"), vec![]),
        (words("projects/demo/secrets/OTHER"), vec![]),
        (words("{secret:OTHER}"), vec![]),
        (words("\\{secret:OTHER} {name} {{}} ${OTHER} %OTHER%"), vec![]),
        (words("[secret:OTHER]"), vec![]),
        (words("********"), vec![]),
        (words("[REDACTED]"), vec![]),
        (words("null"), vec![]),
        (words(error), vec![]),
        (words(log), vec![SPACE]),
        (words("\u{1b}[31mred\u{1b}[0m\u{7}\u{8}\u{7f}"), vec![]),
        (words("\u{202e}abcd\u{200d}\u{1f511}"), vec![]),
        (words("'; DROP TABLE secret; --"), vec![]),
        (words("%s%n%x"), vec![]),
        (words("Q0FOQVJZLTdmM2E5Yw=="), vec![]),
        (words("43414E4152592D376633613963"), vec![]),
        (words("%43ANARY&amp;\\u0043ANARY"), vec![]),
        (data([0x1f, 0x8b, 0x08, 0x00]), vec![]),
    ]
}

/// What is no value.
fn refused() -> Vec<Option<v1::SecretPayload>> {
    let mut nul = canaries(100);
    nul.insert(50, '\0');
    let none = [None, words(""), data([])];
    let long = [
        words(canaries(LONGEST + 1)),
        data(canaries(LONGEST + 1)),
        words(format!("{}x", "\u{e9}".repeat(LONGEST / 2))),
        words(canaries(1 << 20)),
    ];
    let nul = [words(nul), words(format!("{CANARY}\0")), words(format!("\0{CANARY}")), words("\0")];
    none.into_iter().chain(long).chain(nul).map(sent).collect()
}

#[tokio::test]
async fn a_value_is_kept_exactly_through_every_door() {
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    let runtime = server.runtime().await;
    for (row, (payload, expected)) in kept().into_iter().enumerate() {
        let payload = payload.unwrap();
        let crc32c = Some(i64::from(crc32c::crc32c(bytes(&payload))));
        for door in Door::ALL {
            let secret = doors.prepare(door).await;
            let sent = Some(v1::SecretPayload { payload: Some(payload.clone()), crc32c: None });
            let warnings = doors.write(door, &secret, sent).await.unwrap();
            let place = format!("row {row}, {door:?}");
            let codes: Vec<_> = warnings.iter().map(v1::Warning::code).collect();
            assert_eq!(codes, expected, "{place}");
            for v1::Warning { message, .. } in &warnings {
                assert!(!message.is_empty() && !message.contains(CANARY), "{place}: {message}");
            }

            let view = runtime.resolve_named("demo", "main", Stage::Live, &[&secret], false).await;
            let view = view.unwrap();
            let is = view.secrets[0].payload.as_ref().unwrap();
            assert!(is.payload.as_ref() == Some(&payload), "{place} did not come back as it was");
            assert_eq!(is.crc32c, crc32c, "{place}");
            let revealed = doors.reveal(door, &secret).await.unwrap().payload.unwrap();
            assert!(revealed.payload == Some(payload.clone()), "{place} is revealed as another");
            assert_eq!(revealed.crc32c, crc32c, "{place}");
            doors.remove(door, &secret).await;
        }
    }
}

#[tokio::test]
async fn what_is_no_value_is_refused_at_every_door_and_not_repeated() {
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    for door in Door::ALL {
        for payload in refused() {
            let secret = doors.prepare(door).await;
            let status = doors.write(door, &secret, payload).await.unwrap_err();
            read(&status).is_about("INVALID_VALUE", door.field());
            let details = String::from_utf8_lossy(status.details());
            assert!(!status.message().contains("CANARY") && !details.contains("CANARY"));
            doors.assert_unset(door, &secret).await;
        }
    }
}

#[tokio::test]
async fn absent_is_a_placeholder_on_creation_and_refused_elsewhere() {
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    for door in Door::ALL {
        let secret = doors.prepare(door).await;
        let answer = doors.write(door, &secret, None).await;
        match door {
            Door::Create => assert!(answer.unwrap().is_empty()),
            _ => crate::support::refused(answer).is_about("INVALID_VALUE", door.field()),
        }
        doors.assert_unset(door, &secret).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_a_message_is_refused_by_its_size() {
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    for door in Door::ALL {
        for length in [2 << 20, 4 << 20, 8 << 20] {
            let secret = doors.prepare(door).await;
            let answer = doors.write(door, &secret, text(&canaries(length))).await;
            crate::support::refused(answer).is(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
            doors.assert_unset(door, &secret).await;
        }
    }
}

#[tokio::test]
async fn a_text_that_is_not_utf8_is_no_message() {
    const STAND_IN: &[u8] = b"@@@@@@@@@@";
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    for door in Door::ALL {
        for wrong in [b"CANARY\xff\xfe89", b"CANARY\xed\xa0\x809", b"CANARY\xc0\x8089"] {
            let secret = doors.prepare(door).await;
            let payload = words(String::from_utf8(STAND_IN.to_vec()).unwrap());
            let (method, mut message) = doors.message(door, &secret, sent(payload));
            let found = message.windows(STAND_IN.len()).position(|window| window == STAND_IN);
            let at = found.unwrap();
            message[at..at + STAND_IN.len()].copy_from_slice(wrong);
            let status = doors.raw(method, message).await.unwrap_err();
            read(&status).is(Code::Internal, "MALFORMED_MESSAGE");
            assert!(!status.message().contains("CANARY"));
            doors.assert_unset(door, &secret).await;
        }
    }
}

#[tokio::test]
async fn a_checksum_that_is_sent_has_to_be_that_of_the_bytes() {
    let server = Server::with_demo().await;
    let doors = Doors::of(&server).await;
    // The check value of CRC-32C, so that both sides being wrong alike does not pass.
    const DIGITS: &str = "123456789";
    const RIGHT: i64 = 0xe306_9283;
    for door in Door::ALL {
        for payload in [words(DIGITS), data(DIGITS)] {
            let secret = doors.prepare(door).await;
            for wrong in [0, 1, RIGHT + 1, RIGHT ^ 0x8000_0000, -1, RIGHT - (1 << 32), i64::MAX] {
                let sent = v1::SecretPayload { payload: payload.clone(), crc32c: Some(wrong) };
                let answer = doors.write(door, &secret, Some(sent)).await;
                let field = format!("{}.crc32c", door.field());
                crate::support::refused(answer).is_about("CHECKSUM_MISMATCH", &field);
                doors.assert_unset(door, &secret).await;
            }
            let sent = v1::SecretPayload { payload, crc32c: Some(RIGHT) };
            doors.write(door, &secret, Some(sent)).await.unwrap();
            let revealed = doors.reveal(door, &secret).await.unwrap();
            assert_eq!(revealed.payload.unwrap().crc32c, Some(RIGHT));
            doors.remove(door, &secret).await;
        }
    }
}

#[tokio::test]
async fn a_token_in_a_value_is_never_expanded() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let masked = v1::Visibility::Masked;
    builder.create_secret("demo", "OTHER", masked, Some("the other value")).await.unwrap();
    builder
        .create_secret("demo", "SELF", masked, Some("{secret:SELF}{secret:OTHER}"))
        .await
        .unwrap();
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(shown(view.secrets[1].payload.as_ref()), "{secret:SELF}{secret:OTHER}");
}

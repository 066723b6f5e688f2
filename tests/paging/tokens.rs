//! What a page token is good for.

use super::list::{DEMO, List, Of, Reader, add};
use super::server_with;
use crate::support::{Server, refused};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use std::time::Duration;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::Stage;

async fn assert_no_token(reader: &Reader, list: List, of: &Of, token: &str, case: &str) {
    let answer = reader.page(list, of, 1, token).await;
    let Err(status) = answer else { panic!("{list:?}: {case} was taken") };
    crate::support::refusal::read(&status).is_about("INVALID_PAGE_TOKEN", "page_token");
    if token.len() > 3 {
        assert!(!status.message().contains(token), "{list:?}: {case} is repeated");
    }
}

#[tokio::test]
async fn a_token_that_was_altered_is_none() {
    let server = server_with(3).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for list in List::ALL {
        let token = reader.second(list, &DEMO).await;
        let refuse = async |altered: &str, case: &str| {
            assert_ne!(altered, token);
            assert_no_token(&reader, list, &DEMO, altered, case).await;
        };
        let record = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..record.len() {
            let mut flipped = record.clone();
            flipped[at] ^= 1 << (at % 8);
            refuse(&URL_SAFE_NO_PAD.encode(flipped), &format!("byte {at} flipped")).await;
        }
        for length in 1..token.len() {
            refuse(&token[..length], &format!("cut to {length}")).await;
        }
        for (at, _) in token.char_indices() {
            let other = if &token[at..=at] == "A" { "B" } else { "A" };
            let altered = format!("{}{other}{}", &token[..at], &token[at + 1..]);
            refuse(&altered, &format!("character {at} exchanged")).await;
        }
        for (case, altered) in [
            ("one byte more", URL_SAFE_NO_PAD.encode([&record[..], &[0]].concat())),
            ("padded", format!("{token}=")),
            ("padded twice", format!("{token}==")),
            ("a line end", format!("{token}\n")),
            ("a leading space", format!(" {token}")),
            ("a space within", format!("{} {}", &token[..8], &token[8..])),
            ("doubled", format!("{token}{token}")),
            ("quoted", format!("\"{token}\"")),
            ("64 kB", token.repeat(1 + 65_536 / token.len())),
            ("64 kB of A", "A".repeat(65_536)),
            ("a full stop", ".".to_owned()),
            ("a number", "100".to_owned()),
            ("a name", "S000".to_owned()),
            ("JSON", r#"{"after":""}"#.to_owned()),
            ("non-ASCII", "\u{e9}\u{1f511}".to_owned()),
            ("a NUL", "\0".to_owned()),
        ] {
            refuse(&altered, case).await;
        }
        for (case, altered) in
            [("padding", URL_SAFE.encode(&record)), ("alphabet", STANDARD.encode(&record))]
        {
            // Some records have the same text either way.
            if altered != token {
                refuse(&altered, case).await;
            }
        }
        reader.page(list, &DEMO, 1, &token).await.unwrap();
    }
}

#[tokio::test]
async fn the_last_character_of_a_token_has_one_form() {
    let server = server_with(3).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    let alphabet = (0_u8..64).map(|six| URL_SAFE_NO_PAD.encode([six << 2, 0, 0])[..1].to_owned());
    let alphabet: Vec<_> = alphabet.collect();
    for list in List::ALL {
        let token = reader.second(list, &DEMO).await;
        let (body, last) = token.split_at(token.len() - 1);
        for other in alphabet.iter().filter(|other| *other != last) {
            assert_no_token(&reader, list, &DEMO, &format!("{body}{other}"), other).await;
        }
    }
}

#[tokio::test]
async fn a_token_is_of_one_list_and_its_arguments() {
    let server = server_with(3).await;
    let admin = server.admin().await;
    admin.create_project("other").await.unwrap();
    admin.create_environment("other", "staging").await.unwrap();
    let reader = Reader::of(&server, Role::Viewer).await;
    let other = Of { project: "other", ..DEMO };
    let live = Of { stage: Stage::Live, ..DEMO };
    let elsewhere = Of { environment: "e001", ..DEMO };
    for of in [&other, &live, &elsewhere] {
        for id in ["S000", "S001"] {
            add(&server, List::Overrides, of, id).await;
        }
    }
    for list in List::ALL {
        let token = reader.second(list, &DEMO).await;
        for another in List::ALL.into_iter().filter(|another| *another != list) {
            assert_no_token(&reader, another, &DEMO, &token, &format!("{list:?}")).await;
        }
        let others: &[Of] = match list {
            List::Projects => &[],
            List::Environments => std::slice::from_ref(&other),
            List::Secrets => &[
                other.clone(),
                live.clone(),
                elsewhere.clone(),
                Of { prefix: "S", ..DEMO },
                Of { show_deleted: true, ..DEMO },
            ],
            List::Overrides => &[other.clone(), live.clone(), elsewhere.clone()],
        };
        for of in others {
            assert_no_token(&reader, list, of, &token, &format!("{of:?}")).await;
            let theirs = reader.second(list, of).await;
            reader.page(list, of, 1, &theirs).await.unwrap();
            assert_no_token(&reader, list, &DEMO, &theirs, &format!("of {of:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_token_is_of_one_caller_and_opens_nothing_to_another() {
    let server = server_with(3).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    let (same, admin) =
        (Reader::of(&server, Role::Viewer).await, Reader::of(&server, Role::Admin).await);
    for list in List::ALL {
        let token = reader.second(list, &DEMO).await;
        for other in [&same, &admin] {
            assert_no_token(other, list, &DEMO, &token, "of another caller").await;
        }
        for role in [Role::Runtime, Role::Auditor, Role::Keyholder] {
            let without = Reader::of(&server, role).await;
            let mut refusals = Vec::new();
            for token in ["", &token, "garbage"] {
                let status = without.page(list, &DEMO, -1, token).await.unwrap_err();
                assert_eq!(status.code(), Code::PermissionDenied, "{list:?} {role:?} {token}");
                refusals.push((status.message().to_owned(), status.details().to_owned()));
            }
            refusals.dedup();
            assert_eq!(refusals.len(), 1, "{list:?} {role:?}");
        }
    }
}

#[tokio::test]
async fn a_token_lives_a_day() {
    let server = server_with(3).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    let mut tokens = Vec::new();
    for list in List::ALL {
        tokens.push((list, reader.second(list, &DEMO).await));
    }
    server.pass(Duration::from_secs(23 * 3600));
    for (list, token) in &tokens {
        reader.page(*list, &DEMO, 1, token).await.unwrap();
    }
    server.pass(Duration::from_secs(2 * 3600));
    for (list, token) in &tokens {
        assert_no_token(&reader, *list, &DEMO, token, "expired").await;
    }
}

#[tokio::test]
async fn a_token_outlives_its_server_and_is_none_of_another() {
    let server = server_with(3).await;
    let reader = Reader::of(&server, Role::Viewer).await;
    let mut tokens = Vec::new();
    for list in List::ALL {
        tokens.push((list, reader.second(list, &DEMO).await));
    }
    let another = server_with(3).await;
    let stranger = Reader::of(&another, Role::Viewer).await;
    for (list, token) in &tokens {
        assert_no_token(&stranger, *list, &DEMO, token, "of another deployment").await;
    }
    let server = server.stop().await.start().await;
    let reader = reader.again(&server).await;
    for (list, token) in &tokens {
        reader.page(*list, &DEMO, 1, token).await.unwrap();
    }
}

#[tokio::test]
async fn a_list_of_what_is_absent_is_absent() {
    let server = Server::with_demo().await;
    let reader = Reader::of(&server, Role::Viewer).await;
    for (list, of, reason) in [
        (List::Environments, Of { project: "gone", ..DEMO }, "PROJECT_NOT_FOUND"),
        (List::Secrets, Of { project: "gone", ..DEMO }, "PROJECT_NOT_FOUND"),
        (List::Secrets, Of { environment: "gone", ..DEMO }, "ENVIRONMENT_NOT_FOUND"),
        (List::Overrides, Of { project: "gone", ..DEMO }, "PROJECT_NOT_FOUND"),
        (List::Overrides, Of { environment: "gone", ..DEMO }, "ENVIRONMENT_NOT_FOUND"),
    ] {
        refused(reader.page(list, &of, 1, "").await).is(Code::NotFound, reason);
        // A token is looked at before what exists.
        assert_no_token(&reader, list, &of, "garbage", "garbage").await;
    }
}

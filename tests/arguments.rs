//! The arguments that many methods share: masks, etags, request ids, enums, slots, freshness.

mod enums;
mod etags;
mod masks;
mod reads;

use crate::rights::rows::{Row, rows};
use crate::support::raw::{Raw, descriptors, methods};
use crate::support::refusal::read;
use crate::support::{Server, refused};
use std::collections::BTreeSet;
use waxseal_domain::caller::Role;

/// The number of a field in the request of a method, if it has one.
fn field_number(method: &str, field: &str) -> Option<u64> {
    let input = methods().into_iter().find(|(_, found)| found.name() == method).unwrap().1;
    let name = input.input_type().rsplit('.').next().unwrap().to_owned();
    let files = descriptors().file;
    let mut messages = files.iter().flat_map(|file| &file.message_type);
    let message = messages.find(|message| message.name() == name).unwrap();
    let found = message.field.iter().find(|found| found.name() == field)?;
    u64::try_from(found.number()).ok()
}

/// A message with a text put into one more field; of a field that is there twice the last one
/// counts.
fn with_text(method: &str, message: &[u8], field: &str, text: &str) -> Vec<u8> {
    let number = field_number(method, field).unwrap();
    let mut message = message.to_vec();
    prost::encoding::encode_varint(number << 3 | 2, &mut message);
    prost::encoding::encode_varint(text.len() as u64, &mut message);
    message.extend_from_slice(text.as_bytes());
    message
}

/// The rows of the methods whose requests have this field, and that all of them are there.
fn rows_with(field: &str) -> Vec<Row> {
    let defined: BTreeSet<_> = methods()
        .into_iter()
        .map(|(_, method)| method.name().to_owned())
        .filter(|method| field_number(method, field).is_some())
        .collect();
    let rows: Vec<_> =
        rows().into_iter().filter(|row| field_number(row.method, field).is_some()).collect();
    let found: BTreeSet<_> = rows.iter().map(|row| row.method.to_owned()).collect();
    assert_eq!(found, defined);
    rows
}

#[tokio::test]
async fn a_request_id_is_a_uuid_in_its_36_characters_for_every_method() {
    let server = crate::rights::server().await;
    let (raw, admin) = (Raw::connect(&server.address).await, server.admin().await);
    let token = server.token(Role::Admin, false, "deployment").await;
    let long = "0198c5e2-7f3a-7c00-8000-0198c5e27f3a".repeat(278);
    let wrong = [
        "1",
        "garbage",
        "00000000-0000-0000-0000-000000000000",
        "{0198c5e2-7f3a-7c00-8000-0198c5e27f3a}",
        "urn:uuid:0198c5e2-7f3a-7c00-8000-0198c5e27f3a",
        "0198c5e27f3a7c0080000198c5e27f3a",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3ab",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3g",
        "0198c5e27-f3a-7c00-8000-0198c5e27f3a",
        "0198c5e2_7f3a_7c00_8000_0198c5e27f3a",
        " 0198c5e2-7f3a-7c00-8000-0198c5e27f3a",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3a\n",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3\u{430}",
        "\u{ff10}198c5e2-7f3a-7c00-8000-0198c5e27",
        "0198c5e2-7f3a-7c00-8000-0198c5e27f3\0",
        &long,
    ];
    let mut number = 0;
    for row in rows_with("request_id") {
        let place = format!("{} {}", row.method, row.aim);
        for id in wrong {
            number += 1;
            let message = with_text(row.method, &(row.existing)(number), "request_id", id);
            let status = raw.call(row.method, &token, message).await;
            let Err(status) = status else { panic!("{place} took {id:?}") };
            let refusal = read(&status);
            assert_eq!(refusal.reason, "INVALID_REQUEST_ID", "{place} {id:?}");
            refusal.is_about("INVALID_REQUEST_ID", "request_id");
            assert!(id.len() < 4 || !status.message().contains(id), "{place} repeats {id:?}");
        }
        // Of every version and in either case; the case does not make another id of it.
        let fresh = uuid::Uuid::now_v7().to_string();
        let ids = [
            uuid::Uuid::new_v4().to_string(),
            fresh[..14].to_owned() + "1" + &fresh[15..],
            "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned(),
        ];
        for id in ids {
            number += 1;
            // The id that is the same for all rows comes from another caller each time.
            let token = server.token(Role::Admin, false, "deployment").await;
            let message = with_text(row.method, &(row.existing)(number), "request_id", &id);
            let first = raw.call(row.method, &token, message.clone()).await.unwrap().into_inner();
            // A token is shown once, whatever is asked again.
            if row.method == "CreateApiToken" {
                let again = raw.call(row.method, &token, message).await.unwrap_err();
                assert_eq!(read(&again).reason, "TOKEN_SHOWN_ONCE", "{place}");
                continue;
            }
            let again = raw.call(row.method, &token, message).await.unwrap().into_inner();
            assert_eq!(first, again, "{place}");
            crate::rights::undo(&admin, &row.undo).await;
        }
    }
}

#[tokio::test]
async fn the_case_of_a_request_id_does_not_make_it_another() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let id = uuid::Uuid::now_v7().to_string();
    let create = async |project: &str, id: &str| {
        let request = waxseal_proto::v1::CreateProjectRequest {
            project_id: project.to_owned(),
            request_id: id.to_owned(),
            ..Default::default()
        };
        admin.projects.clone().create_project(request).await
    };
    create("one", &id).await.unwrap();
    // The body differs by the case, and so it is another request under the same id.
    refused(create("one", &id.to_uppercase()).await).is_about("REQUEST_ID_REUSED", "request_id");
    refused(create("two", &id.to_uppercase()).await).is_about("REQUEST_ID_REUSED", "request_id");
    create("two", &uuid::Uuid::now_v7().to_string().to_uppercase()).await.unwrap();
}

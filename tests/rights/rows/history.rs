//! The names of a secret, its end, and the versions of its slots.

use super::{Row, Undo, garbage, row, secrets};
use crate::canary::PLAIN;
use crate::support::{default_slot, override_slot, text};
use waxseal_proto::v1::{self, Stage, Visibility};

pub(super) fn rows(visibility: Visibility, letter: &str) -> Vec<Row> {
    let mut rows = of_names(visibility, letter);
    for (of, slot) in
        [("default", default_slot()), ("override", override_slot("staging", Stage::Draft))]
    {
        rows.extend(of_versions(visibility, letter, of, slot));
    }
    rows
}

fn kind(visibility: Visibility) -> &'static str {
    if visibility == Visibility::Masked { "masked" } else { "restricted" }
}

fn of_names(visibility: Visibility, letter: &str) -> Vec<Row> {
    let kind = kind(visibility);
    let (named, present) = (format!("NAMED_{letter}"), format!("PRESENT_{letter}"));
    let (former, purged) = (format!("FORMER_{letter}"), format!("PURGED_{letter}"));
    let alias = former.clone();
    vec![
        Row {
            undo: Undo::Rename(named.clone()),
            ..row(
                "RenameSecret",
                kind,
                &secrets(&named),
                |name, number| v1::RenameSecretRequest {
                    name,
                    new_secret_id: format!("RENAMED_{number}"),
                    ..Default::default()
                },
                |request| (request.new_secret_id, request.etag) = ("-".to_owned(), garbage()),
            )
        },
        Row {
            undo: Undo::Alias(present.clone(), former),
            ..row(
                "ReleaseSecretAlias",
                kind,
                &secrets(&present),
                move |name, _| v1::ReleaseSecretAliasRequest {
                    name,
                    alias: alias.clone(),
                    ..Default::default()
                },
                |request| (request.alias, request.etag) = ("-".to_owned(), garbage()),
            )
        },
        Row {
            undo: Undo::Gone(purged.clone(), visibility),
            ..row(
                "PurgeSecret",
                kind,
                &secrets(&purged),
                |name, _| v1::PurgeSecretRequest { name, ..Default::default() },
                |request| (request.etag, request.request_id) = (garbage(), garbage()),
            )
        },
    ]
}

fn of_versions(visibility: Visibility, letter: &str, of: &str, slot: Option<v1::Slot>) -> Vec<Row> {
    let aim = format!("{} {of}", kind(visibility));
    let (rolled, worn) = (format!("ROLLED_{letter}"), format!("WORN_{letter}"));
    // Each is verified less than ten times in a minute.
    let verified = if of == "default" { format!("KEY_{letter}") } else { rolled.clone() };
    let (to_verify, to_list, to_roll, to_destroy) =
        (slot.clone(), slot.clone(), slot.clone(), slot.clone());
    let no_slot = || override_slot("-", Stage::Unspecified);
    vec![
        row(
            "VerifySecretValue",
            aim.clone(),
            &secrets(&verified),
            move |name, _| v1::VerifySecretValueRequest {
                name,
                slot: to_verify.clone(),
                payload: text(PLAIN),
            },
            |request| (request.slot, request.payload) = (no_slot(), text("")),
        ),
        row(
            "ListSecretVersions",
            aim.clone(),
            &secrets(&rolled),
            move |name, _| v1::ListSecretVersionsRequest {
                name,
                slot: to_list.clone(),
                ..Default::default()
            },
            |request| (request.page_size, request.page_token) = (-1, garbage()),
        ),
        Row {
            undo: Undo::Forward(rolled.clone(), slot),
            ..row(
                "RollbackSecretValue",
                aim.clone(),
                &secrets(&rolled),
                move |name, _| v1::RollbackSecretValueRequest {
                    name,
                    slot: to_roll.clone(),
                    version: 1,
                    ..Default::default()
                },
                |request| (request.version, request.etag) = (-1, garbage()),
            )
        },
        Row {
            undo: Undo::Worn(worn.clone(), visibility),
            ..row(
                "DestroySecretVersion",
                aim,
                &secrets(&worn),
                move |name, _| v1::DestroySecretVersionRequest {
                    name,
                    slot: to_destroy.clone(),
                    version: 1,
                    ..Default::default()
                },
                |request| (request.version, request.etag) = (-1, garbage()),
            )
        },
    ]
}

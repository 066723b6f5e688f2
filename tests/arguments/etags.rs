//! Etags: absent is whatever is there; anything but the very one is a mismatch.

use super::{rows_with, with_text};
use crate::rights::rows::Row;
use crate::support::raw::Raw;
use crate::support::refusal::read;
use crate::support::{Client, Server, default_slot, override_slot};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage};

/// The etag that a row compares, as a reader finds it.
async fn current(admin: &Client, row: &Row) -> String {
    let letter = if row.aim.starts_with("restricted") { 'R' } else { 'M' };
    let environment = async |id: &str| {
        let name = format!("projects/demo/environments/{id}");
        let request = v1::GetEnvironmentRequest { name };
        let answer = admin.environments.clone().get_environment(request).await.unwrap();
        answer.into_inner().environment.unwrap().etag
    };
    let secret =
        async |name: &str| admin.get_secret("demo", &format!("{name}_{letter}")).await.unwrap();
    let over = async |name: &str| {
        let overrides = admin.overrides("demo", "staging", Stage::Draft).await.unwrap();
        let name = format!("{name}_{letter}");
        overrides.into_iter().find(|found| found.secret == name).unwrap().etag
    };
    match row.method {
        "UpdateProject" | "DeleteProject" => admin.get_project("demo").await.unwrap().etag,
        "UndeleteProject" => admin.get_project("shelved").await.unwrap().etag,
        "RenameSecret" => secret("NAMED").await.etag,
        "ReleaseSecretAlias" => secret("PRESENT").await.etag,
        "PurgeSecret" => secret("PURGED").await.etag,
        "RollbackSecretValue" | "DestroySecretVersion" => {
            let name = if row.method == "RollbackSecretValue" { "ROLLED" } else { "WORN" };
            match row.aim.ends_with("default") {
                true => secret(name).await.default_etag,
                false => over(name).await,
            }
        }
        "UpdatePrincipal" => admin.get_principal("held").await.unwrap().etag,
        "DeletePrincipal" => admin.get_principal("spare").await.unwrap().etag,
        "UpdateEnvironment" => environment("staging").await,
        "DeleteEnvironment" => environment("spare").await,
        "UpdateSecret" | "DeleteSecret" => secret("KEY").await.etag,
        "UndeleteSecret" => secret("GONE").await.etag,
        "SetSecretValue" | "ClearSecretValue" if row.aim.ends_with("default") => {
            secret("KEY").await.default_etag
        }
        "SetSecretValue" | "ClearSecretValue" => over("KEY").await,
        other => panic!("{other} takes an etag, of what?"),
    }
}

#[tokio::test]
async fn every_etag_but_the_current_one_is_a_mismatch_and_changes_nothing() {
    let server = crate::rights::server().await;
    let (raw, admin) = (Raw::connect(&server.address).await, server.admin().await);
    let token = server.token(Role::Admin, false, "deployment").await;
    let rows = rows_with("etag");
    let mut all = Vec::new();
    for row in &rows {
        all.push(current(&admin, row).await);
    }
    for (number, row) in rows.iter().enumerate() {
        let place = format!("{} {}", row.method, row.aim);
        let etag = current(&admin, row).await;
        let message = (row.existing)(number);
        let mut wrong = vec![
            "*".to_owned(),
            "x".repeat(10_000),
            format!("\"{etag}\""),
            format!("W/\"{etag}\""),
            format!("{etag} "),
            format!(" {etag}"),
            format!("{etag}="),
            etag[..etag.len() - 1].to_owned(),
            format!("{etag}{etag}"),
            etag.chars().rev().collect(),
            etag.to_lowercase(),
            etag.to_uppercase(),
            "0".to_owned(),
            "\0".to_owned(),
            "\u{e9}".to_owned(),
        ];
        // Of every other object, and of this one's other parts.
        wrong.extend(all.iter().cloned());
        wrong.retain(|wrong| *wrong != etag);
        for wrong in &wrong {
            let sent = with_text(row.method, &message, "etag", wrong);
            let answer = raw.call(row.method, &token, sent).await;
            let Err(status) = answer else { panic!("{place} took {wrong:.40?}") };
            let refusal = read(&status);
            let is = (refusal.code, refusal.reason.as_str());
            assert_eq!(is, (Code::Aborted, "ETAG_MISMATCH"), "{place} {wrong:.40?}");
            assert!(wrong.len() < 4 || !status.message().contains(wrong.as_str()), "{place}");
        }
        assert_eq!(current(&admin, row).await, etag, "{place}");

        // The very one; after the change it is stale; and absent is whatever is there.
        let right = with_text(row.method, &message, "etag", &etag);
        raw.call(row.method, &token, right.clone()).await.unwrap();
        crate::rights::undo(&admin, &row.undo).await;
        let status = raw.call(row.method, &token, right).await.unwrap_err();
        read(&status).is(Code::Aborted, "ETAG_MISMATCH");
        let empty = with_text(row.method, &(row.existing)(number + 1_000), "etag", "");
        raw.call(row.method, &token, empty).await.unwrap();
        crate::rights::undo(&admin, &row.undo).await;
    }
}

#[tokio::test]
async fn an_etag_covers_what_its_method_changes_and_nothing_else() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let masked = v1::Visibility::Masked;
    admin.create_secret("demo", "KEY", masked, Some("value")).await.unwrap();
    let slot = override_slot("staging", Stage::Live);
    admin.set("demo", "KEY", slot.clone(), "value").await.unwrap();
    let before = admin.get_secret("demo", "KEY").await.unwrap();
    let environment = async || {
        let name = "projects/demo/environments/staging".to_owned();
        let request = v1::GetEnvironmentRequest { name };
        let answer = admin.environments.clone().get_environment(request).await.unwrap();
        answer.into_inner().environment.unwrap()
    };
    let settings = environment().await;

    // A value changes the etag of its slot only.
    let written = admin.set("demo", "KEY", slot, "other").await.unwrap();
    assert_eq!(admin.get_secret("demo", "KEY").await.unwrap(), before);
    assert_eq!(environment().await, settings);
    let default = admin.set("demo", "KEY", default_slot(), "other").await.unwrap();
    let after = admin.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(after.etag, before.etag);
    assert_eq!(after.default_etag, default.etag);
    assert_ne!(after.default_etag, before.default_etag);
    assert_ne!(default.etag, written.etag);

    // The same value again is a write like any other.
    let again = admin.set("demo", "KEY", default_slot(), "other").await.unwrap();
    assert_ne!(again.etag, default.etag);
    // Metadata changes neither slot.
    let restricted = admin.restrict("demo", "KEY").await.unwrap();
    assert_ne!(restricted.etag, after.etag);
    assert_eq!(restricted.default_etag, again.etag);
}

#[tokio::test]
async fn a_slot_that_was_never_written_has_an_etag_too() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", v1::Visibility::Masked, None).await.unwrap();
    let etag = admin.get_secret("demo", "KEY").await.unwrap().default_etag;
    assert!(!etag.is_empty());
    let request = v1::SetSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: default_slot(),
        payload: crate::support::text("value"),
        etag,
        ..Default::default()
    };
    // Of two who found it empty, one writes.
    admin.secrets.clone().set_secret_value(request.clone()).await.unwrap();
    let answer = admin.secrets.clone().set_secret_value(request).await;
    crate::support::refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
}

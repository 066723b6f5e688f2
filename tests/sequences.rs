//! Sequences: one thing overtaken by another.

mod during;

use crate::support::client::values;
use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use tonic::{Code, Status};
use waxseal_proto::v1::{self, Origin, Stage, Visibility};

/// Everything that can be asked of a secret under an etag of its metadata.
async fn under_metadata(client: &Client, etag: &str) -> Vec<(&'static str, Result<(), Status>)> {
    let (name, etag) = ("projects/demo/secrets/KEY".to_owned(), etag.to_owned());
    let mut secrets = client.secrets.clone();
    let mut answers = Vec::new();
    let secret = v1::Secret { name: name.clone(), description: "x".into(), ..Default::default() };
    let request =
        v1::UpdateSecretRequest { secret: Some(secret), etag: etag.clone(), ..Default::default() };
    answers.push(("update", secrets.update_secret(request).await.map(drop)));
    let request = v1::RenameSecretRequest {
        name: name.clone(),
        new_secret_id: "OTHER".to_owned(),
        etag: etag.clone(),
        ..Default::default()
    };
    answers.push(("rename", secrets.rename_secret(request).await.map(drop)));
    let request =
        v1::DeleteSecretRequest { name: name.clone(), etag: etag.clone(), ..Default::default() };
    answers.push(("delete", secrets.delete_secret(request).await.map(drop)));
    let request =
        v1::UndeleteSecretRequest { name: name.clone(), etag: etag.clone(), ..Default::default() };
    answers.push(("undelete", secrets.undelete_secret(request).await.map(drop)));
    let request = v1::PurgeSecretRequest { name, etag, ..Default::default() };
    answers.push(("purge", secrets.purge_secret(request).await.map(drop)));
    answers
}

/// Everything that can be asked of a slot under its etag.
async fn under_slot(
    client: &Client,
    slot: &Option<v1::Slot>,
    etag: &str,
) -> Vec<(&'static str, Result<(), Status>)> {
    let (name, etag) = ("projects/demo/secrets/KEY".to_owned(), etag.to_owned());
    let mut secrets = client.secrets.clone();
    let mut answers = Vec::new();
    let request = v1::SetSecretValueRequest {
        name: name.clone(),
        slot: slot.clone(),
        payload: text("from the past"),
        etag: etag.clone(),
        ..Default::default()
    };
    answers.push(("set", secrets.set_secret_value(request).await.map(drop)));
    let request = v1::ClearSecretValueRequest {
        name: name.clone(),
        slot: slot.clone(),
        etag: etag.clone(),
        ..Default::default()
    };
    answers.push(("clear", secrets.clear_secret_value(request).await.map(drop)));
    let request = v1::RollbackSecretValueRequest {
        name: name.clone(),
        slot: slot.clone(),
        version: 1,
        etag: etag.clone(),
        ..Default::default()
    };
    answers.push(("rollback", secrets.rollback_secret_value(request).await.map(drop)));
    let request = v1::DestroySecretVersionRequest {
        name,
        slot: slot.clone(),
        version: 1,
        etag,
        ..Default::default()
    };
    answers.push(("destroy", secrets.destroy_secret_version(request).await.map(drop)));
    answers
}

#[tokio::test]
async fn a_secret_made_anew_is_another_one_under_every_old_etag() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let live = override_slot("main", Stage::Live);
    let make = async |value: &str| {
        admin.create_secret("demo", "KEY", Visibility::Masked, Some(value)).await.unwrap();
        admin.set("demo", "KEY", live.clone(), value).await.unwrap();
        let secret = admin.get_secret("demo", "KEY").await.unwrap();
        let over = admin.overrides("demo", "main", Stage::Live).await.unwrap()[0].etag.clone();
        (secret, over)
    };
    let (old, old_over) = make("old").await;
    let again = admin.delete_secret("demo", "KEY").await.unwrap();
    assert_ne!(again.etag, old.etag);
    let held = admin.create_secret("demo", "KEY", Visibility::Masked, Some("new")).await;
    refused(held).is(Code::AlreadyExists, "NAME_HELD_BY_DELETED");
    for (what, answer) in under_metadata(&admin, &old.etag).await {
        let refusal = refused(answer);
        assert_eq!((refusal.code, &*refusal.reason), (Code::Aborted, "ETAG_MISMATCH"), "{what}");
    }
    admin.purge("demo", "KEY").await.unwrap();
    let (new, new_over) = make("new").await;

    assert_ne!(new.uid, old.uid);
    assert_eq!((new.default_version, new.aliases.len()), (1, 0), "it begins at its beginning");
    for (now, then) in
        [(&new.etag, &old.etag), (&new.default_etag, &old.default_etag), (&new_over, &old_over)]
    {
        assert_ne!(now, then);
    }
    let mut answers = Vec::new();
    for etag in [&old.etag, &again.etag] {
        answers.extend(under_metadata(&admin, etag).await);
    }
    for (slot, etag) in [(default_slot(), &old.default_etag), (live.clone(), &old_over)] {
        answers.extend(under_slot(&admin, &slot, etag).await);
    }
    assert_eq!(answers.len(), 18);
    for (what, answer) in answers {
        let refusal = refused(answer);
        assert_eq!((refusal.code, &*refusal.reason), (Code::Aborted, "ETAG_MISMATCH"), "{what}");
    }
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&view.secrets), [("KEY", "new", Origin::Override, 1)]);
    for slot in [default_slot(), live] {
        let versions = admin.versions("demo", "KEY", slot).await.unwrap().versions;
        assert_eq!(versions.iter().map(|version| version.version).collect::<Vec<_>>(), [1]);
    }
}

#[tokio::test]
async fn an_environment_made_anew_is_another_one_under_its_old_etag() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    let live = || override_slot("staging", Stage::Live);
    admin.set("demo", "KEY", live(), "old").await.unwrap();
    let old = admin.get_environment("demo", "staging").await.unwrap();
    let old_over = admin.overrides("demo", "staging", Stage::Live).await.unwrap()[0].etag.clone();
    admin.delete_environment("demo", "staging", true).await.unwrap();
    let new = admin.create_environment("demo", "staging").await.unwrap();
    assert_ne!(new.etag, old.etag);
    assert_eq!(admin.overrides("demo", "staging", Stage::Live).await.unwrap(), []);

    let request = v1::UpdateEnvironmentRequest {
        environment: Some(v1::Environment { display_name: "x".into(), ..old.clone() }),
        etag: old.etag.clone(),
        ..Default::default()
    };
    let answer = admin.environments.clone().update_environment(request).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
    let request = v1::DeleteEnvironmentRequest {
        name: old.name,
        etag: old.etag,
        force: true,
        ..Default::default()
    };
    let answer = admin.environments.clone().delete_environment(request).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
    for (what, answer) in under_slot(&admin, &live(), &old_over).await {
        let reason = refused(answer).reason;
        // What is not there cannot be cleared or rolled back, whatever the etag.
        assert!(
            reason == "ETAG_MISMATCH" || what != "set" && reason == "VERSION_NOT_FOUND",
            "{what}: {reason}"
        );
    }
    let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    assert_eq!(values(&view.secrets), [("KEY", "default", Origin::Default, 1)]);
}

/// What was deleted and brought back is what it was, and no etag of before is good for it.
#[tokio::test]
async fn what_was_deleted_and_brought_back_has_moved_on() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let before = admin.get_secret("demo", "KEY").await.unwrap();
    admin.delete_secret("demo", "KEY").await.unwrap();
    let after = admin.undelete_secret("demo", "KEY").await.unwrap();
    assert_eq!((after.uid, after.default_version), (before.uid, before.default_version));
    for (what, answer) in under_metadata(&admin, &before.etag).await {
        let refusal = refused(answer);
        assert_eq!((refusal.code, &*refusal.reason), (Code::Aborted, "ETAG_MISMATCH"), "{what}");
    }
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&view.secrets), [("KEY", "value", Origin::Default, 1)]);
}

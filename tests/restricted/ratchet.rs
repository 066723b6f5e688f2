//! Masked becomes restricted: every kept version, at once, and for good.

use super::{fill, resolves_as_filled, slots};
use crate::support::stored::{Stored, versions};
use crate::support::{Client, Server, default_slot, refused};
use std::collections::BTreeSet;
use tonic::Code;
use waxseal_domain::secret::Visibility as Class;
use waxseal_proto::v1::{self, Visibility};

const VERSIONS: i64 = 6;

#[tokio::test]
async fn the_ratchet_seals_every_version_anew_and_changes_nothing_else() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for name in ["KEY", "OTHER"] {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
        fill(&builder, name, &slots(), VERSIONS).await;
    }
    let database = server.setup.database();
    let before = versions(&database, "demo", "KEY");
    let other = versions(&database, "demo", "OTHER");
    assert_eq!(before.len(), slots().len() * usize::try_from(VERSIONS).unwrap());

    let secret = builder.restrict("demo", "KEY").await.unwrap();
    assert_eq!(secret.visibility(), Visibility::Restricted);

    let after = versions(&database, "demo", "KEY");
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        let identity =
            |row: &Stored| (row.secret, row.environment, row.stage, row.version, row.uid, row.kind);
        assert_eq!(identity(old), identity(new));
        assert_ne!(old.sealed, new.sealed, "version {}", old.version);
        assert_ne!(old.key, new.key, "version {}", old.version);
        let plain = old.open(&server.setup, Class::Masked).await.unwrap();
        assert_eq!(new.open(&server.setup, Class::Restricted).await, Some(plain));
        assert_eq!(new.open(&server.setup, Class::Masked).await, None);
        assert_eq!(old.open(&server.setup, Class::Restricted).await, None);
    }
    let keys: BTreeSet<_> = after.iter().map(|row| row.key.clone()).collect();
    assert_eq!(keys.len(), after.len(), "a data key for each version");
    assert_eq!(versions(&database, "demo", "OTHER"), other);

    resolves_as_filled(&runtime, "KEY", VERSIONS).await;
    resolves_as_filled(&runtime, "OTHER", VERSIONS).await;
    let operations = server.key_operations();
    for (_, slot) in slots() {
        for version in 0..=VERSIONS {
            let answer = builder.reveal_version("demo", "KEY", slot.clone(), version).await;
            refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");
        }
    }
    assert_eq!(server.key_operations(), operations);

    // Nothing of it was only in memory.
    drop((builder, runtime, database));
    let server = server.stop().await.start().await;
    resolves_as_filled(&server.runtime().await, "KEY", VERSIONS).await;
    let written = server.builder().await.set("demo", "KEY", default_slot(), "next").await.unwrap();
    assert_eq!(written.version, VERSIONS + 1);
}

#[tokio::test]
async fn cleared_slots_and_placeholders_turn_too() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "LATER", Visibility::Masked, None).await.unwrap();
    builder.create_secret("demo", "GONE", Visibility::Masked, Some("once")).await.unwrap();
    builder.clear("demo", "GONE", default_slot()).await.unwrap();

    for name in ["LATER", "GONE"] {
        builder.restrict("demo", name).await.unwrap();
        let written = builder.set("demo", name, default_slot(), "now").await.unwrap();
        assert_eq!(written.version, if name == "GONE" { 3 } else { 1 });
        let answer = builder.reveal("demo", name, default_slot()).await;
        refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");
    }
    let rows = versions(&server.setup.database(), "demo", "GONE");
    assert_eq!(rows[0].open(&server.setup, Class::Restricted).await.as_deref(), Some("once"));
    assert_eq!(rows[1].sealed, None);
    let view = runtime.resolve("demo", "main", v1::Stage::Live).await.unwrap();
    assert_eq!(view.secrets.len(), 2);
}

async fn update(client: &Client, to: Visibility, paths: &[&str]) -> Result<(), tonic::Status> {
    let request = v1::UpdateSecretRequest {
        secret: Some(v1::Secret {
            name: "projects/demo/secrets/KEY".to_owned(),
            visibility: to.into(),
            description: "told".to_owned(),
            ..Default::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        ..Default::default()
    };
    client.secrets.clone().update_secret(request).await.map(drop)
}

#[tokio::test]
async fn restricted_never_becomes_masked() {
    let server = Server::demo_on_sqlite().await;
    let (builder, admin) = (server.builder().await, server.admin().await);
    builder.create_secret("demo", "KEY", Visibility::Restricted, Some("v")).await.unwrap();
    let stands = versions(&server.setup.database(), "demo", "KEY");
    let operations = server.key_operations();
    for client in [&builder, &admin] {
        for paths in [&["visibility"][..], &["description", "visibility"]] {
            let answer = update(client, Visibility::Masked, paths).await;
            refused(answer).is(Code::FailedPrecondition, "VISIBILITY_RATCHET");
        }
    }
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(secret.visibility(), Visibility::Restricted);
    assert!(secret.description.is_empty(), "a refused update changes nothing");

    // Restricted again is no change of the values.
    update(&builder, Visibility::Restricted, &["visibility"]).await.unwrap();
    assert_eq!(versions(&server.setup.database(), "demo", "KEY"), stands);
    assert_eq!(server.key_operations(), operations, "no value is opened for any of this");
    let answer = builder.reveal("demo", "KEY", default_slot()).await;
    refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");
}

#[tokio::test]
async fn the_ratchet_goes_on_to_its_end_when_its_caller_goes_away() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    fill(&builder, "KEY", &slots(), 3).await;

    let closed = server.pause_keys().await;
    let call = tokio::spawn({
        let builder = builder.clone();
        async move { builder.restrict("demo", "KEY").await }
    });
    while server.waiting_for_keys() == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    drop(closed);

    while builder.get_secret("demo", "KEY").await.unwrap().visibility() == Visibility::Masked {}
    resolves_as_filled(&runtime, "KEY", 3).await;
    for row in versions(&server.setup.database(), "demo", "KEY") {
        assert!(row.open(&server.setup, Class::Restricted).await.is_some());
    }
    let answer = builder.reveal("demo", "KEY", default_slot()).await;
    refused(answer).is(Code::PermissionDenied, "SECRET_RESTRICTED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ratchet_that_meets_a_damaged_version_turns_nothing() {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    fill(&builder, "KEY", &slots(), 3).await;
    let database = server.setup.database();
    let damage =
        "UPDATE value SET sealed = zeroblob(length(sealed)) WHERE version = 1 AND stage = 1";
    assert_eq!(database.execute(damage, []).unwrap(), 2);
    let stands = versions(&database, "demo", "KEY");

    refused(builder.restrict("demo", "KEY").await).is(Code::DataLoss, "DATA_LOSS");
    assert_eq!(versions(&database, "demo", "KEY"), stands);
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(secret.visibility(), Visibility::Masked);
    resolves_as_filled(&server.runtime().await, "KEY", 3).await;
}

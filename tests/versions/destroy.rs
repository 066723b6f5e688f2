//! A version that is destroyed is gone for good: its record, its data key and its fingerprint.

use super::{BOTH, filled, filled_on, kept, resolved, reveals, slots, value};
use crate::support::traces::Traces;
use crate::support::{Server, default_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Origin};

/// The rows of one version of both slots of both secrets.
fn rows(version: i64) -> String {
    format!("version = {version}")
}

#[tokio::test]
async fn nothing_of_a_destroyed_version_is_left_in_any_file() {
    let (server, admin, builder) = filled_on(Server::demo_on_sqlite().await, 3).await;
    let long = "long ".repeat(13_000);
    for (name, _) in BOTH {
        for slot in slots() {
            builder.set("demo", name, slot.clone(), &long).await.unwrap();
            builder.set("demo", name, slot, "short").await.unwrap();
        }
    }
    let database = server.setup.database();
    let mut traces = Traces::of(&database, &rows(2));
    traces.add(Traces::of(&database, &rows(4)));
    assert!(traces.present(&server.setup) > 30_000, "they are found while they are there");
    for (name, _) in BOTH {
        for slot in slots() {
            for version in [2, 4] {
                admin.destroy("demo", name, slot.clone(), version).await.unwrap();
            }
        }
    }
    assert_eq!(traces.left(&server.setup), 0);
    let bare: i64 = database
        .query_row(
            "SELECT count(*) FROM value WHERE version IN (2, 4) AND destroyed AND kind IS NULL
                 AND wrapped_key_kind IS NULL AND wrapped_key_id IS NULL AND wrapped_key IS NULL
                 AND sealed IS NULL AND sealed_digest IS NULL AND fingerprint IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(bare, 8);
    let setup = server.stop().await;
    assert_eq!(traces.left(&setup), 0, "after a stop");
}

#[tokio::test]
async fn the_other_versions_go_on() {
    let (server, admin, builder) = filled(4).await;
    let runtime = server.runtime().await;
    let [default, over] = slots();
    for (name, _) in BOTH {
        for slot in slots() {
            admin.destroy("demo", name, slot.clone(), 1).await.unwrap();
            admin.destroy("demo", name, slot.clone(), 3).await.unwrap();
            assert_eq!(kept(&builder, name, &slot).await, [4, 3, 2, 1], "they stay listed");
        }
        let main = resolved(&runtime, "main", name).await;
        assert_eq!(main, Some((value(&over, 4), Origin::Override, 4)));
        let staging = resolved(&runtime, "staging", name).await;
        assert_eq!(staging, Some((value(&default, 4), Origin::Default, 4)));
        for slot in slots() {
            builder.roll_back("demo", name, slot, 2).await.unwrap();
        }
        let main = resolved(&runtime, "main", name).await;
        assert_eq!(main, Some((value(&over, 2), Origin::Override, 2)));
    }
    // Through the ratchet, and read from the file alone.
    for slot in slots() {
        for destroyed in [1, 3] {
            let answer = builder.reveal_version("demo", "OPEN", slot.clone(), destroyed).await;
            refused(answer).is(Code::FailedPrecondition, "VERSION_DESTROYED");
        }
        for version in [2, 4] {
            assert_eq!(reveals(&builder, &slot, version).await, value(&slot, version));
        }
    }
    builder.restrict("demo", "OPEN").await.unwrap();
    drop((admin, builder, runtime));
    let server = server.stop().await.start().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for (name, _) in BOTH {
        for slot in slots() {
            for destroyed in [1, 3] {
                let answer = builder.roll_back("demo", name, slot.clone(), destroyed).await;
                refused(answer).is(Code::FailedPrecondition, "VERSION_DESTROYED");
            }
            builder.roll_back("demo", name, slot.clone(), 4).await.unwrap();
        }
        let main = resolved(&runtime, "main", name).await;
        assert_eq!(main, Some((value(&over, 4), Origin::Override, 4)));
    }
}

#[tokio::test]
async fn only_an_admin_destroys_and_never_the_current_version() {
    let (server, admin, builder) = filled(3).await;
    for role in [Role::Builder, Role::Viewer, Role::Runtime, Role::Keyholder] {
        let client = server.client(role, role == Role::Builder, "deployment").await;
        for version in [1, 3, 99] {
            let answer = client.destroy("demo", "OPEN", default_slot(), version).await;
            refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
        }
    }
    for (name, _) in BOTH {
        for slot in slots() {
            let destroy =
                async |version| refused(admin.destroy("demo", name, slot.clone(), version).await);
            destroy(3).await.is(Code::FailedPrecondition, "VERSION_IS_CURRENT");
            builder.roll_back("demo", name, slot.clone(), 1).await.unwrap();
            destroy(1).await.is(Code::FailedPrecondition, "VERSION_IS_CURRENT");
            admin.destroy("demo", name, slot.clone(), 3).await.unwrap();
            destroy(3).await.is(Code::FailedPrecondition, "VERSION_DESTROYED");
            destroy(4).await.is(Code::NotFound, "VERSION_NOT_FOUND");
            for malformed in [0, -1] {
                destroy(malformed).await.is_about("INVALID_FIELD", "version");
            }
            assert_eq!(super::current(&builder, name, &slot).await, 1);
        }
    }
    admin.delete_secret("demo", "OPEN").await.unwrap();
    let answer = admin.destroy("demo", "OPEN", default_slot(), 2).await;
    refused(answer).is(Code::FailedPrecondition, "SECRET_DELETED");
    let answer = admin.destroy("demo", "NEVER", default_slot(), 2).await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn no_view_and_no_etag_changes_and_it_is_on_record() {
    let (server, admin, builder) = filled_on(Server::demo_on_sqlite().await, 2).await;
    let runtime = server.runtime().await;
    let view = runtime.resolve("demo", "main", v1::Stage::Live).await.unwrap();
    let etag = builder.versions("demo", "OPEN", default_slot()).await.unwrap().etag;
    let destroy = |etag: &str| v1::DestroySecretVersionRequest {
        name: "projects/demo/secrets/OPEN".to_owned(),
        slot: default_slot(),
        version: 1,
        etag: etag.to_owned(),
        ..Default::default()
    };
    let mut secrets = admin.secrets.clone();
    let stale = builder.versions("demo", "TIGHT", default_slot()).await.unwrap().etag;
    let answer = secrets.destroy_secret_version(destroy(&stale)).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
    secrets.destroy_secret_version(destroy(&etag)).await.unwrap();
    let listed = builder.versions("demo", "OPEN", default_slot()).await.unwrap();
    assert_eq!(listed.etag, etag);
    let now = runtime.resolve("demo", "main", v1::Stage::Live).await.unwrap();
    assert_eq!((now.secrets, now.unset), (view.secrets, view.unset));
    let (action, version): (String, i64) = server
        .setup
        .database()
        .query_row(
            "SELECT action, version FROM audit WHERE action LIKE '%Version' ORDER BY seq DESC",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!((action.as_str(), version), ("DestroySecretVersion", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destruction_that_is_not_on_record_does_not_happen() {
    let server = Server::demo_on_sqlite().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    super::fill(&builder, 2).await;
    let database = server.setup.database();
    database
        .execute_batch(
            "CREATE TRIGGER no_record BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the disk of the audit trail is gone'); END",
        )
        .unwrap();
    assert!(admin.destroy("demo", "OPEN", default_slot(), 1).await.is_err());
    database.execute_batch("DROP TRIGGER no_record").unwrap();
    assert_eq!(reveals(&builder, &default_slot(), 1).await, value(&default_slot(), 1));
}

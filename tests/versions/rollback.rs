//! Rolling back moves a pointer: nothing is opened, and no version is made.

use super::{BOTH, current, filled, filled_on, kept, resolved, reveals, slots, value};
use crate::support::{Client, Server, default_slot, override_slot, refused};
use tonic::{Code, Status};
use waxseal_kms::{Counts, Error};
use waxseal_proto::v1::{self, Origin, Stage, Visibility};

#[tokio::test]
async fn an_older_version_of_any_slot_is_current_again_without_the_key_provider() {
    let (server, _admin, builder) = filled(4).await;
    drop(builder);
    // With an empty memory the first call opens the project's integrity key, and nothing else.
    let server = server.stop().await.start().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let before = server.key_operations();
    builder.roll_back("demo", "OPEN", default_slot(), 3).await.unwrap();
    let warm = server.key_operations();
    assert_eq!(warm, Counts { unwrap: before.unwrap + 1, ..before });

    // As on a host that may not decrypt.
    server.refuse_keys(Some(Error::Revoked { key_id: "none".to_owned() }));
    for (name, _) in BOTH {
        for slot in slots() {
            for version in [1, 3, 2] {
                let answer = builder.roll_back("demo", name, slot.clone(), version).await.unwrap();
                assert_eq!(answer.version, version);
                assert_eq!(current(&builder, name, &slot).await, version);
            }
        }
    }
    assert_eq!(server.key_operations(), warm);

    server.refuse_keys(None);
    for (name, _) in BOTH {
        let [default, over] = slots().map(|slot| value(&slot, 2));
        let main = resolved(&runtime, "main", name).await;
        assert_eq!(main, Some((over, Origin::Override, 2)));
        let staging = resolved(&runtime, "staging", name).await;
        assert_eq!(staging, Some((default, Origin::Default, 2)));
    }
}

#[tokio::test]
async fn a_resolve_sees_a_rollback_as_soon_as_it_is_answered() {
    let (server, _admin, builder) = filled(3).await;
    let runtime = server.runtime().await;
    for version in [1, 3, 2, 1, 2] {
        for (name, _) in BOTH {
            builder.roll_back("demo", name, default_slot(), version).await.unwrap();
            let (shown, _, number) = resolved(&runtime, "staging", name).await.unwrap();
            assert_eq!((shown, number), (value(&default_slot(), version), version));
        }
    }
}

#[tokio::test]
async fn no_version_is_made_and_none_is_lost() {
    let (_server, _admin, builder) = filled(4).await;
    for slot in slots() {
        builder.roll_back("demo", "OPEN", slot.clone(), 2).await.unwrap();
        assert_eq!(kept(&builder, "OPEN", &slot).await, [4, 3, 2, 1]);
        for version in 1..=4 {
            assert_eq!(reveals(&builder, &slot, version).await, value(&slot, version));
        }
        assert_eq!(reveals(&builder, &slot, 0).await, value(&slot, 2));
        let next = builder.set("demo", "OPEN", slot, "after").await.unwrap();
        assert_eq!(next.version, 5);
    }
}

#[tokio::test]
async fn a_cleared_slot_is_restored() {
    let (server, _admin, builder) = filled(2).await;
    let runtime = server.runtime().await;
    for (name, _) in BOTH {
        let [default, over] = slots();
        builder.clear("demo", name, over.clone()).await.unwrap();
        let through = resolved(&runtime, "main", name).await;
        assert_eq!(through, Some((value(&default, 2), Origin::Default, 2)));
        builder.clear("demo", name, default.clone()).await.unwrap();
        assert_eq!(resolved(&runtime, "main", name).await, None);
        assert!(!builder.get_secret("demo", name).await.unwrap().has_value);

        builder.roll_back("demo", name, default.clone(), 1).await.unwrap();
        let secret = builder.get_secret("demo", name).await.unwrap();
        assert!(secret.has_value && secret.default_version == 1);
        let through = resolved(&runtime, "main", name).await;
        assert_eq!(through, Some((value(&default, 1), Origin::Default, 1)));
        builder.roll_back("demo", name, over.clone(), 2).await.unwrap();
        let own = resolved(&runtime, "main", name).await;
        assert_eq!(own, Some((value(&over, 2), Origin::Override, 2)));
    }
}

#[tokio::test]
async fn what_is_no_value_does_not_become_current() {
    let (_server, admin, builder) = filled(3).await;
    for (name, _) in BOTH {
        for slot in slots() {
            builder.clear("demo", name, slot.clone()).await.unwrap();
            builder.set("demo", name, slot.clone(), "fifth").await.unwrap();
            admin.destroy("demo", name, slot.clone(), 2).await.unwrap();
            let to = async |version| {
                refused(builder.roll_back("demo", name, slot.clone(), version).await)
            };
            to(4).await.is(Code::FailedPrecondition, "SECRET_UNSET");
            to(2).await.is(Code::FailedPrecondition, "VERSION_DESTROYED");
            for unknown in [6, 99, i64::MAX] {
                to(unknown).await.is(Code::NotFound, "VERSION_NOT_FOUND");
            }
            for malformed in [0, -1, i64::MIN] {
                to(malformed).await.is_about("INVALID_FIELD", "version");
            }
            assert_eq!(current(&builder, name, &slot).await, 5);
        }
        let never = override_slot("staging", Stage::Draft);
        let answer = builder.roll_back("demo", name, never, 1).await;
        refused(answer).is(Code::NotFound, "VERSION_NOT_FOUND");
        let nowhere = override_slot("nowhere", Stage::Draft);
        let answer = builder.roll_back("demo", name, nowhere, 1).await;
        refused(answer).is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
        builder.delete_secret("demo", name).await.unwrap();
        let answer = builder.roll_back("demo", name, default_slot(), 1).await;
        refused(answer).is(Code::FailedPrecondition, "SECRET_DELETED");
    }
    let answer = builder.roll_back("demo", "NEVER", default_slot(), 1).await;
    refused(answer).is(Code::NotFound, "SECRET_NOT_FOUND");
}

#[tokio::test]
async fn a_rollback_to_the_current_version_changes_nothing() {
    let (server, _admin, builder) = filled(3).await;
    let runtime = server.runtime().await;
    for slot in slots() {
        builder.roll_back("demo", "OPEN", slot.clone(), 2).await.unwrap();
        let state = async || {
            let listed = builder.versions("demo", "OPEN", slot.clone()).await.unwrap();
            let overrides = builder.overrides("demo", "main", Stage::Live).await.unwrap();
            (listed, overrides, builder.get_secret("demo", "OPEN").await.unwrap())
        };
        let before = state().await;
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        let again = builder.roll_back("demo", "OPEN", slot.clone(), 2).await.unwrap();
        assert_eq!((again.version, &again.etag), (2, &before.0.etag));
        assert_eq!(state().await, before);
        let request = v1::ResolveEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            if_revision_not: view.revision,
            ..Default::default()
        };
        let answer = runtime.runtime.clone().resolve_environment(request).await.unwrap();
        assert!(answer.into_inner().not_modified, "no view has changed");
    }
}

#[tokio::test]
async fn a_rollback_can_be_based_on_the_etag_of_the_slot() {
    let (_server, _admin, builder) = filled(3).await;
    let roll_back = async |version, etag: &str| -> Result<String, Status> {
        let request = v1::RollbackSecretValueRequest {
            name: "projects/demo/secrets/OPEN".to_owned(),
            slot: default_slot(),
            version,
            etag: etag.to_owned(),
            ..Default::default()
        };
        let answer = builder.secrets.clone().rollback_secret_value(request).await?;
        Ok(answer.into_inner().etag)
    };
    let first = builder.get_secret("demo", "OPEN").await.unwrap().default_etag;
    let second = roll_back(1, &first).await.unwrap();
    // It is another one also where the same version is current again.
    let third = roll_back(3, &second).await.unwrap();
    assert!(third != first && second != first && third != second);
    for stale in [&first, &second] {
        refused(roll_back(2, stale).await).is(Code::Aborted, "ETAG_MISMATCH");
    }
    let over = builder.overrides("demo", "main", Stage::Live).await.unwrap();
    refused(roll_back(2, &over[0].etag).await).is(Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(current(&builder, "OPEN", &default_slot()).await, 3);
}

#[tokio::test]
async fn what_a_protected_environment_resolves_is_rolled_back_by_an_admin_only() {
    let (_server, admin, builder) = filled(2).await;
    let protect = v1::Environment { protected: true, ..Default::default() };
    admin.update_environment("demo", "main", protect.clone(), &["protected"]).await.unwrap();
    let [default, over] = slots();
    let denied = async |slot: &Option<v1::Slot>| {
        let answer = builder.roll_back("demo", "OPEN", slot.clone(), 1).await;
        refused(answer).is(Code::PermissionDenied, "ENVIRONMENT_PROTECTED");
    };
    denied(&over).await;
    // The override hides the default there.
    builder.roll_back("demo", "OPEN", default.clone(), 1).await.unwrap();
    admin.clear("demo", "OPEN", over.clone()).await.unwrap();
    denied(&default).await;
    denied(&over).await;
    for slot in [over, default] {
        admin.roll_back("demo", "OPEN", slot, 2).await.unwrap();
    }
    let draft = override_slot("main", Stage::Draft);
    for value in ["one", "two"] {
        builder.set("demo", "OPEN", draft.clone(), value).await.unwrap();
    }
    builder.roll_back("demo", "OPEN", draft, 1).await.unwrap();
}

#[tokio::test]
async fn a_value_that_no_longer_fits_its_views_does_not_come_back() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let long = "l".repeat(65_536);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some(&long)).await.unwrap();
    builder.set("demo", "KEY", default_slot(), "short").await.unwrap();
    let mut filling = 0;
    let full = loop {
        let name = format!("FILL_{filling}");
        match builder.create_secret("demo", &name, Visibility::Masked, Some(&long)).await {
            Ok(_) => filling += 1,
            Err(status) => break status,
        }
    };
    let too_large = |status: Status| {
        crate::support::refusal::read(&status).is(Code::ResourceExhausted, "VIEW_TOO_LARGE");
    };
    too_large(full);
    too_large(builder.roll_back("demo", "KEY", default_slot(), 1).await.unwrap_err());
    assert_eq!(current(&builder, "KEY", &default_slot()).await, 2);
    assert_eq!(resolved(&runtime, "main", "KEY").await.unwrap().0, "short");
    builder.delete_secret("demo", "FILL_0").await.unwrap();
    builder.roll_back("demo", "KEY", default_slot(), 1).await.unwrap();
    assert_eq!(resolved(&runtime, "main", "KEY").await.unwrap().0, long);
}

#[tokio::test]
async fn rollbacks_are_on_record_and_refused_ones_are_not() {
    let (server, _admin, builder) = filled_on(Server::demo_on_sqlite().await, 2).await;
    let database = server.setup.database();
    let last = || -> (i64, String, i64) {
        let sql = "SELECT seq, action, version FROM audit ORDER BY seq DESC LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        database.query_row(sql, [], read).unwrap()
    };
    builder.roll_back("demo", "TIGHT", default_slot(), 1).await.unwrap();
    let (seq, action, version) = last();
    assert_eq!((action.as_str(), version), ("RollbackSecretValue", 1));
    refused(builder.roll_back("demo", "TIGHT", default_slot(), 9).await);
    assert_eq!(last().0, seq);
}

#[tokio::test]
async fn of_rollbacks_and_writes_at_once_every_one_happens_whole() {
    let (server, _admin, builder) = filled(3).await;
    let write = async |client: &Client, value: String| {
        client.set("demo", "OPEN", default_slot(), &value).await.unwrap().version
    };
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24 {
        let builder = builder.clone();
        tasks.spawn(async move {
            if number % 3 == 0 {
                let answer = builder.roll_back("demo", "OPEN", default_slot(), 3).await;
                // Written over by now more often than is kept.
                if let Err(status) = answer {
                    assert_eq!(status.code(), Code::NotFound);
                }
                None
            } else {
                Some(write(&builder, format!("write {number}")).await)
            }
        });
    }
    let mut numbers: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (4..20).collect::<Vec<_>>());
    let now = current(&builder, "OPEN", &default_slot()).await;
    let (shown, _, version) = resolved(&server.runtime().await, "staging", "OPEN").await.unwrap();
    assert_eq!((version, shown), (now, reveals(&builder, &default_slot(), 0).await));
}

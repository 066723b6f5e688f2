//! Restricted values are used and never shown; masked ones are shown on record. What turns the
//! one into the other is in `ratchet.rs`, and what happens meanwhile in `races.rs`.

mod races;
mod ratchet;

use crate::support::client::{shown, values};
use crate::support::stored::audited;
use crate::support::{Client, Server, default_slot, override_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

/// A slot that a test calls by a name.
pub type Slot = (&'static str, Option<v1::Slot>);

/// Every slot that a secret of the project `demo` can have.
pub fn slots() -> Vec<Slot> {
    vec![
        ("default", default_slot()),
        ("main draft", override_slot("main", Stage::Draft)),
        ("main live", override_slot("main", Stage::Live)),
        ("staging draft", override_slot("staging", Stage::Draft)),
        ("staging live", override_slot("staging", Stage::Live)),
    ]
}

/// Writes `count` versions into these slots; each value says where it belongs.
pub async fn fill(client: &Client, secret: &str, slots: &[Slot], count: i64) {
    for (name, slot) in slots {
        for version in 1..=count {
            let value = value(secret, name, version);
            let written = client.set("demo", secret, slot.clone(), &value).await.unwrap();
            assert_eq!(written.version, version);
        }
    }
}

pub fn value(secret: &str, slot: &str, version: i64) -> String {
    format!("{secret} in {slot}, version {version}")
}

/// What each view of `demo` has to say of a secret whose slots were all filled up to a version.
pub async fn resolves_as_filled(runtime: &Client, secret: &str, version: i64) {
    for (environment, stage, slot) in [
        ("main", Stage::Draft, "main draft"),
        ("main", Stage::Live, "main live"),
        ("staging", Stage::Draft, "staging draft"),
        ("staging", Stage::Live, "staging live"),
    ] {
        let answer = runtime.resolve("demo", environment, stage).await.unwrap();
        let found = answer.secrets.iter().find(|entry| entry.secret == secret).unwrap();
        let stands = (shown(found.payload.as_ref()), found.version);
        assert_eq!(stands, (value(secret, slot, version).as_str(), version), "{slot}");
    }
}

/// Everyone there can be, and the one slot that the scope leaves to those who have the grant.
async fn everyone(server: &Server) -> Vec<(String, Client, Option<&'static str>)> {
    const SCOPES: [&str; 3] =
        ["deployment", "projects/demo", "projects/demo/environments/main/stages/draft"];
    let mut callers = Vec::new();
    for role in Role::ALL {
        for reveal in [false, true] {
            if reveal && role != Role::Builder {
                continue;
            }
            for scope in SCOPES {
                let slots = if scope.contains("stages") { "main draft" } else { "" };
                let client = server.client(role, reveal, scope).await;
                let slots = reveal.then_some(slots);
                callers.push((format!("{role:?} {reveal} {scope}"), client, slots));
            }
        }
    }
    callers
}

#[tokio::test]
async fn nobody_is_shown_a_restricted_value_and_no_key_is_asked_for() {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "TIGHT", Visibility::Restricted, None).await.unwrap();
    let written = &slots()[..3];
    fill(&builder, "TIGHT", written, 3).await;
    builder.clear("demo", "TIGHT", slots()[2].1.clone()).await.unwrap();
    let callers = everyone(&server).await;
    let database = server.setup.database();

    for deleted in [false, true] {
        if deleted {
            builder.delete_secret("demo", "TIGHT").await.unwrap();
        }
        let before = (server.key_operations(), audited(&database));
        for (who, client, granted) in &callers {
            for (slot, address) in slots() {
                let may = granted.is_some_and(|only| slot.contains(only));
                let reason = if may { "SECRET_RESTRICTED" } else { "PERMISSION_DENIED" };
                for version in [0, 1, 2, 3, 4, 99] {
                    let answer =
                        client.reveal_version("demo", "TIGHT", address.clone(), version).await;
                    let refusal = refused(answer);
                    let stands = (refusal.code, refusal.reason.as_str());
                    let case = format!("{who}: {slot}, version {version}, deleted {deleted}");
                    assert_eq!(stands, (Code::PermissionDenied, reason), "{case}");
                }
            }
        }
        assert_eq!((server.key_operations(), audited(&database)), before, "deleted {deleted}");
    }
}

#[tokio::test]
async fn a_restricted_value_resolves_as_a_masked_one_does() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for (name, visibility) in [("MASKED", Visibility::Masked), ("TIGHT", Visibility::Restricted)] {
        builder.create_secret("demo", name, visibility, Some("from the start")).await.unwrap();
        builder.set("demo", name, override_slot("main", Stage::Live), "over").await.unwrap();
    }
    for (environment, stage) in [("main", Stage::Live), ("staging", Stage::Draft)] {
        let answer = runtime.resolve("demo", environment, stage).await.unwrap();
        let said: Vec<_> = values(&answer.secrets);
        let [(_, masked, masked_origin, masked_version), (_, tight, origin, version)] = said[..]
        else {
            panic!("{said:?}")
        };
        assert_eq!((masked, masked_origin, masked_version), (tight, origin, version));
        let named =
            runtime.resolve_named("demo", environment, stage, &["TIGHT"], false).await.unwrap();
        assert_eq!(values(&named.secrets), said[1..]);
    }
}

#[tokio::test]
async fn every_version_of_a_masked_value_is_shown_to_who_holds_the_grant() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "OPEN", Visibility::Masked, None).await.unwrap();
    fill(&builder, "OPEN", &slots(), 3).await;
    for (slot, address) in slots() {
        for (asked, given) in [(1, 1), (2, 2), (3, 3), (0, 3)] {
            let shown_to = builder.reveal_version("demo", "OPEN", address.clone(), asked).await;
            let revealed = shown_to.unwrap();
            assert_eq!(shown(revealed.payload.as_ref()), value("OPEN", slot, given));
            assert_eq!(revealed.version, given);
        }
        let answer = builder.reveal_version("demo", "OPEN", address, 4).await;
        refused(answer).is(Code::NotFound, "VERSION_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_reveal_is_on_record_once_and_a_refused_one_is_not() {
    let server = Server::demo_on_sqlite().await;
    let (builder, viewer) = (server.builder().await, server.viewer().await);
    builder.create_secret("demo", "OPEN", Visibility::Masked, Some("shown")).await.unwrap();
    builder.create_secret("demo", "TIGHT", Visibility::Restricted, Some("not")).await.unwrap();
    let live = override_slot("main", Stage::Live);
    builder.set("demo", "OPEN", live.clone(), "shown too").await.unwrap();
    let database = server.setup.database();

    for (slot, stage) in [(default_slot(), None), (live.clone(), Some(2))] {
        let before = audited(&database);
        builder.reveal("demo", "OPEN", slot).await.unwrap();
        assert_eq!(audited(&database), before + 1);
        let row: (String, String, Option<i64>, Option<i64>, Option<String>) = database
            .query_row(
                "SELECT action, principal, stage, version,
                        (SELECT name FROM secret WHERE uid = audit.secret)
                 FROM audit ORDER BY seq DESC LIMIT 1",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
            )
            .unwrap();
        let (action, principal, at, version, secret) = row;
        assert_eq!((action.as_str(), at, version), ("RevealSecretValue", stage, Some(1)));
        assert_eq!(secret.as_deref(), Some("OPEN"));
        assert!(principal.starts_with("principals/"), "{principal}");
    }

    let before = audited(&database);
    let draft = override_slot("main", Stage::Draft);
    refused(builder.reveal("demo", "OPEN", draft).await)
        .is(Code::FailedPrecondition, "SECRET_UNSET");
    refused(builder.reveal("demo", "TIGHT", default_slot()).await)
        .is(Code::PermissionDenied, "SECRET_RESTRICTED");
    refused(builder.reveal("demo", "NEVER", default_slot()).await)
        .is(Code::NotFound, "SECRET_NOT_FOUND");
    refused(viewer.reveal("demo", "OPEN", default_slot()).await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");
    assert_eq!(audited(&database), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_on_record_does_not_happen() {
    let server = Server::demo_on_sqlite().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "OPEN", Visibility::Masked, Some("first")).await.unwrap();
    let database = server.setup.database();
    database
        .execute_batch(
            "CREATE TRIGGER no_record BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the disk of the audit trail is gone'); END",
        )
        .unwrap();

    assert!(builder.reveal("demo", "OPEN", default_slot()).await.is_err());
    assert!(builder.set("demo", "OPEN", default_slot(), "second").await.is_err());
    assert!(builder.create_secret("demo", "MORE", Visibility::Masked, None).await.is_err());
    assert!(builder.restrict("demo", "OPEN").await.is_err());
    assert!(builder.delete_secret("demo", "OPEN").await.is_err());

    database.execute_batch("DROP TRIGGER no_record").unwrap();
    let answer = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(values(&answer.secrets), [("OPEN", "first", v1::Origin::Default, 1)]);
    assert!(answer.unset.is_empty());
    let revealed = builder.reveal("demo", "OPEN", default_slot()).await.unwrap();
    assert_eq!(shown(revealed.payload.as_ref()), "first");
}

#[tokio::test]
async fn a_change_is_on_record_once_for_each_thing_it_is_about() {
    let server = Server::demo_on_sqlite().await;
    let (builder, viewer) = (server.builder().await, server.viewer().await);
    let database = server.setup.database();
    let counted = |before: i64| audited(&database) - before;

    let before = audited(&database);
    builder.create_secret("demo", "ONE", Visibility::Masked, Some("1")).await.unwrap();
    builder.create_secret("demo", "TWO", Visibility::Masked, None).await.unwrap();
    assert_eq!(counted(before), 2);

    let before = audited(&database);
    let batch = |names: &[&str]| v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Draft.into(),
        overrides: names
            .iter()
            .map(|name| v1::OverrideValue {
                secret: (*name).to_owned(),
                payload: crate::support::text("over"),
            })
            .collect(),
        ..Default::default()
    };
    let mut secrets = builder.secrets.clone();
    secrets.batch_set_overrides(batch(&["ONE", "TWO"])).await.unwrap();
    assert_eq!(counted(before), 2);

    let before = audited(&database);
    refused(secrets.batch_set_overrides(batch(&["ONE", "NEVER"])).await)
        .is(Code::NotFound, "SECRET_NOT_FOUND");
    refused(builder.create_secret("demo", "ONE", Visibility::Masked, None).await)
        .is(Code::AlreadyExists, "SECRET_EXISTS");
    refused(builder.set("demo", "NEVER", default_slot(), "x").await)
        .is(Code::NotFound, "SECRET_NOT_FOUND");
    refused(viewer.set("demo", "ONE", default_slot(), "x").await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");
    assert_eq!(counted(before), 0);

    let before = audited(&database);
    builder.restrict("demo", "ONE").await.unwrap();
    assert_eq!(counted(before), 1);
    builder.delete_secret("demo", "ONE").await.unwrap();
    builder.undelete_secret("demo", "ONE").await.unwrap();
    builder.clear("demo", "ONE", default_slot()).await.unwrap();
    assert_eq!(counted(before), 4);
}

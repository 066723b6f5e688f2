//! The contract that every store passes, word for word the same for each.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite of assertions, called by tests only"
)]

mod access;
mod audit;
mod copy;
mod heads;
mod keys;
mod views;

use crate::{
    AliasRow, EnvironmentRow, GroupRow, Meta, ProjectRow, RequestRow, Sealed, SlotRow, Store,
    ValueRow, Wrapped,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use waxseal_domain::environment::{Environment, Fallback, Settings, Stage};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::project::Project;
use waxseal_domain::secret::{Deletion, Secret, Visibility};
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;

/// Runs the whole suite against an empty store.
pub async fn contract(store: Arc<dyn Store>) {
    meta_is_written_once(&store).await;
    a_dropped_transaction_leaves_nothing(&store).await;
    a_commit_moves_the_head_before_it_returns(&store).await;
    a_snapshot_stays_as_it_was(&store).await;
    projects_are_paged_by_id(&store).await;
    environments_go_with_their_overrides(&store).await;
    secrets_are_found_regardless_of_case(&store).await;
    values_keep_every_version(&store).await;
    an_edit_that_is_refused_leaves_nothing_of_the_others(&store).await;
    a_reseal_fits_only_the_version_it_was_made_for(&store).await;
    versions_are_pruned_up_to_a_number(&store).await;
    aliases_are_reserved_by_their_exact_name(&store).await;
    a_secret_is_removed_with_all_it_had(&store).await;
    a_deleted_project_shows_in_its_head_and_is_removed_whole(&store).await;
    answers_are_kept_per_caller(&store).await;
    audit::suite(&store).await;
    access::suite(&store).await;
    copy::what_is_beside_projects_is_listed_in_order(&store).await;
    writers_queue(&store).await;
    heads::suite(&store).await;
    keys::suite(&store).await;
    views::suite(&store).await;
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn wrapped(byte: u8) -> Wrapped {
    Wrapped { kind: 1, key_id: "key".to_owned(), bytes: vec![byte; 200] }
}

fn project(byte: u8, id: &str) -> ProjectRow {
    ProjectRow {
        project: Project {
            uid: ProjectUid::from_bytes([byte; 16]),
            id: ProjectId::parse(id).unwrap(),
            display_name: "A project".to_owned(),
            edition: 1,
            created: time(1),
            updated: time(2),
            deletion: None,
        },
        incarnation: Incarnation::from_bytes([2; 16]),
        revision: 1,
        integrity_key: wrapped(byte),
        fingerprint_key: wrapped(byte.wrapping_add(1)),
        catalogue: [byte; 32],
        manifest: [byte; 32],
    }
}

fn environment(byte: u8, id: &str) -> EnvironmentRow {
    EnvironmentRow {
        environment: Environment {
            uid: EnvironmentUid::from_bytes([byte; 16]),
            id: EnvironmentId::parse(id).unwrap(),
            settings: Settings {
                display_name: "An environment".to_owned(),
                fallback: Fallback::Deny,
                protected: true,
            },
            edition: 3,
            created: time(3),
            updated: time(4),
        },
        draft: GroupRow { revision: 5, digest: [5; 32] },
        live: GroupRow { revision: 6, digest: [6; 32] },
    }
}

fn secret(byte: u8, name: &str) -> Secret {
    Secret {
        uid: SecretUid::from_bytes([byte; 16]),
        name: SecretName::parse(name).unwrap(),
        visibility: Visibility::Masked,
        description: "A secret".to_owned(),
        edition: 1,
        created: time(1),
        updated: time(1),
        deletion: None,
    }
}

fn value(secret: &Secret, place: Place, version: u64, byte: u8) -> ValueRow {
    ValueRow {
        secret: secret.uid,
        place,
        version,
        uid: ValueUid::from_bytes([byte; 16]),
        created: time(9),
        sealed: Some(Sealed {
            kind: PayloadKind::Text,
            key: wrapped(byte),
            record: vec![byte; 100],
            digest: [byte; 32],
            fingerprint: [byte; 32],
        }),
        destroyed: false,
        mac: [byte; 32],
    }
}

fn slot(secret: &Secret, place: Place, version: u64) -> SlotRow {
    SlotRow {
        secret: secret.uid,
        place,
        current: version,
        highest: version,
        edition: version,
        updated: time(10),
        history: (1..=version).map(|version| (version, [9; 32])).collect(),
        value: None,
    }
}

async fn add_project(store: &Arc<dyn Store>, row: &ProjectRow) {
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(row).await.unwrap();
    tx.commit().await.unwrap();
}

async fn meta_is_written_once(store: &Arc<dyn Store>) {
    let meta = Meta {
        deployment: Deployment::from_bytes([1; 16]),
        incarnation: Incarnation::from_bytes([2; 16]),
        service_key: wrapped(3),
        created: time(4),
        unscrubbed: false,
        epoch: 0,
    };
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.meta().await.unwrap(), None);
    tx.insert_meta(meta.clone()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().meta().await.unwrap(), Some(meta.clone()));
    let mut tx = store.begin("contract").await.unwrap();
    assert!(tx.insert_meta(meta).await.is_err(), "a second row is refused");
}

async fn a_dropped_transaction_leaves_nothing(store: &Arc<dyn Store>) {
    let row = project(10, "dropped");
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    assert!(tx.project(&row.project.id).await.unwrap().is_some(), "it sees its own change");
    drop(tx);
    assert!(store.snapshot().await.unwrap().project(&row.project.id).await.unwrap().is_none());
    assert!(store.head(&row.project.id).await.unwrap().is_none());
}

async fn a_commit_moves_the_head_before_it_returns(store: &Arc<dyn Store>) {
    let mut row = project(11, "heads");
    let mut main = environment(11, "main");
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_environment(row.project.uid, &main).await.unwrap();
    tx.commit().await.unwrap();
    let before = store.head(&row.project.id).await.unwrap().unwrap();
    assert_eq!((before.project, before.revision), (row.project.uid, 1));
    assert_eq!(before.incarnation, Incarnation::from_bytes([2; 16]));
    let head = before.environment(&main.environment.id).unwrap();
    assert_eq!((head.view(Stage::Draft), head.view(Stage::Live)), (5, 6));

    row.revision = 2;
    main.live.revision = 2;
    let mut tx = store.begin("contract").await.unwrap();
    tx.update_project(&row).await.unwrap();
    tx.update_environment(&main).await.unwrap();
    assert_eq!(store.head(&row.project.id).await.unwrap().unwrap(), before, "not before commit");
    tx.commit().await.unwrap();
    let after = store.head(&row.project.id).await.unwrap().unwrap();
    assert_eq!(after.revision, 2);
    assert_eq!(after.environment(&main.environment.id).unwrap().live, 2);
}

async fn a_snapshot_stays_as_it_was(store: &Arc<dyn Store>) {
    let mut row = project(12, "snapshots");
    add_project(store, &row).await;
    let mut early = store.snapshot().await.unwrap();
    // The state may be that of the first look.
    assert_eq!(early.project(&row.project.id).await.unwrap().unwrap().revision, 1);
    row.revision = 7;
    let mut tx = store.begin("contract").await.unwrap();
    tx.update_project(&row).await.unwrap();
    tx.commit().await.unwrap();
    let mut late = store.snapshot().await.unwrap();
    assert_eq!(early.project(&row.project.id).await.unwrap().unwrap().revision, 1);
    assert_eq!(late.project(&row.project.id).await.unwrap().unwrap(), row);
}

async fn projects_are_paged_by_id(store: &Arc<dyn Store>) {
    for (byte, id) in [(13, "page-c"), (14, "page-a"), (15, "page-b")] {
        add_project(store, &project(byte, id)).await;
    }
    let mut snapshot = store.snapshot().await.unwrap();
    let after = ProjectId::parse("page").unwrap();
    let page = snapshot.projects(Some(&after), false, 2).await.unwrap();
    let ids: Vec<_> = page.iter().map(|row| row.project.id.as_str()).collect();
    assert_eq!(ids, ["page-a", "page-b"]);
    assert_eq!(snapshot.count_projects(false).await.unwrap(), 5);
    assert_eq!(snapshot.projects(None, true, 100).await.unwrap().len(), 5);
}

async fn environments_go_with_their_overrides(store: &Arc<dyn Store>) {
    let (row, main, other) = (project(20, "envs"), environment(20, "main"), environment(21, "b"));
    let key = secret(20, "KEY");
    let gone = Place::Override(other.environment.uid, Stage::Live);
    let kept = Place::Override(main.environment.uid, Stage::Live);
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_environment(row.project.uid, &main).await.unwrap();
    tx.insert_environment(row.project.uid, &other).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    for (place, byte) in [(gone, 1), (kept, 2)] {
        tx.insert_value(&value(&key, place, 1, byte)).await.unwrap();
        tx.put_slot(row.project.uid, &slot(&key, place, 1)).await.unwrap();
    }
    tx.commit().await.unwrap();

    let mut tx = store.begin("contract").await.unwrap();
    let listed = tx.environments(row.project.uid).await.unwrap();
    assert_eq!(listed, [other.clone(), main.clone()], "in the order of their ids, field by field");
    tx.remove_environment(row.project.uid, other.environment.uid).await.unwrap();
    tx.update_project(&row).await.unwrap();
    tx.commit().await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.environments(row.project.uid).await.unwrap(), [main]);
    assert!(snapshot.slots(row.project.uid, gone).await.unwrap().is_empty());
    assert!(snapshot.value(key.uid, gone, 1).await.unwrap().is_none());
    assert!(snapshot.value(key.uid, kept, 1).await.unwrap().is_some());
    let head = store.head(&row.project.id).await.unwrap().unwrap();
    assert_eq!(head.environments.len(), 1);
}

async fn secrets_are_found_regardless_of_case(store: &Arc<dyn Store>) {
    let row = project(30, "secrets");
    let (mut upper, lower) = (secret(30, "B_KEY"), secret(31, "a_key"));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &upper).await.unwrap();
    tx.insert_secret(row.project.uid, &lower).await.unwrap();
    upper.visibility = Visibility::Restricted;
    upper.deletion = Some(Deletion { deleted: time(5), purge: time(6) });
    tx.update_secret(&upper).await.unwrap();
    tx.commit().await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    let twin = SecretName::parse("b_key").unwrap();
    assert_eq!(snapshot.secret(row.project.uid, &twin).await.unwrap(), Some(upper.clone()));
    assert_eq!(snapshot.secrets(row.project.uid).await.unwrap(), [lower, upper]);
    let elsewhere = ProjectUid::from_bytes([11; 16]);
    assert_eq!(snapshot.secret(elsewhere, &twin).await.unwrap(), None);

    let mut tx = store.begin("contract").await.unwrap();
    let twin = secret(32, "b_KEY");
    assert!(tx.insert_secret(row.project.uid, &twin).await.is_err(), "a case twin is refused");
}

async fn values_keep_every_version(store: &Arc<dyn Store>) {
    let row = project(40, "values");
    let key = secret(40, "KEY");
    let place = Place::Override(EnvironmentUid::from_bytes([40; 16]), Stage::Draft);
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    for version in 1..=3 {
        let byte = u8::try_from(version).unwrap();
        tx.insert_value(&value(&key, Place::Default, version, byte)).await.unwrap();
        tx.put_slot(row.project.uid, &slot(&key, Place::Default, version)).await.unwrap();
    }
    let cleared = ValueRow { sealed: None, ..value(&key, place, 1, 9) };
    tx.insert_value(&cleared).await.unwrap();
    tx.put_slot(row.project.uid, &slot(&key, place, 1)).await.unwrap();
    tx.commit().await.unwrap();

    let mut snapshot = store.snapshot().await.unwrap();
    let slots = snapshot.slots(row.project.uid, Place::Default).await.unwrap();
    let head = slots[0].value.unwrap();
    assert_eq!((slots.len(), slots[0].current, slots[0].highest), (1, 3, 3));
    assert_eq!(slots[0].history, [(1, [9; 32]), (2, [9; 32]), (3, [9; 32])]);
    assert_eq!((head.uid, head.sealed), (ValueUid::from_bytes([3; 16]), Some(([3; 32], 100))));
    let slots = snapshot.slots(row.project.uid, place).await.unwrap();
    assert_eq!(slots[0].value.unwrap().sealed, None, "a cleared version has no record");
    assert_eq!(snapshot.all_slots(row.project.uid).await.unwrap().len(), 2);

    let current = snapshot.current_values(row.project.uid, Place::Default).await.unwrap();
    assert_eq!(current, [value(&key, Place::Default, 3, 3)]);
    assert!(snapshot.current_values(row.project.uid, place).await.unwrap().is_empty());
    let first = snapshot.value(key.uid, Place::Default, 1).await.unwrap();
    assert_eq!(first, Some(value(&key, Place::Default, 1, 1)));
    assert_eq!(snapshot.values_of(key.uid).await.unwrap().len(), 4);
}

async fn an_edit_that_is_refused_leaves_nothing_of_the_others(store: &Arc<dyn Store>) {
    let row = project(40, "values");
    let key = secret(40, "KEY");
    let before = store.head(&row.project.id).await.unwrap();
    for reads_meanwhile in [false, true] {
        let mut tx = store.begin("contract").await.unwrap();
        let found = tx.project(&row.project.id).await.unwrap().unwrap();
        let raised = ProjectRow { revision: found.revision + 1, ..found };
        let edits = async {
            tx.insert_value(&value(&key, Place::Default, 4, 4)).await?;
            tx.insert_value(&value(&key, Place::Default, 4, 5)).await?;
            if reads_meanwhile {
                tx.value(key.uid, Place::Default, 4).await?;
            }
            tx.update_project(&raised).await?;
            tx.put_slot(row.project.uid, &slot(&key, Place::Default, 4)).await?;
            tx.commit().await
        };
        assert!(edits.await.is_err(), "{reads_meanwhile}");
        let mut snapshot = store.snapshot().await.unwrap();
        assert_eq!(snapshot.value(key.uid, Place::Default, 4).await.unwrap(), None);
        assert_eq!(store.head(&row.project.id).await.unwrap(), before);
    }
}

async fn a_reseal_fits_only_the_version_it_was_made_for(store: &Arc<dyn Store>) {
    let key = secret(40, "KEY");
    let mut other = value(&key, Place::Default, 1, 1);
    other.sealed.as_mut().unwrap().record = vec![77; 50];
    let mut tx = store.begin("contract").await.unwrap();
    tx.reseal_value(&other).await.unwrap();
    assert_eq!(tx.value(key.uid, Place::Default, 1).await.unwrap(), Some(other.clone()));
    other.uid = ValueUid::from_bytes([99; 16]);
    assert!(tx.reseal_value(&other).await.is_err());
}

async fn versions_are_pruned_up_to_a_number(store: &Arc<dyn Store>) {
    let key = secret(40, "KEY");
    let mut tx = store.begin("contract").await.unwrap();
    tx.prune_values(key.uid, Place::Default, 1).await.unwrap();
    let versions = tx.versions(key.uid, Place::Default).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|row| row.version).collect();
    assert_eq!(numbers, [3, 2], "the newest first");
    let destroyed = ValueRow { sealed: None, destroyed: true, ..versions[1].clone() };
    tx.reseal_value(&destroyed).await.unwrap();
    assert_eq!(tx.value(key.uid, Place::Default, 2).await.unwrap(), Some(destroyed));
}

async fn aliases_are_reserved_by_their_exact_name(store: &Arc<dyn Store>) {
    let row = project(41, "aliases");
    let key = secret(41, "KEY");
    let alias = |name: &str| AliasRow { name: SecretName::parse(name).unwrap(), secret: key.uid };
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    tx.insert_alias(row.project.uid, &alias("Old")).await.unwrap();
    tx.insert_alias(row.project.uid, &alias("OLD")).await.unwrap();
    tx.remove_alias(row.project.uid, &alias("old").name).await.unwrap();
    assert_eq!(tx.aliases(row.project.uid).await.unwrap(), [alias("OLD"), alias("Old")]);
    tx.remove_alias(row.project.uid, &alias("Old").name).await.unwrap();
    assert_eq!(tx.aliases(row.project.uid).await.unwrap(), [alias("OLD")]);
    assert!(tx.insert_alias(row.project.uid, &alias("OLD")).await.is_err());
}

async fn a_secret_is_removed_with_all_it_had(store: &Arc<dyn Store>) {
    let row = project(42, "removal");
    let (gone, kept) = (secret(42, "GONE"), secret(43, "KEPT"));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    for key in [&gone, &kept] {
        tx.insert_secret(row.project.uid, key).await.unwrap();
        tx.insert_value(&value(key, Place::Default, 1, 1)).await.unwrap();
        tx.put_slot(row.project.uid, &slot(key, Place::Default, 1)).await.unwrap();
    }
    let name = SecretName::parse("WAS").unwrap();
    tx.insert_alias(row.project.uid, &AliasRow { name, secret: gone.uid }).await.unwrap();
    tx.remove_secret(row.project.uid, gone.uid).await.unwrap();
    tx.mark_unscrubbed().await.unwrap();
    tx.commit().await.unwrap();
    let unscrubbed =
        async || store.snapshot().await.unwrap().meta().await.unwrap().unwrap().unscrubbed;
    assert!(unscrubbed().await, "until it is done");
    while !store.scrub().await.unwrap() {}
    assert!(!unscrubbed().await);
    let mut snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.secrets(row.project.uid).await.unwrap(), [kept]);
    assert!(snapshot.values_of(gone.uid).await.unwrap().is_empty());
    assert!(snapshot.aliases(row.project.uid).await.unwrap().is_empty());
    assert_eq!(snapshot.all_slots(row.project.uid).await.unwrap().len(), 1);
}

async fn a_deleted_project_shows_in_its_head_and_is_removed_whole(store: &Arc<dyn Store>) {
    let mut row = project(44, "doomed");
    let (main, mut key) = (environment(44, "main"), secret(44, "KEY"));
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_environment(row.project.uid, &main).await.unwrap();
    key.deletion = None;
    tx.insert_secret(row.project.uid, &key).await.unwrap();
    tx.commit().await.unwrap();
    assert!(!store.head(&row.project.id).await.unwrap().unwrap().deleted);

    row.project.deletion = Some(Deletion { deleted: time(5), purge: time(500) });
    let mut tx = store.begin("contract").await.unwrap();
    tx.update_project(&row).await.unwrap();
    assert_eq!(tx.project(&row.project.id).await.unwrap(), Some(row.clone()));
    assert!(!tx.purgeable(time(499)).await.unwrap().contains(&row.project.id));
    assert!(tx.purgeable(time(500)).await.unwrap().contains(&row.project.id));
    tx.commit().await.unwrap();
    assert!(store.head(&row.project.id).await.unwrap().unwrap().deleted);
    let mut snapshot = store.snapshot().await.unwrap();
    let (all, standing) =
        (snapshot.count_projects(true).await, snapshot.count_projects(false).await);
    assert_eq!(all.unwrap() - 1, standing.unwrap());
    let standing = snapshot.projects(None, false, 100).await.unwrap();
    assert!(standing.iter().all(|other| other.project.id != row.project.id));
    drop(snapshot);

    let mut tx = store.begin("contract").await.unwrap();
    tx.remove_project(&row).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.head(&row.project.id).await.unwrap().is_none());
    let mut snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.project(&row.project.id).await.unwrap().is_none());
    assert!(snapshot.secrets(row.project.uid).await.unwrap().is_empty());
}

async fn answers_are_kept_per_caller(store: &Arc<dyn Store>) {
    let row = RequestRow {
        principal: "token:a".to_owned(),
        id: Uuid::from_u128(7),
        body: [7; 32],
        answer: "{}".to_owned(),
        created: time(100),
    };
    let mut tx = store.begin("contract").await.unwrap();
    tx.put_request(&row).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin("contract").await.unwrap();
    assert_eq!(tx.request("token:a", row.id).await.unwrap(), Some(row.clone()));
    assert_eq!(tx.request("token:b", row.id).await.unwrap(), None);
    tx.forget_requests(time(100)).await.unwrap();
    assert!(tx.request("token:a", row.id).await.unwrap().is_some(), "not yet");
    tx.forget_requests(time(101)).await.unwrap();
    assert!(tx.request("token:a", row.id).await.unwrap().is_none());
}

async fn writers_queue(store: &Arc<dyn Store>) {
    let row = project(50, "queue");
    add_project(store, &row).await;
    let raise = |store: Arc<dyn Store>, id: ProjectId| async move {
        let mut tx = store.begin("contract").await.unwrap();
        let mut row = tx.project(&id).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        row.revision += 1;
        tx.update_project(&row).await.unwrap();
        tx.commit().await.unwrap();
    };
    let tasks: Vec<_> =
        (0..20).map(|_| tokio::spawn(raise(store.clone(), row.project.id.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let head = store.head(&row.project.id).await.unwrap().unwrap();
    assert_eq!(head.revision, 21, "no raise is lost");
}

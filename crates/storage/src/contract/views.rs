//! The rows of one view, all at once.

use super::{environment, project, secret, slot, time, value};
use crate::{AliasRow, SlotRow, Store, ValueRow, ViewRows};
use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Deletion;
use waxseal_domain::slot::Place;

pub(super) async fn suite(store: &Arc<dyn Store>) {
    let row = project(80, "views");
    let elsewhere = project(81, "elsewhere");
    let (main, other) = (environment(80, "main"), environment(81, "other"));
    let stranger = environment(82, "main");
    let (a, mut b, c) = (secret(80, "A"), secret(81, "B"), secret(82, "C"));
    b.deletion = Some(Deletion { deleted: time(5), purge: time(i64::MAX) });
    let live = Place::Override(main.environment.uid, Stage::Live);
    let draft = Place::Override(main.environment.uid, Stage::Draft);
    let foreign = Place::Override(other.environment.uid, Stage::Live);
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(&row).await.unwrap();
    tx.insert_project(&elsewhere).await.unwrap();
    tx.insert_environment(row.project.uid, &main).await.unwrap();
    tx.insert_environment(row.project.uid, &other).await.unwrap();
    tx.insert_environment(elsewhere.project.uid, &stranger).await.unwrap();
    for key in [&a, &b] {
        tx.insert_secret(row.project.uid, key).await.unwrap();
    }
    tx.update_secret(&b).await.unwrap();
    tx.insert_secret(elsewhere.project.uid, &c).await.unwrap();
    let name = SecretName::parse("WAS_A").unwrap();
    tx.insert_alias(row.project.uid, &AliasRow { name, secret: a.uid }).await.unwrap();
    let mut byte = 80;
    for (owner, key, place) in [
        (&row, &a, Place::Default),
        (&row, &a, live),
        (&row, &a, draft),
        (&row, &b, Place::Default),
        (&row, &b, foreign),
        (&elsewhere, &c, Place::Default),
    ] {
        for version in 1..=2 {
            byte += 1;
            tx.insert_value(&value(key, place, version, byte)).await.unwrap();
        }
        tx.put_slot(owner.project.uid, &slot(key, place, 2)).await.unwrap();
    }
    // A slot whose version was cleared, and one whose row is missing.
    let cleared = ValueRow { sealed: None, ..value(&b, live, 2, 120) };
    tx.insert_value(&cleared).await.unwrap();
    tx.put_slot(row.project.uid, &slot(&b, live, 2)).await.unwrap();
    tx.put_slot(row.project.uid, &slot(&b, draft, 2)).await.unwrap();
    tx.commit().await.unwrap();

    let none = EnvironmentId::parse("none").unwrap();
    for environment in [&main.environment.id, &other.environment.id, &none] {
        for stage in [Stage::Draft, Stage::Live] {
            let id = &row.project.id;
            let view = store.view_rows(id, environment, stage).await.unwrap().unwrap();
            assert_eq!(sorted(view), sorted(piecewise(store, id, environment, stage).await));
        }
    }
    let view = store.view_rows(&row.project.id, &main.environment.id, Stage::Live).await;
    let view = view.unwrap().unwrap();
    assert_eq!((view.defaults.len(), view.overrides.len(), view.values.len()), (2, 2, 3));
    assert_eq!((view.secrets.len(), view.aliases.len(), view.environments.len()), (2, 1, 2));
    let none = store.view_rows(&row.project.id, &none, Stage::Live).await.unwrap().unwrap();
    assert_eq!((none.defaults.len(), none.overrides.len(), none.values.len()), (2, 0, 2));
    let absent = ProjectId::parse("no-such-project").unwrap();
    let mut snapshot = store.snapshot().await.unwrap();
    let uid = row.project.uid;
    let (found, environments) =
        snapshot.project_and_environments(&row.project.id).await.unwrap().unwrap();
    assert_eq!(found, snapshot.project(&row.project.id).await.unwrap().unwrap());
    assert_eq!(environments, snapshot.environments(uid).await.unwrap());
    assert!(snapshot.project_and_environments(&absent).await.unwrap().is_none());
    let catalogue = snapshot.catalogue(uid).await.unwrap();
    assert_eq!(catalogue.secrets, snapshot.secrets(uid).await.unwrap());
    assert_eq!(catalogue.aliases, snapshot.aliases(uid).await.unwrap());
    let by_secret = |mut slots: Vec<SlotRow>| {
        slots.sort_by_key(|slot| *slot.secret.bytes());
        slots
    };
    let defaults = snapshot.slots(uid, Place::Default).await.unwrap();
    assert_eq!(by_secret(catalogue.defaults), by_secret(defaults));
    drop(snapshot);
    let absent = store.view_rows(&absent, &main.environment.id, Stage::Live).await;
    assert!(absent.unwrap().is_none());
}

/// The same, from a snapshot and one kind of rows after the other.
async fn piecewise(
    store: &Arc<dyn Store>,
    project: &ProjectId,
    environment: &EnvironmentId,
    stage: Stage,
) -> ViewRows {
    let mut rows = store.snapshot().await.unwrap();
    let project = rows.project(project).await.unwrap().unwrap();
    let uid = project.project.uid;
    let environments = rows.environments(uid).await.unwrap();
    let found = environments.iter().find(|row| row.environment.id == *environment);
    let place = found.map(|row| Place::Override(row.environment.uid, stage));
    let mut view = ViewRows {
        project,
        secrets: rows.secrets(uid).await.unwrap(),
        aliases: rows.aliases(uid).await.unwrap(),
        defaults: rows.slots(uid, Place::Default).await.unwrap(),
        values: rows.current_values(uid, Place::Default).await.unwrap(),
        overrides: Vec::new(),
        environments,
    };
    if let Some(place) = place {
        view.overrides = rows.slots(uid, place).await.unwrap();
        view.values.extend(rows.current_values(uid, place).await.unwrap());
    }
    view
}

/// Slots and values have no order of their own.
fn sorted(mut view: ViewRows) -> ViewRows {
    let slot = |row: &SlotRow| *row.secret.bytes();
    view.defaults.sort_by_key(slot);
    view.overrides.sort_by_key(slot);
    view.values.sort_by_key(|row| (*row.uid.bytes(), row.version));
    view
}

//! Heads that may be a little old, and those who wait for one to move.

use super::{add_project, project};
use crate::{Following, ProjectRow, Store};
use std::sync::Arc;
use std::time::Duration;
use waxseal_domain::name::ProjectId;
use waxseal_domain::secret::Deletion;

const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(200);

pub(super) async fn suite(store: &Arc<dyn Store>) {
    a_recent_head_is_no_older_than_asked(store).await;
    who_follows_is_told(store).await;
}

async fn update(store: &Arc<dyn Store>, row: &mut ProjectRow) {
    row.revision += 1;
    let mut tx = store.begin("contract").await.unwrap();
    tx.update_project(row).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_recent_head_is_no_older_than_asked(store: &Arc<dyn Store>) {
    let mut row = project(60, "recent");
    let id = row.project.id.clone();
    let recent = async |age| store.recent_head(&id, age).await.unwrap();
    assert!(recent(LONG).await.is_none(), "none that is not there");
    add_project(store, &row).await;
    assert_eq!(recent(Duration::ZERO).await.unwrap().revision, 1);
    for _ in 0..5 {
        update(store, &mut row).await;
        let head = recent(Duration::ZERO).await.unwrap();
        assert_eq!((head.revision, head.project), (row.revision, row.project.uid));
        assert_eq!(head, store.head(&id).await.unwrap().unwrap());
    }
    update(store, &mut row).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(recent(SHORT).await.unwrap().revision, row.revision);

    row.project.deletion = Some(Deletion { deleted: super::time(1), purge: super::time(i64::MAX) });
    update(store, &mut row).await;
    assert!(recent(Duration::ZERO).await.unwrap().deleted);
    let mut tx = store.begin("contract").await.unwrap();
    tx.remove_project(&row).await.unwrap();
    tx.commit().await.unwrap();
    assert!(recent(LONG).await.is_none(), "none that is gone");
}

async fn told(following: &mut Following, within: Duration) -> bool {
    tokio::time::timeout(within, following.moved()).await.is_ok()
}

/// Until what was told late, of moves before, is over.
async fn quiet(following: &mut Following) {
    while told(following, SHORT).await {}
}

async fn who_follows_is_told(store: &Arc<dyn Store>) {
    let (mut row, mut other) = (project(61, "followed"), project(62, "unfollowed"));
    let mut early = store.follow(&row.project.id);
    add_project(store, &row).await;
    assert!(told(&mut early, LONG).await, "also of one that was not there");
    add_project(store, &other).await;
    let mut following = store.follow(&row.project.id);
    quiet(&mut following).await;

    update(store, &mut row).await;
    assert!(told(&mut following, LONG).await);
    quiet(&mut following).await;
    for _ in 0..5 {
        update(store, &mut row).await;
    }
    tokio::time::sleep(SHORT).await;
    assert!(told(&mut following, LONG).await);
    assert!(!told(&mut following, SHORT).await, "several moves count once");

    update(store, &mut other).await;
    let id: ProjectId = row.project.id.clone();
    let mut tx = store.begin("contract").await.unwrap();
    tx.project(&id).await.unwrap().unwrap();
    tx.update_project(&row).await.unwrap();
    drop(tx);
    assert!(!told(&mut following, SHORT).await, "nor of another, nor of what was not committed");
    let mut tx = store.begin("contract").await.unwrap();
    tx.remove_project(&row).await.unwrap();
    tx.commit().await.unwrap();
    assert!(told(&mut following, LONG).await, "also of the end");
}

//! States: what a transaction changes, and what of it is seen when.

use super::*;

pub(super) async fn suite(store: &Arc<dyn Store>) {
    meta_is_written_once(store).await;
    a_dropped_transaction_leaves_nothing(store).await;
    a_commit_moves_the_head_before_it_returns(store).await;
    a_snapshot_stays_as_it_was(store).await;
    projects_are_paged_by_id(store).await;
    environments_go_with_their_overrides(store).await;
    a_deleted_project_shows_in_its_head_and_is_removed_whole(store).await;
    answers_are_kept_per_caller(store).await;
    writers_queue(store).await;
    what_is_detached_goes_on_alone_and_says_when_it_is_done(store).await;
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

async fn what_is_detached_goes_on_alone_and_says_when_it_is_done(store: &Arc<dyn Store>) {
    let row = project(17, "detached");
    add_project(store, &row).await;
    // More than any store has threads for, and one that nobody waits for.
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..20_u64 {
        let (store, row, begun) = (store.clone(), row.clone(), begun.clone());
        let work = store.clone().detach(Box::pin(async move {
            begun.send(()).unwrap();
            let mut tx = store.begin("contract").await.unwrap();
            let mut found = tx.project(&row.project.id).await.unwrap().unwrap();
            found.revision += 1;
            tx.update_project(&found).await.unwrap();
            tokio::task::yield_now().await;
            tx.commit().await.unwrap();
        }));
        if number != 0 {
            work.await.unwrap();
        } else {
            begins.recv().await.unwrap();
            drop(work);
        }
    }
    let revision = async || {
        let head = store.head(&row.project.id).await.unwrap();
        head.map_or(0, |head| head.revision)
    };
    while revision().await < row.revision + 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(revision().await, row.revision + 20);
    let panicked = store.detach(Box::pin(async { panic!("in a test") })).await;
    assert!(panicked.unwrap_err().is_panic());
}

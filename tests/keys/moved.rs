//! Moving from one key provider to another.

use super::world::{SMALL, reads, small};
use crate::support::Setup;
use futures::StreamExt as _;
use std::path::Path;
use std::sync::Arc;
use waxseal_domain::time::Clock as _;
use waxseal_engine::{RewrapProgress, SystemClock};
use waxseal_kms::{KeyProvider, Local, Moving};
use waxseal_server::wiring::{self, Opened, Seams};

/// Another provider of the same deployment.
fn other(setup: &Setup, dir: &Path) -> Arc<dyn KeyProvider> {
    let deployment = Local::load(&setup.data_dir().join("keys.json")).unwrap().deployment();
    Arc::new(Local::create(&dir.join("there/keys.json"), deployment, SystemClock.now()).unwrap())
}

/// The store with both providers.
async fn open_to_move(setup: &Setup, to: &Arc<dyn KeyProvider>) -> Opened {
    let to = to.clone();
    let keys = Box::new(|from| Arc::new(Moving::new(from, to)) as Arc<dyn KeyProvider>);
    wiring::open_with(&setup.config, Seams { keys, ..Seams::default() }).await.unwrap()
}

/// The store with the second provider alone.
async fn open_moved(setup: &Setup, to: &Arc<dyn KeyProvider>) -> Opened {
    let to = to.clone();
    let keys = Box::new(|_| to);
    wiring::open_with(&setup.config, Seams { keys, ..Seams::default() }).await.unwrap()
}

async fn moved(opened: &Opened) -> RewrapProgress {
    let moving = opened.engine.local_rewrap(std::future::pending()).await.unwrap();
    let told: Vec<_> = moving.map(Result::unwrap).collect().await;
    told.into_iter().next_back().unwrap()
}

#[tokio::test]
async fn after_a_move_the_first_provider_is_not_needed() {
    let setup = small().await.stop().await;
    let dir = tempfile::tempdir().unwrap();
    let to = other(&setup, dir.path());
    let opened = open_to_move(&setup, &to).await;
    let before = opened.engine.verify_data_keys(|_| {}).await.unwrap();
    assert_eq!(i64::try_from(before.opened).unwrap(), SMALL);
    let last = moved(&opened).await;
    assert!(last.finished, "{last:?}");
    assert_eq!((last.done, last.failed), (SMALL.unsigned_abs(), 0));
    let status = opened.engine.local_key_status().await.unwrap();
    assert_eq!(status.keys, [(to.active_key_id(), SMALL.unsigned_abs())]);
    drop(opened);

    let opened = open_moved(&setup, &to).await;
    let mut told = Vec::new();
    let checked = opened.engine.verify_data_keys(|count| told.push(count)).await.unwrap();
    assert_eq!((checked.opened, checked.failed), (SMALL.unsigned_abs(), 0));
    assert_eq!(told, [SMALL.unsigned_abs()]);
    drop(opened);
    // Those that were moved are not of the key file any more.
    let refused = wiring::open(&setup.config).await.unwrap_err().to_string();
    assert!(refused.contains(&to.active_key_id()), "{refused}");
    // And back again, since this one is a key file too.
    std::fs::copy(dir.path().join("there/keys.json"), setup.data_dir().join("keys.json")).unwrap();
    reads(&setup.start().await).await;
}

#[tokio::test]
async fn a_move_that_is_broken_off_is_finished_by_the_next() {
    let setup = small().await.stop().await;
    let dir = tempfile::tempdir().unwrap();
    let to = other(&setup, dir.path());
    let opened = open_to_move(&setup, &to).await;
    let mut moving = opened.engine.local_rewrap(std::future::ready(())).await.unwrap();
    let stopped = moving.next().await.unwrap().unwrap_err();
    assert!(matches!(stopped, waxseal_engine::Error::ShuttingDown), "{stopped:?}");
    assert!(moving.next().await.is_none());
    drop((moving, opened));
    let server = setup.start().await;
    reads(&server).await;
    let setup = server.stop().await;
    let opened = open_to_move(&setup, &to).await;
    // And one more, which `reads` wrote.
    assert_eq!(moved(&opened).await.done, SMALL.unsigned_abs() + 1);
}

#[tokio::test]
async fn a_data_key_that_opens_nowhere_is_found_by_the_check() {
    let setup = small().await.stop().await;
    let damage = "UPDATE project SET fingerprint_key = zeroblob(100)";
    assert_eq!(setup.database().execute(damage, []).unwrap(), 1);
    let opened = wiring::open(&setup.config).await.unwrap();
    let checked = opened.engine.verify_data_keys(|_| {}).await.unwrap();
    assert_eq!((checked.opened, checked.failed), (SMALL.unsigned_abs() - 1, 1));
    assert!(matches!(checked.failures[0].reason, waxseal_kms::Error::Tampered { .. }));
}

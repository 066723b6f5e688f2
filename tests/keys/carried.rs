//! A rotation from its beginning to its end.

use super::world::{
    SMALL, disable, keyholder, reads, rewrap, rewrapped, rotate, small, status, trail,
};
use crate::support::Server;
use waxseal_proto::v1::Visibility;

#[tokio::test]
async fn after_a_rewrap_the_old_key_is_not_needed() {
    let server = small().await;
    assert_eq!(status(&server).await.wrapping_keys[0].data_keys, SMALL);
    let setup = server.stop().await;
    let old = rotate(&setup);
    let server = setup.start().await;
    let before = status(&server).await;
    assert_eq!(before.rewrap_due, SMALL);
    let keys: Vec<_> = before.wrapping_keys.iter().map(|key| (key.active, key.data_keys)).collect();
    assert!(keys.contains(&(false, SMALL)) && keys.contains(&(true, 0)), "{keys:?}");

    let told = rewrap(&keyholder(&server).await).await.unwrap();
    let (first, last) = (&told[0], told.last().unwrap());
    assert_eq!((first.total, first.done, first.finished), (SMALL, 0, false));
    assert_eq!((last.total, last.done, last.skipped, last.failed), (SMALL, SMALL, 0, 0));
    assert!(last.finished && last.keys_per_second > 0.0 && last.eta.is_some(), "{last:?}");
    assert_eq!(last.key_id, before.active_key_id);
    assert!(told.is_sorted_by_key(|told| told.done));

    let after = status(&server).await;
    assert_eq!((after.rewrap_due, after.wrapping_keys.len()), (0, 1));
    assert_eq!(after.active_key_id, before.active_key_id);
    let setup = server.stop().await;
    disable(&setup, &old);
    let server = setup.start().await;
    reads(&server).await;
}

#[tokio::test]
async fn without_a_rewrap_the_old_key_is_needed() {
    let server = small().await;
    let setup = server.stop().await;
    let old = rotate(&setup);
    let server = setup.start().await;
    reads(&server).await;
    let setup = server.stop().await;
    // The service key is under it.
    disable(&setup, &old);
    let opened = waxseal_server::wiring::open(&setup.config).await;
    assert!(opened.unwrap_err().to_string().contains(&old));
}

#[tokio::test]
async fn a_rewrap_changes_no_revision_and_reads_go_on_meanwhile() {
    let server = small().await;
    let setup = server.stop().await;
    rotate(&setup);
    let server = setup.start().await;
    let runtime = server.runtime().await;
    let live = waxseal_proto::v1::Stage::Live;
    let before = runtime.resolve("demo", "main", live).await.unwrap();
    let held = server.hold_key_after(1);
    let keyholder = keyholder(&server).await;
    let job = tokio::spawn(async move { rewrap(&keyholder).await });
    while server.waiting_for_keys() == 0 {
        tokio::task::yield_now().await;
    }
    let meanwhile = runtime.resolve("demo", "staging", live).await.unwrap();
    assert_eq!(meanwhile.secrets.len(), 2);
    drop(held);
    let told = job.await.unwrap().unwrap();
    assert_eq!(told.last().unwrap().done, SMALL);
    assert_eq!(runtime.resolve("demo", "main", live).await.unwrap().revision, before.revision);
    reads(&server).await;
}

#[tokio::test]
async fn a_dump_from_before_a_rotation_opens_with_the_key_file_from_after() {
    let server = small().await;
    let setup = server.stop().await;
    let dump = setup.copied();
    rotate(&setup);
    let server = setup.start().await;
    rewrapped(&server).await;
    let setup = server.stop().await;
    let (keys, there) = (setup.data_dir().join("keys.json"), dump.data_dir().join("keys.json"));
    std::fs::copy(keys, there).unwrap();
    let restored = dump.start().await;
    assert_eq!(status(&restored).await.rewrap_due, SMALL);
    reads(&restored).await;
    let last = rewrapped(&restored).await;
    // And the override that `reads` wrote, which is under the new key already.
    assert_eq!((last.done, last.total), (SMALL, SMALL));
    reads(&restored).await;
}

#[tokio::test]
async fn progress_is_told_after_every_page_of_a_hundred() {
    let server = many().await;
    let setup = server.stop().await;
    rotate(&setup);
    let server = setup.start().await;
    let told = rewrap(&keyholder(&server).await).await.unwrap();
    let done: Vec<_> = told.iter().map(|told| told.done).collect();
    assert_eq!(done, [0, 100, 114, 114]);
    assert!(told.iter().all(|told| told.total == 114));
    let half = &told[1];
    let eta = half.eta.as_ref().map(|eta| eta.seconds as f64 + f64::from(eta.nanos) / 1e9).unwrap();
    assert!((eta * half.keys_per_second - 14.0).abs() < 0.1, "{half:?}");
}

/// 110 values, and three keys beside them.
pub async fn many() -> Server {
    let server = Server::demo_on_sqlite().await;
    let admin = server.admin().await;
    for number in 0..110 {
        let (name, value) = (format!("KEY_{number:03}"), format!("value {number}"));
        admin.create_secret("demo", &name, Visibility::Masked, Some(&value)).await.unwrap();
    }
    server
}

#[tokio::test]
async fn who_began_a_rewrap_and_how_it_ended_is_on_record() {
    let server = small().await;
    let setup = server.stop().await;
    rotate(&setup);
    let server = setup.start().await;
    rewrapped(&server).await;
    let trail = trail(&server.setup);
    let actions: Vec<_> = trail.iter().map(|(_, action)| action.as_str()).collect();
    assert_eq!(actions, ["RewrapDataKeys", "FinishRewrapDataKeys"]);
    assert!(trail.iter().all(|(principal, _)| principal.starts_with("principals/")), "{trail:?}");
    assert_eq!(trail[0].0, trail[1].0);
}

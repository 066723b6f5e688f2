//! Signed checkpoints, in the database and outside of it.

use super::world::{PATIENCE, World, postgres, setup};
use crate::support::{Setup, default_slot};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::Instant;
use waxseal_engine::Checkpoint;
use waxseal_server::wiring;

fn file(world: &World) -> PathBuf {
    world.server.setup.data_dir().join("checkpoints.jsonl")
}

fn read(path: &PathBuf) -> Vec<Checkpoint> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moves_is_signed_and_what_rests_costs_nothing() {
    let world = World::sqlite().await;
    let first = world.until_signed().await;
    let before = read(&file(&world));
    // Only reading the trail is on record, once in a window, and that is signed.
    let rest = world.until_signed().await;
    assert_eq!((first.checkpoints, first.records), (rest.checkpoints, rest.records));
    world.builder.set("demo", "KEY", default_slot(), "four").await.unwrap();
    let after = world.until_signed().await;
    assert!(after.checkpoints > rest.checkpoints);
    let last = read(&file(&world)).pop().unwrap();
    assert_eq!(last.heads.len(), 1, "only the chain that moved: {last:?}");
    assert_eq!(last.projects.len(), 1);
    assert!(last.is_signed_by(&world.key()));
    let (earlier, now) = (before, read(&file(&world)));
    assert_eq!(now[..earlier.len()], earlier, "the file is only appended to");
    for pair in now.windows(2) {
        assert_eq!(pair[1].number, pair[0].number + 1);
        assert_eq!(pair[1].previous.0, pair[0].hash());
    }
    assert_eq!(world.offline(std::fs::read_to_string(file(&world)).ok()).await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_on_a_database_that_went_back() {
    let world = World::sqlite().await;
    world.until_signed().await;
    let (setup, _) = world.stop().await;
    let old = setup.copied();
    // The database goes on, and then the old one is put back beside the file that went along.
    let world = World::around(setup.start().await, None).await;
    world.builder.set("demo", "KEY", default_slot(), "four").await.unwrap();
    world.until_signed().await;
    let (setup, _) = world.stop().await;
    for name in ["waxseal.db", "waxseal.db-wal", "waxseal.db-shm"] {
        let (from, to) = (old.data_dir().join(name), setup.data_dir().join(name));
        if from.exists() {
            std::fs::copy(from, to).unwrap();
        } else {
            let _ = std::fs::remove_file(to);
        }
    }
    let refused = wiring::open(&setup.config).await.unwrap_err().to_string();
    assert!(refused.contains("WAXSEAL_ADOPT_RESTORED"), "{refused}");
    assert!(refused.contains("checkpoints.jsonl"), "{refused}");

    let mut adopting = setup.clone();
    adopting.config.engines.adopt_restored = true;
    let world = World::around(adopting.start().await, None).await;
    world.until_count("AdoptRestored", "ok", 1).await;
    world.builder.set("demo", "KEY", default_slot(), "five").await.unwrap();
    world.until_signed().await;
    let kept = read(&file(&world));
    assert_eq!(kept.iter().filter(|checkpoint| checkpoint.adopted.is_some()).count(), 1);
    let kept = std::fs::read_to_string(file(&world)).ok();
    assert_eq!(world.offline(kept).await.problem, None, "what was lost was said to be");
    // It is adopted once and for all.
    let (setup, _) = world.stop().await;
    let mut plain = setup.clone();
    plain.config.engines.adopt_restored = false;
    let world = World::around(plain.start().await, None).await;
    assert_eq!(world.count("AdoptRestored", "ok").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_broken_off_is_written_anew_and_another_file_is_refused() {
    let world = World::sqlite().await;
    world.until_signed().await;
    let path = file(&world);
    let (setup, _) = world.stop().await;
    let whole = std::fs::read_to_string(&path).unwrap();
    let cut = whole.trim_end().rfind('\n').unwrap() + 20;
    std::fs::write(&path, &whole[..cut]).unwrap();
    let world = World::around(setup.start().await, None).await;
    world.until_signed().await;
    let begin = Instant::now();
    while !std::fs::read_to_string(&path).unwrap().starts_with(&whole) {
        assert!(begin.elapsed() < PATIENCE, "what was cut off is there again");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (setup, _) = world.stop().await;
    std::fs::write(&path, "{}\n").unwrap();
    let refused = wiring::open(&setup.config).await.unwrap_err().to_string();
    assert!(refused.contains("does not read"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_race_for_every_number_and_one_chain_comes_out() {
    let mut one = setup();
    let database = postgres(&mut one).await;
    let first = World::on(one, Some(database)).await;
    let other = first.server.setup.clone();
    let mut beside = other.beside(other.config.engines.clone());
    // With the same keys in a directory of its own: there is one socket in each.
    std::fs::DirBuilder::new().mode(0o700).create(beside.data_dir()).unwrap();
    let keys = |of: &Setup| of.data_dir().join("keys.json");
    std::fs::copy(keys(&other), keys(&beside)).unwrap();
    beside.config.data_dir = Some(beside.data_dir());
    beside.config.audit = other.config.audit.clone();
    let own = other.data_dir().join("second.jsonl");
    beside.config.audit.audit_checkpoints = Some(own.clone());
    let second = beside.start().await;
    let builder = second.builder().await;
    for value in 0..20 {
        let (here, there) = (format!("here {value}"), format!("there {value}"));
        let (left, right) = futures::join!(
            first.builder.set("demo", "KEY", default_slot(), &here),
            builder.set("demo", "KEY", default_slot(), &there)
        );
        left.unwrap();
        right.unwrap();
    }
    let verdict = first.until_signed().await;
    assert!(verdict.checkpoints >= 2);
    let begin = Instant::now();
    loop {
        let (one, two) = (read(&file(&first)), read(&own));
        if one.len() as i64 >= verdict.checkpoints && two.len() as i64 >= verdict.checkpoints {
            let both = one.len().min(two.len());
            assert_eq!(one[..both], two[..both], "both files know all of them");
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "{} and {}", one.len(), two.len());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

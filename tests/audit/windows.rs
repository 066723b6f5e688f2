//! The same disclosure again within a window is a count.

use super::calls::Call;
use super::world::{PATIENCE, World, setup};
use crate::support::{Setup, default_slot};
use std::time::Duration;
use waxseal_proto::v1::Stage;

const LONG: Duration = Duration::from_secs(3_600);

fn windowed(window: Duration) -> Setup {
    let mut setup = setup();
    setup.config.audit.audit_window = window;
    setup
}

async fn resolve(world: &World, times: usize) {
    for _ in 0..times {
        world.runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    }
}

const RESOLVED: &str = "ResolveEnvironment";

#[tokio::test(flavor = "multi_thread")]
async fn a_window_has_one_record_and_a_count_when_the_server_stops() {
    let world = World::on(windowed(LONG), None).await;
    resolve(&world, 5).await;
    assert_eq!(world.count(RESOLVED, "ok").await, 1, "before the first answer, and then no more");
    // Another call, another caller, another view: each of its own.
    Call::ResolveSome.make(&world.callers(), &mut None).await.unwrap();
    assert_eq!(world.count("ResolveSecrets", "ok").await, 1);
    let other = world.server.runtime().await;
    other.resolve("demo", "staging", Stage::Live).await.unwrap();
    other.resolve("demo", "staging", Stage::Draft).await.unwrap();
    assert_eq!(world.count(RESOLVED, "ok").await, 3);
    // A change that alters the view makes it another one.
    world.builder.set("demo", "KEY", default_slot(), "four").await.unwrap();
    resolve(&world, 2).await;
    assert_eq!(world.count(RESOLVED, "ok").await, 4);

    drop(other);
    let (setup, _) = world.stop().await;
    let world = World::around(setup.start().await, None).await;
    let records = world.records().await;
    let counts: Vec<_> = records
        .iter()
        .filter(|record| record["action"] == RESOLVED)
        .filter_map(|record| record["count"].as_u64())
        .collect();
    assert_eq!(counts.len(), 2, "those that came once have no count");
    assert_eq!(counts.iter().sum::<u64>(), 4 + 1);
    world.until_signed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_ends_is_counted_and_begins_anew() {
    let world = World::on(windowed(Duration::from_millis(300)), None).await;
    let begun = std::time::Instant::now();
    resolve(&world, 3).await;
    let first = world.count(RESOLVED, "ok").await;
    loop {
        let records = world.records().await;
        let counted: u64 = records
            .iter()
            .filter(|record| record["action"] == RESOLVED)
            .map(|record| record["count"].as_u64().unwrap_or(1))
            .sum();
        if counted == 3 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{counted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let before = world.count(RESOLVED, "ok").await;
    assert!(before >= first);
    resolve(&world, 1).await;
    assert_eq!(world.count(RESOLVED, "ok").await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_every_call_is_a_record() {
    let world = World::on(windowed(Duration::ZERO), None).await;
    resolve(&world, 5).await;
    assert_eq!(world.count(RESOLVED, "ok").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one_record() {
    let world = World::on(windowed(LONG), None).await;
    let calls = (0..50).map(|_| world.runtime.resolve("demo", "staging", Stage::Live));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(world.count(RESOLVED, "ok").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_modified_is_not_disclosed() {
    let world = World::on(windowed(Duration::ZERO), None).await;
    let held = world.runtime.resolve("demo", "staging", Stage::Live).await.unwrap().revision;
    let request = waxseal_proto::v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/staging".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: held,
        ..Default::default()
    };
    let answer = world.runtime.runtime.clone().resolve_environment(request).await.unwrap();
    assert!(answer.into_inner().not_modified);
    assert_eq!(world.count(RESOLVED, "ok").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_are_recorded_by_their_reason() {
    let world = World::on(windowed(LONG), None).await;
    let (builder, admin) = (&world.builder, &world.admin);
    for _ in 0..3 {
        builder.create_project("mine").await.unwrap_err();
    }
    world.until_count("CreateProject", "PERMISSION_DENIED", 1).await;
    builder.restrict("demo", "KEY").await.unwrap();
    builder.reveal("demo", "KEY", default_slot()).await.unwrap_err();
    world.until_count("RevealSecretValue", "SECRET_RESTRICTED", 1).await;
    let protected = waxseal_proto::v1::Environment { protected: true, ..Default::default() };
    admin.update_environment("demo", "staging", protected, &["protected"]).await.unwrap();
    builder.delete_environment("demo", "staging", true).await.unwrap_err();
    let denied = "PERMISSION_DENIED";
    world.until_count("DeleteEnvironment", denied, 1).await;
    let live = crate::support::override_slot("staging", Stage::Live);
    builder.set("demo", "KEY", live, "x").await.unwrap_err();
    world.until_count("SetSecretValue", "ENVIRONMENT_PROTECTED", 1).await;
    // A call that fails otherwise is no denial.
    builder.set("demo", "NONE", default_slot(), "x").await.unwrap_err();
    world.until_signed().await;
    assert_eq!(world.count("SetSecretValue", "SECRET_NOT_FOUND").await, 0);
}

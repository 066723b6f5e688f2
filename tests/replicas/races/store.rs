//! Races around the database: what a server does not hear of, what comes late, what goes back.

use super::super::children::{Child, serve};
use super::super::together::{next, set_by, watch};
use super::super::{
    Callers, SECOND, SOON, World, at_least, bounded, opened, resolve, strong, value,
};
use super::cache::{value_in, views};
use crate::support::postgres::variable;
use crate::support::proxy::{Fault, Moment, Proxy};
use crate::support::{Setup, override_slot, refused};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::Code;
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{Stage, Visibility};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hears_nothing_answers_nothing_old() {
    let world = World::with_demo(2).await;
    assert_eq!(world.value(1, strong()).await, "first");
    assert_eq!(world.value(1, bounded(SECOND)).await, "first");
    world.replicas[1].postgres.set(Fault::BlackHole);
    world.set(0, "second").await;
    let written = Instant::now();
    let read = async |mode| {
        let begun = Instant::now();
        let answer = resolve(world.runtime(1), "demo", mode).await;
        println!("answered after {:.1?}", begun.elapsed());
        answer
    };
    refused(read(strong()).await).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    sleep(SECOND.saturating_sub(written.elapsed())).await;
    refused(read(bounded(SECOND)).await).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    world.replicas[1].heal();
    let healed = Instant::now();
    let view = loop {
        match read(bounded(SECOND)).await {
            Ok(view) => break view,
            Err(status) => refused::<()>(Err(status)).is(Code::Unavailable, "STORAGE_UNAVAILABLE"),
        }
        assert!(healed.elapsed() < SOON, "it does not recover");
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(value(&view), "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_anew_under_a_name_has_nothing_of_the_old() {
    let world = World::with_demo(2).await;
    let (admin, live) = (world.admin(0), override_slot("staging", Stage::Live));
    let scope = "projects/demo/environments/staging/stages/live";
    let token = world.replicas[0].server.token(Role::Runtime, false, scope).await;
    let tokens = super::super::Tokens { admin: token.clone(), runtime: token };
    let scoped = Callers::connect(&world.replicas[1].server.address, &tokens).await.runtime;
    admin.set("demo", "KEY", live, "of the old one").await.unwrap();
    for runtime in [world.runtime(1), &scoped] {
        assert_eq!(value_in(runtime, "staging").await.unwrap(), "of the old one");
    }
    admin.delete_environment("demo", "staging", true).await.unwrap();
    admin.create_environment("demo", "staging").await.unwrap();
    assert_eq!(value_in(world.runtime(1), "staging").await.unwrap(), "first");
    // The right was one to the old environment.
    refused(value_in(&scoped, "staging").await).is(Code::PermissionDenied, "PERMISSION_DENIED");
}

/// Its number is given early, so that those who look for later ones only would never see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_begun_early_and_ends_late_is_seen_and_told() {
    let world = World::with_demo(3).await;
    world.admin(0).create_project("other").await.unwrap();
    let made = world.admin(0).create_secret("other", "KEY", Visibility::Masked, Some("x")).await;
    made.unwrap();
    let mut watching = watch(world.runtime(2)).await;
    assert_eq!(world.value(2, bounded(SECOND)).await, "first");

    let writer = &world.replicas[1].postgres;
    writer.set_when(Moment::Before, "COMMIT\0", Fault::BlackHole);
    let admin = world.admin(1).clone();
    let writing = tokio::spawn(async move { set_by(&admin, "late", Uuid::new_v4()).await });
    while !writer.sprung() {
        sleep(Duration::from_millis(5)).await;
    }
    // Later numbers, and many looks of the others at them.
    for number in 0..10 {
        let slot = crate::support::default_slot();
        world.admin(0).set("other", "KEY", slot, &number.to_string()).await.unwrap();
        sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(world.value(2, strong()).await, "first", "it has not ended");
    assert!(!writing.is_finished());
    writer.set(Fault::Pass);
    writing.await.unwrap().unwrap();
    let ended = Instant::now();
    assert_eq!(next(&mut watching).await.unwrap(), "late");
    println!("told after {:.1?}", ended.elapsed());
    sleep(SECOND.saturating_sub(ended.elapsed())).await;
    assert_eq!(world.value(2, bounded(SECOND)).await, "late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_server_dies_right_after_it_stands_and_is_told_of() {
    let world = World::with_demo(2).await;
    let production = &world.replicas.production;
    let link = Proxy::before(production.database.url()).await;
    let mut engines = production.engines();
    engines.database_url = Some(link.within(production.database.url()).parse().unwrap());
    let mut child = Child::start(serve(&engines), &world.tokens).await;
    let mut watching = watch(world.runtime(0)).await;
    // So that nothing else is committed meanwhile: that the token is used is noted by itself.
    child.callers.admin.get_secret("demo", "KEY").await.unwrap();
    sleep(SECOND).await;

    link.set_when(Moment::After, "COMMIT\0", Fault::BlackHole);
    let (id, admin) = (Uuid::new_v4(), child.callers.admin.clone());
    let writing = tokio::spawn(async move { set_by(&admin, "second", id).await });
    while !link.sprung() {
        sleep(Duration::from_millis(5)).await;
    }
    // It has committed and does not know.
    sleep(Duration::from_millis(100)).await;
    child.serving.kill();
    assert!(writing.await.unwrap().is_err());
    for replica in 0..2 {
        assert_eq!(world.value(replica, strong()).await, "second");
    }
    assert_eq!(next(&mut watching).await.unwrap(), "second");
    let again = set_by(world.admin(1), "second", id).await.unwrap();
    assert_eq!(again.version, 2);
    assert_eq!(world.admin(0).get_secret("demo", "KEY").await.unwrap().default_version, 2);
    assert_eq!(world.value(0, at_least(&again.revision)).await, "second");
}

/// Such as a standby, which may be behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_not_read_from() {
    let world = World::with_demo(1).await;
    assert_eq!(world.value(0, strong()).await, "first");
    let database = &world.replicas.production.database;
    let name = database.name();
    // It is connected already, and may still write.
    let operator = database.connect().await;
    let standby = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    operator.batch_execute(&standby).await.unwrap();
    let cut_off = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
    operator.batch_execute(cut_off).await.unwrap();
    sleep(SECOND).await;
    for mode in [strong(), bounded(SECOND), strong()] {
        let answer = resolve(world.runtime(0), "demo", mode).await;
        refused(answer).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    }
    let primary = format!("ALTER DATABASE {name} RESET default_transaction_read_only");
    operator.batch_execute(&primary).await.unwrap();
    let begun = Instant::now();
    while resolve(world.runtime(0), "demo", strong()).await.is_err() {
        assert!(begun.elapsed() < SOON, "it does not recover");
        sleep(Duration::from_millis(50)).await;
    }
    world.set(0, "second").await;
}

/// Puts a dump in the place of everything, at one instant.
fn restore(url: &str, dump: &[u8]) {
    let mut psql = Command::new(Path::new(&variable("TEST_POSTGRES_BIN")).join("psql"))
        .args(["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"])
        .args(["--command=DROP SCHEMA public CASCADE", "--command=CREATE SCHEMA public"])
        .args(["--file=-", &format!("--dbname={url}")])
        .env("PGOPTIONS", "--client-min-messages=error")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    psql.stdin.take().unwrap().write_all(dump).unwrap();
    assert!(psql.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_a_restore_gives_again_is_another_one() {
    let world = World::with_demo(2).await;
    let production = &world.replicas.production;
    let dump = production.database.dump();
    let lost = world.set(0, "lost").await;
    for replica in 0..2 {
        assert_eq!(world.value(replica, strong()).await, "lost");
    }
    views(&world.redis, 1).await;

    let url = production.database.url().to_owned();
    tokio::task::spawn_blocking(move || restore(&url, &dump)).await.unwrap();
    // Those who have seen it answer no more: acknowledged writes are gone.
    for replica in 0..2 {
        for mode in [strong(), bounded(SECOND), at_least(&lost)] {
            let answer = resolve(world.runtime(replica), "demo", mode).await;
            refused(answer).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
        }
    }

    // An operator has looked at it, and goes on from there.
    let mut engines = production.engines();
    engines.adopt_restored = true;
    let first = Setup::sqlite().beside(engines).start().await;
    let second = Setup::sqlite().beside(production.engines()).start().await;
    let mut callers = Vec::new();
    for server in [&first, &second] {
        callers.push(Callers::connect(&server.address, &world.tokens).await);
    }
    for Callers { runtime, .. } in &callers {
        let old = resolve(runtime, "demo", at_least(&lost)).await;
        refused(old).is(Code::FailedPrecondition, "REVISION_MISMATCH");
        assert_eq!(value(&resolve(runtime, "demo", strong()).await.unwrap()), "first");
    }
    let new = set_by(&callers[0].admin, "new", Uuid::new_v4()).await.unwrap().revision;
    assert_eq!(opened(&new).1, opened(&lost).1, "the same number, in another life");
    assert_ne!(opened(&new).0, opened(&lost).0);
    assert!(!views(&world.redis, 2).await.is_empty(), "what was lost is still there");
    for Callers { runtime, .. } in callers.iter().rev() {
        assert_eq!(value(&resolve(runtime, "demo", at_least(&new)).await.unwrap()), "new");
        let old = resolve(runtime, "demo", at_least(&lost)).await;
        refused(old).is(Code::FailedPrecondition, "REVISION_MISMATCH");
    }
}

//! Processes that are started while the key service is away, or will not have them.

use super::world::{World, fill};
use crate::support::Client;
use crate::support::binary::Serving;
use std::process::Stdio;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use waxseal_kms::fake::{Fault, KeyState};
use waxseal_proto::v1::Stage;

/// It says that it is not ready, what for and which key that is about, and begins to serve when
/// the key service is back.
async fn comes_up_after(fault: Fault, founded: bool) {
    let world = World::postgres().await;
    if founded {
        let server = world.start().await;
        fill(&server.admin().await, "demo", 4).await;
        server.stop().await;
    }
    world.fake.fail(fault, None);
    let dir = tempfile::tempdir().unwrap();
    let (out, err) = (dir.path().join("out"), dir.path().join("err"));
    let mut command = world.command("somebody");
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.stderr(Stdio::from(std::fs::File::create(&err).unwrap()));
    // A thread of its own, which nobody waits for if this fails.
    let (started, mut starting) = oneshot::channel();
    std::thread::spawn(move || started.send(Serving::start_into(&mut command, &out)));
    let told = async {
        loop {
            let told = std::fs::read_to_string(&err).unwrap();
            if told.contains("not ready: trying again") {
                return told;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let told = timeout(Duration::from_secs(20), told).await.expect("it says what it waits for");
    assert!(told.contains(&world.key), "{told}");
    // Once more, to no avail.
    sleep(Duration::from_secs(2)).await;
    assert!(starting.try_recv().is_err());
    world.fake.heal();
    let serving = timeout(Duration::from_secs(40), starting).await.expect("it serves").unwrap();
    let admin = Client::connect(&serving.url(), &world.token("somebody", "admin").await).await;
    if founded {
        let runtime = world.token("somebody", "runtime").await;
        let runtime = Client::connect(&serving.url(), &runtime).await;
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        assert_eq!(view.secrets.len(), 4);
    }
    admin.create_project("new").await.unwrap();
}

#[tokio::test]
async fn one_that_is_started_while_the_key_service_fails_serves_when_it_is_back() {
    comes_up_after(Fault::INTERNAL, true).await;
}

#[tokio::test]
async fn one_that_is_started_while_the_key_service_hangs_serves_when_it_is_back() {
    comes_up_after(Fault::Hang, true).await;
}

#[tokio::test]
async fn one_that_is_started_while_it_is_throttled_serves_when_that_is_over() {
    comes_up_after(Fault::THROTTLE, true).await;
}

#[tokio::test]
async fn the_first_one_of_all_founds_the_deployment_when_the_key_service_is_back() {
    comes_up_after(Fault::INTERNAL, false).await;
}

/// Waiting would not help: it ends, and says which key it is about and what is wrong with it.
#[tokio::test]
async fn one_that_may_not_use_the_key_says_so_and_ends() {
    let world = World::postgres().await;
    world.start().await.stop().await;
    let refuse = |world: &World, code| world.fake.fail(Fault::Refuse(400, code), None);
    type Break<'a> = &'a dyn Fn(&World);
    let ways: [(&str, Break<'_>); 4] = [
        ("is disabled or deleted", &|world| world.fake.set_state(&world.key, KeyState::Disabled)),
        ("is disabled or deleted", &|world| {
            world.fake.set_state(&world.key, KeyState::PendingDeletion);
        }),
        ("access is denied", &|world| refuse(world, "AccessDeniedException")),
        ("was not made by it", &|world| refuse(world, "InvalidCiphertextException")),
    ];
    for (says, begin) in ways {
        begin(&world);
        let mut command = world.command("somebody");
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let ended = timeout(Duration::from_secs(20), spawn_blocking(move || command.output()));
        let ended = ended.await.expect("it ends").unwrap().unwrap();
        assert!(!ended.status.success());
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(told.contains(&world.key) && told.contains(says), "{says}: {told}");
        world.fake.heal();
        world.fake.set_state(&world.key, KeyState::Enabled);
    }
    drop(world.serve("somebody", "all").await);
}

/// A deployment is of one key: another account's key of the same alias opens nothing.
#[tokio::test]
async fn one_that_is_configured_for_another_key_says_so_and_ends() {
    let mut world = World::postgres().await;
    world.start().await.stop().await;
    let old = std::mem::replace(&mut world.key, world.fake.create_key());
    let mut command = world.command("somebody");
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let ended = spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(!ended.status.success());
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains(&old) && told.contains("not one that is configured"), "{told}");
}

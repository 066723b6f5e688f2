//! A key that is taken away from a server that is warm: an outage it sits out, a revocation it obeys.

use super::world::{World, asked, eventually, fill, serves};
use crate::support::{Client, Server, default_slot, refused};
use std::time::Duration;
use tonic::{Code, Status};
use waxseal_kms::fake::policy::Policy;
use waxseal_kms::fake::{Fault, KeyState};
use waxseal_proto::v1::{self, Stage};

const PROBE: Duration = Duration::from_millis(100);
const SECRETS: usize = 6;

async fn warm(world: &World) -> (Server, Client) {
    let server = world.start_probing(PROBE).await;
    fill(&server.admin().await, "demo", SECRETS).await;
    let runtime = server.runtime().await;
    live(&runtime).await.unwrap();
    if world.redis.is_some() {
        world.shared_views(1).await;
    }
    (server, runtime)
}

async fn live(runtime: &Client) -> Result<v1::ResolveEnvironmentResponse, Status> {
    runtime.resolve("demo", "main", Stage::Live).await
}

fn deny(world: &World) {
    let shipped = include_str!("../../deploy/kms/all.json");
    world.fake.set_policy(&world.key, Policy::parse(shipped).unwrap());
}

fn allow(world: &World) {
    let role = "arn:aws:iam::111122223333:role/waxseal-server";
    world.fake.role(&std::env::var("AWS_ACCESS_KEY_ID").unwrap(), role);
}

/// Nothing that the key protects is given out any more, nor what says that nothing has changed;
/// when the key can be used again, everything is asked for anew.
async fn is_obeyed(revoke: impl Fn(&World), restore: impl Fn(&World)) {
    for world in [World::postgres().await, World::production().await] {
        let (server, runtime) = warm(&world).await;
        let held = live(&runtime).await.unwrap().revision;
        revoke(&world);
        eventually("a refusal", async || live(&runtime).await.is_err()).await;
        for _ in 0..20 {
            refused(live(&runtime).await).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
        }
        let names = ["SECRET_001"];
        let named = runtime.resolve_named("demo", "main", Stage::Live, &names, false).await;
        refused(named).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
        let request = v1::ResolveEnvironmentRequest {
            name: "projects/demo/environments/main".to_owned(),
            stage: Stage::Live.into(),
            if_revision_not: held,
            ..Default::default()
        };
        let same = runtime.runtime.clone().resolve_environment(request).await;
        refused(same).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
        let builder = server.builder().await;
        let revealed = builder.reveal("demo", "SECRET_000", default_slot()).await;
        refused(revealed).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
        let set = builder.set("demo", "SECRET_000", default_slot(), "new").await;
        refused(set).is(Code::FailedPrecondition, "KEY_UNAVAILABLE");
        eventually("NOT_SERVING", async || !serves(&server).await).await;

        let mark = world.mark();
        restore(&world);
        eventually("SERVING", async || serves(&server).await).await;
        assert_eq!(live(&runtime).await.unwrap().secrets.len(), SECRETS);
        let mut again = world.since(mark);
        if world.redis.is_some() {
            // Sealed as it was, and there for whoever may open it.
            assert_eq!(again, asked([("Decrypt view", 1)]));
        } else {
            assert_eq!(again.remove("Decrypt integrity"), Some(1));
            assert_eq!(again, asked([("Decrypt value", SECRETS)]), "nothing was remembered");
        }
        builder.set("demo", "SECRET_000", default_slot(), "new").await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_is_disabled_is_not_used_any_more() {
    is_obeyed(
        |world| world.fake.set_state(&world.key, KeyState::Disabled),
        |world| world.fake.set_state(&world.key, KeyState::Enabled),
    )
    .await;
}

#[tokio::test]
async fn a_key_that_is_about_to_be_deleted_is_not_used_any_more() {
    is_obeyed(
        |world| world.fake.set_state(&world.key, KeyState::PendingDeletion),
        |world| world.fake.set_state(&world.key, KeyState::Enabled),
    )
    .await;
}

#[tokio::test]
async fn a_key_that_is_denied_is_not_used_any_more() {
    is_obeyed(deny, allow).await;
}

/// One answer may be a mistake, and a grant takes minutes to be seen.
#[tokio::test]
async fn one_refusal_is_no_revocation() {
    let (disabled, denied) = ("DisabledException", "AccessDeniedException");
    for (code, times) in [(disabled, 1), (denied, 2)] {
        let world = World::postgres().await;
        let (server, runtime) = warm(&world).await;
        world.fake.fail(Fault::Refuse(400, code), Some(times));
        for _ in 0..10 {
            tokio::time::sleep(PROBE).await;
            live(&runtime).await.unwrap();
            assert!(serves(&server).await, "{code}");
        }
    }
}

/// However long it takes, and however it shows.
#[tokio::test]
async fn an_outage_is_no_revocation() {
    let outages = [
        Fault::INTERNAL,
        Fault::THROTTLE,
        Fault::Garbage,
        Fault::Refuse(400, "ExpiredTokenException"),
        Fault::Hang,
    ];
    let outages = outages.map(|fault| async move {
        let world = World::postgres().await;
        let (server, runtime) = warm(&world).await;
        world.fake.fail(fault, None);
        let asked = world.fake.count("Decrypt");
        for _ in 0..60 {
            tokio::time::sleep(PROBE).await;
            live(&runtime).await.unwrap();
            assert!(serves(&server).await, "{fault:?}");
        }
        assert!(world.fake.count("Decrypt") > asked + 3, "{fault:?} was never seen");
        world.fake.heal();
        let builder = server.builder().await;
        eventually("a write", async || {
            builder.set("demo", "SECRET_000", default_slot(), "new").await.is_ok()
        })
        .await;
        assert!(serves(&server).await);
    });
    futures::future::join_all(outages).await;
}

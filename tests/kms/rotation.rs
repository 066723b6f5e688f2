//! Another key in the key service: everything is wrapped under it, whatever happens meanwhile, and
//! the old one is not needed any more.

use super::world::{World, fill};
use crate::support::client::shown;
use crate::support::{Client, Server, default_slot};
use std::time::Duration;
use tokio::time::timeout;
use waxseal_domain::caller::Role;
use waxseal_kms::fake::KeyState;
use waxseal_proto::v1::{self, Stage};

/// Two hundred and some data keys: three pages.
const SECRETS: usize = 170;

/// How many data keys are under another key than the active one.
pub async fn due(keyholder: &Client) -> i64 {
    let status = keyholder.keys.clone().get_key_status(v1::GetKeyStatusRequest {}).await;
    status.unwrap().into_inner().rewrap_due
}

/// A rewrap until it has finished; the last that it tells.
pub async fn carried_to_the_end(keyholder: &Client) -> v1::RewrapDataKeysResponse {
    let request = v1::RewrapDataKeysRequest {};
    let mut told = keyholder.keys.clone().rewrap_data_keys(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(progress) = told.message().await.unwrap() {
        last = Some(progress);
    }
    let last = last.unwrap();
    assert!(last.finished, "{last:?}");
    last
}

/// All of [`fill`] is there, and can be written.
async fn reads(builder: &Client, runtime: &Client, secrets: usize) {
    for (stage, of_fourth) in [(Stage::Live, "override"), (Stage::Draft, "default")] {
        let view = runtime.resolve("demo", "main", stage).await.unwrap();
        assert_eq!(view.secrets.len(), secrets);
        for (number, secret) in view.secrets.iter().enumerate() {
            let kind = if number % 4 == 0 { of_fourth } else { "default" };
            assert_eq!(shown(secret.payload.as_ref()), format!("{kind} {number}"));
        }
    }
    assert!(builder.verify("demo", "SECRET_001", default_slot(), "default 1").await.unwrap());
}

async fn server_reads(server: &Server, secrets: usize) {
    reads(&server.builder().await, &server.runtime().await, secrets).await;
}

async fn of_server(server: &Server) -> Client {
    server.client(Role::Keyholder, false, "deployment").await
}

/// Killed after so many calls of the key service, again and again; it goes on from where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_point_a_rewrap_goes_on_the_next_time() {
    let mut world = World::postgres().await;
    let server = world.start().await;
    fill(&server.admin().await, "demo", SECRETS).await;
    server.stop().await;
    let old = world.rotate();
    let [builder, runtime, keyholder] =
        [world.token("a", "builder"), world.token("a", "runtime"), world.token("a", "keyholder")];
    let (builder, runtime, keyholder) = (builder.await, runtime.await, keyholder.await);
    let mut left = Vec::new();
    // At once, in a page, about when one is written, and in the pages after it.
    for calls in [0, 1, 30, 99, 100, 101, 64, 100, 100] {
        let mut serving = world.serve("a", "all").await;
        let client = Client::connect(&serving.url(), &keyholder).await;
        left.push(due(&client).await);
        world.fake.set_latency(Duration::from_millis(5));
        let before = world.fake.count("ReEncrypt");
        let request = v1::RewrapDataKeysRequest {};
        let told = client.keys.clone().rewrap_data_keys(request).await.unwrap().into_inner();
        let killed = timeout(Duration::from_secs(20), async {
            while *left.last().unwrap() > 0 && world.fake.count("ReEncrypt") < before + calls {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        killed.await.expect("it goes on");
        serving.kill();
        drop(told);
        world.fake.set_latency(Duration::ZERO);
    }
    assert!(left.is_sorted_by(|one, next| one >= next), "{left:?}");
    let wrote: Vec<_> = left.windows(2).filter(|pair| pair[0] > pair[1]).collect();
    assert!(!wrote.is_empty(), "no kill came after a page: {left:?}");
    let all = left[0];
    assert!(all > 200, "{all}");

    let serving = world.serve("a", "all").await;
    let client = Client::connect(&serving.url(), &keyholder).await;
    let builder_client = Client::connect(&serving.url(), &builder).await;
    let runtime_client = Client::connect(&serving.url(), &runtime).await;
    reads(&builder_client, &runtime_client, SECRETS).await;
    let rest = due(&client).await;
    let last = carried_to_the_end(&client).await;
    assert_eq!((last.total, last.done, last.failed), (rest, rest, 0));
    assert_eq!(due(&client).await, 0);
    drop(serving);

    world.fake.set_state(&old, KeyState::Disabled);
    world.also.clear();
    let serving = world.serve("a", "all").await;
    let builder = Client::connect(&serving.url(), &builder).await;
    let runtime = Client::connect(&serving.url(), &runtime).await;
    reads(&builder, &runtime, SECRETS).await;
    let used = "SELECT count(*) FROM value WHERE wrapped_key_id IS DISTINCT FROM";
    let key = &world.key;
    assert_eq!(world.postgres_database().number(&format!("{used} '{key}'")).await, 0);
}

#[tokio::test]
async fn a_backup_from_before_a_rotation_reads_while_the_old_key_is_enabled() {
    const FEW: usize = 12;
    let mut world = World::postgres().await;
    let server = world.start().await;
    fill(&server.admin().await, "demo", FEW).await;
    server.stop().await;
    let dump = world.postgres_database().dump();
    let old = world.rotate();

    let server = world.start().await;
    let last = carried_to_the_end(&of_server(&server).await).await;
    assert!(last.done > 12 && last.failed == 0, "{last:?}");
    server_reads(&server, FEW).await;
    server.stop().await;

    // Into another database, as the backup of one that is gone.
    let restored = crate::support::postgres::Database::create().await;
    restored.restore(&dump);
    let rotated = world.database.replace(restored).unwrap();
    let server = world.start().await;
    assert_eq!(due(&of_server(&server).await).await, last.done);
    server_reads(&server, FEW).await;
    server.stop().await;

    // Without the old key the backup is lost, and says so; the store itself misses nothing.
    world.fake.set_state(&old, KeyState::Disabled);
    let refused = waxseal_server::wiring::open(&world.setup().config).await.unwrap_err();
    assert!(refused.to_string().contains(&old), "{refused}");
    world.database = Some(rotated);
    world.also.clear();
    let server = world.start().await;
    server_reads(&server, FEW).await;
    server.stop().await;

    // Enabled again, the backup can be carried over after all.
    world.fake.set_state(&old, KeyState::Enabled);
    world.also.push(old.clone());
    let restored = crate::support::postgres::Database::create().await;
    restored.restore(&dump);
    let rotated = world.database.replace(restored).unwrap();
    let server = world.start().await;
    assert_eq!(carried_to_the_end(&of_server(&server).await).await.done, last.done);
    world.fake.set_state(&old, KeyState::Disabled);
    server.stop().await;
    world.also.clear();
    server_reads(&world.start().await, FEW).await;
    drop(rotated);
}

/// By what speaks the protocol and is not ours.
#[tokio::test]
async fn a_rotation_on_an_emulator_of_somebody_elses() {
    use crate::support::Setup;
    use crate::support::kms;
    use crate::support::production::Production;
    const FEW: usize = 12;
    let mut production = Production::create().await;
    let shared = Setup::sqlite();
    let server = shared.beside(production.engines()).start().await;
    fill(&server.admin().await, "demo", FEW).await;
    server.stop().await;
    let old = std::mem::replace(&mut production.key, kms::create_key().await);
    let mut engines = production.engines();
    engines.kms_also.push(old);
    let server = shared.beside(engines).start().await;
    let last = carried_to_the_end(&of_server(&server).await).await;
    assert!(last.done > 12 && last.failed == 0, "{last:?}");
    server_reads(&server, FEW).await;
    server.stop().await;
    // It does not enforce a key's state, so the old key is only not named any more.
    let server = shared.beside(production.engines()).start().await;
    server_reads(&server, FEW).await;
    assert_eq!(due(&of_server(&server).await).await, 0);
}

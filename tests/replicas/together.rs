//! What one server was told, the others know: views, revisions and requests.

use super::{SECOND, SOON, World, at_least, opened, strong};
use crate::support::client::shown;
use crate::support::{Client, default_slot, refused, text};
use futures::future::join_all;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;
use waxseal_proto::v1::{self, Stage};

/// Opens a stream of `main`, live, and waits for its first view.
pub(super) async fn watch(runtime: &Client) -> Streaming<v1::WatchEnvironmentResponse> {
    let request = v1::WatchEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let mut views = runtime.runtime.clone().watch_environment(request).await.unwrap().into_inner();
    next(&mut views).await.unwrap();
    views
}

/// The value of the one secret of the next view.
pub(super) async fn next(
    views: &mut Streaming<v1::WatchEnvironmentResponse>,
) -> Result<String, Status> {
    let view = timeout(SOON, views.message()).await.expect("a message in time")?;
    let view = view.expect("a stream ends with a reason");
    Ok(shown(view.secrets[0].payload.as_ref()).to_owned())
}

/// Sets the default of the one secret, by a request of this id.
pub(super) async fn set_by(
    admin: &Client,
    value: &str,
    id: Uuid,
) -> Result<v1::SetSecretValueResponse, Status> {
    let request = v1::SetSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: default_slot(),
        payload: text(value),
        request_id: id.to_string(),
        ..Default::default()
    };
    Ok(admin.secrets.clone().set_secret_value(request).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_at_one_server_is_told_of_writes_at_another() {
    const STREAMS: usize = 20;
    const WRITES: usize = 100;
    let world = World::with_demo(3).await;
    let mut readers = Vec::new();
    for stream in 0..STREAMS {
        // Half of them at each of the two others.
        let mut views = watch(world.runtime(stream % 2 * 2)).await;
        readers.push(tokio::spawn(async move {
            let mut seen = Vec::new();
            loop {
                let number: usize = next(&mut views).await.unwrap().parse().unwrap();
                assert!(seen.last().is_none_or(|(last, _)| *last < number), "in order, and once");
                seen.push((number, Instant::now()));
                if number == WRITES {
                    return seen;
                }
            }
        }));
    }
    let mut acknowledged = Vec::new();
    for number in 1..=WRITES {
        world.set(1, &number.to_string()).await;
        acknowledged.push(Instant::now());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    // From the acknowledgement of each write until each stream shows it, or a later one.
    let mut took = Vec::new();
    for seen in join_all(readers).await {
        let seen = seen.unwrap();
        for (number, acknowledged) in (1..).zip(&acknowledged) {
            let at = seen[seen.partition_point(|(shown, _)| *shown < number)].1;
            took.push(at.saturating_duration_since(*acknowledged));
        }
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!("told after p50 {:.1?}, p99 {:.1?}, at most {:.1?}", at(50), at(99), at(100));
    assert!(at(99) < SECOND, "{:?}", at(99));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_at_one_server_is_read_at_the_others() {
    let world = World::with_demo(3).await;
    for number in 0..60 {
        let (writer, value) = (number % 3, number.to_string());
        let revision = world.set(writer, &value).await;
        let readers = [(writer + 1) % 3, (writer + 2) % 3];
        for reader in readers {
            assert_eq!(world.value(reader, at_least(&revision)).await, value);
        }
        for reader in readers {
            assert_eq!(world.value(reader, strong()).await, value);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_is_not_of_this_project_is_refused_at_every_server() {
    let world = World::with_demo(3).await;
    let revision = world.set(0, "second").await;
    world.admin(0).create_project("other").await.unwrap();
    for reader in 0..3 {
        let asked = Instant::now();
        let foreign = super::resolve(world.runtime(reader), "other", at_least(&revision)).await;
        refused(foreign).is(Code::FailedPrecondition, "REVISION_MISMATCH");
        let mut forged = revision.clone().into_bytes();
        forged[60] = if forged[60] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        let forged = super::resolve(world.runtime(reader), "demo", at_least(&forged)).await;
        assert_eq!(refused(forged).code, Code::InvalidArgument);
        assert!(asked.elapsed() < SECOND, "it waits for nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_carried_out_once_whichever_server_it_is_repeated_at() {
    let world = World::with_demo(3).await;
    let id = Uuid::new_v4();
    let first = set_by(world.admin(0), "second", id).await.unwrap();
    for replica in [1, 2, 0] {
        let again = set_by(world.admin(replica), "second", id).await.unwrap();
        assert_eq!((again.version, opened(&again.revision)), (2, opened(&first.revision)));
        let other = set_by(world.admin(replica), "third", id).await;
        refused(other).is(Code::InvalidArgument, "REQUEST_ID_REUSED");
    }
    assert_eq!(world.admin(1).get_secret("demo", "KEY").await.unwrap().default_version, 2);
    assert_eq!(world.value(2, strong()).await, "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_at_two_servers_at_once_is_carried_out_once() {
    const ROUNDS: i64 = 40;
    let world = World::with_demo(2).await;
    for round in 1..=ROUNDS {
        let (id, value) = (Uuid::new_v4(), round.to_string());
        let calls = (0..2).map(|replica| set_by(world.admin(replica), &value, id));
        let made: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(made[0].version, round + 1);
        assert_eq!(made[1].version, round + 1);
        assert_eq!(opened(&made[0].revision), opened(&made[1].revision));
    }
}

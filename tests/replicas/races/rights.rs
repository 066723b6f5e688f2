//! A token that is revoked while servers remember that it was good.

use super::super::together::{next, watch};
use super::super::{Callers, Tokens, World, resolve, strong};
use crate::support::proxy::Fault;
use crate::support::{Client, refused};
use futures::future::join_all;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;

/// A token of its own, and a caller with it at every server.
async fn token(world: &World) -> (String, Vec<Client>) {
    let token = world.replicas[0].server.token(Role::Runtime, false, "deployment").await;
    let mut callers = Vec::new();
    for replica in world.replicas.iter() {
        let tokens = Tokens { admin: token.clone(), runtime: token.clone() };
        callers.push(Callers::connect(&replica.server.address, &tokens).await.runtime);
    }
    (token, callers)
}

async fn revoke(world: &World, token: &str) -> Instant {
    let id = token.split('_').nth(2).unwrap();
    let server = &world.replicas[0].server;
    let bearer = Client::connect(&server.address, token).await;
    let name = format!("{}/tokens/{id}", bearer.who_am_i().await.unwrap().principal);
    server.admin().await.revoke(&name).await.unwrap();
    Instant::now()
}

fn is_refused(status: Status) {
    refused::<()>(Err(status)).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_good_nowhere_from_the_answer_on() {
    let world = World::with_demo(3).await;
    let (token, callers) = token(&world).await;
    let mut streams = Vec::new();
    for runtime in &callers {
        resolve(runtime, "demo", strong()).await.unwrap();
        streams.push(watch(runtime).await);
    }
    let revoked = revoke(&world, &token).await;
    for runtime in &callers {
        is_refused(resolve(runtime, "demo", strong()).await.expect_err("accepted"));
    }
    for views in &mut streams {
        is_refused(next(views).await.unwrap_err());
    }
    println!("streams ended after {:?}", revoked.elapsed());
}

/// Strong reads at two servers while a principal is disabled and enabled again at one of them:
/// none that begins after the answer is let in, whichever way they fall.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_strong_read_that_begins_after_the_answer_is_let_in_on_any_server() {
    const ROUNDS: usize = 100;
    const READERS: usize = 5;
    const READS: usize = 10;
    let world = World::with_demo(2).await;
    let (_, callers) = token(&world).await;
    let principal = callers[0].who_am_i().await.unwrap().principal;
    let id = principal.strip_prefix("principals/").unwrap();
    let admin = world.replicas[0].server.admin().await;
    let reads = AtomicUsize::new(0);
    for round in 0..ROUNDS {
        let gone = AtomicBool::new(false);
        let read = async |runtime: &Client| {
            let mut refusals = 0;
            while refusals < READS {
                let after = gone.load(Ordering::SeqCst);
                let answer = resolve(runtime, "demo", strong()).await;
                reads.fetch_add(1, Ordering::SeqCst);
                assert!(!(after && answer.is_ok()), "round {round}: let in after the answer");
                refusals += usize::from(answer.is_err());
            }
        };
        let take = async {
            // At another moment of the readers each time.
            sleep(Duration::from_micros(300 * (round as u64 % 20))).await;
            admin.disable(id, true).await.unwrap();
            gone.store(true, Ordering::SeqCst);
        };
        let readers = callers.iter().flat_map(|runtime| (0..READERS).map(move |_| runtime));
        futures::join!(join_all(readers.map(read)), take);
        admin.disable(id, false).await.unwrap();
        for runtime in &callers {
            resolve(runtime, "demo", strong()).await.expect("it is enabled again");
        }
    }
    let reads = reads.into_inner();
    println!("{reads} reads around {ROUNDS} changes");
    assert!(reads >= 10_000);
}

/// What is no token at all is refused without a question to the database, which would hang here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_a_wrong_checksum_costs_no_question() {
    let world = World::with_demo(1).await;
    let (token, _) = token(&world).await;
    let replica = &world.replicas[0];
    replica.postgres.set(Fault::BlackHole);
    let (body, _) = token.rsplit_once('_').unwrap();
    let wrong = Client::connect(&replica.server.address, &format!("{body}_000000")).await;
    is_refused(resolve(&wrong, "demo", strong()).await.expect_err("accepted"));
    // One that is well formed is asked about, and nobody answers.
    let unknown = crate::credentials::assembled("run", "000000000000", &"S".repeat(43));
    let unknown = Client::connect(&replica.server.address, &unknown).await;
    let status = resolve(&unknown, "demo", strong()).await.expect_err("accepted");
    refused::<()>(Err(status)).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    replica.postgres.set(Fault::Pass);
}

//! A token that is revoked while servers remember that it was good.

use super::super::together::{next, watch};
use super::super::{Callers, SECOND, Tokens, World, resolve, strong};
use crate::support::proxy::{Fault, Moment};
use crate::support::{Client, refused};
use futures::future::join_all;
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
    let revoke = format!("DELETE FROM api_token WHERE id = '{id}' RETURNING id");
    assert_eq!(world.replicas.production.database.sql(&revoke).await.len(), 1);
    Instant::now()
}

fn is_refused(status: Status) {
    refused::<()>(Err(status)).is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_is_good_for_a_second_at_most_on_every_server() {
    let world = World::with_demo(3).await;
    let (token, callers) = token(&world).await;
    let mut streams = Vec::new();
    for runtime in &callers {
        resolve(runtime, "demo", strong()).await.unwrap();
        streams.push(watch(runtime).await);
    }
    let revoked = revoke(&world, &token).await;
    let calling = callers.iter().map(async |runtime| {
        let mut accepted = 0;
        loop {
            let asked = revoked.elapsed();
            match resolve(runtime, "demo", strong()).await {
                Ok(_) => accepted += 1,
                Err(status) => break is_refused(status),
            }
            assert!(asked < SECOND, "accepted {asked:?} after it was revoked");
            sleep(Duration::from_millis(10)).await;
        }
        accepted
    });
    let accepted: Vec<usize> = join_all(calling).await;
    assert!(accepted.iter().sum::<usize>() > 0, "nobody remembered it");
    for views in &mut streams {
        is_refused(next(views).await.unwrap_err());
    }
    let ended = revoked.elapsed();
    assert!(ended < SECOND * 2, "streams ended after {ended:?}");
}

/// What is remembered is as old as the question was, and not as the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_looked_up_slowly_is_not_good_for_longer() {
    let world = World::with_demo(1).await;
    let (token, callers) = token(&world).await;
    let (runtime, database) = (callers[0].clone(), &world.replicas[0].postgres);
    // The row is read at once, and arrives half a second later.
    let id: &'static str = token.split('_').nth(2).unwrap().to_owned().leak();
    database.set_when(Moment::After, id, Fault::BlackHole);
    let asking = tokio::spawn({
        let runtime = runtime.clone();
        async move { resolve(&runtime, "demo", strong()).await }
    });
    while !database.sprung() {
        sleep(Duration::from_millis(5)).await;
    }
    let revoked = revoke(&world, &token).await;
    sleep(Duration::from_millis(400)).await;
    database.set(Fault::Pass);
    // This one began before.
    asking.await.unwrap().unwrap();
    sleep((SECOND + Duration::from_millis(100)).saturating_sub(revoked.elapsed())).await;
    let late = resolve(&runtime, "demo", strong()).await;
    println!("asked {:?} after it was revoked", revoked.elapsed());
    is_refused(late.expect_err("accepted"));
}

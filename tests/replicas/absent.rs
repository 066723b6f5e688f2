//! A server whose engines are away when it starts.

use super::children::{logging, serve};
use super::{Callers, SOON, Tokens, resolve, strong, value};
use crate::support::binary::Serving;
use crate::support::kms;
use crate::support::production::Production;
use crate::support::proxy::{Fault, Proxy};
use crate::support::server::Setup;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::Visibility;

/// Engines with a project in them, and links to each of them.
struct World {
    production: Production,
    tokens: Tokens,
    links: [Proxy; 3],
    dir: tempfile::TempDir,
}

/// Which link.
const POSTGRES: usize = 0;
const REDIS: usize = 1;
const KMS: usize = 2;

impl World {
    async fn start() -> Self {
        let production = Production::create().await;
        let server = Setup::sqlite().beside(production.engines()).start().await;
        let tokens = Tokens {
            admin: server.token(Role::Admin, false, "deployment").await,
            runtime: server.token(Role::Runtime, false, "deployment").await,
        };
        let admin = Callers::connect(&server.address, &tokens).await.admin;
        admin.create_project("demo").await.unwrap();
        admin.create_secret("demo", "KEY", Visibility::Masked, Some("there")).await.unwrap();
        let links = [
            Proxy::before(production.database.url()).await,
            Proxy::before(&production.redis[0]).await,
            Proxy::before(&kms::endpoint()).await,
        ];
        Self { production, tokens, links, dir: tempfile::tempdir().unwrap() }
    }

    fn log(&self) -> std::path::PathBuf {
        self.dir.path().join("log")
    }

    fn serve(&self) -> Command {
        let [postgres, redis, kms] = &self.links;
        let engines = self.production.reached_through(
            &postgres.within(self.production.database.url()),
            &[redis.within(&self.production.redis[0])],
            &kms.within(&kms::endpoint()),
        );
        logging(serve(&engines), &self.log())
    }

    async fn value(&self, url: &str) -> String {
        let callers = Callers::connect(url, &self.tokens).await;
        value(&resolve(&callers.runtime, "demo", strong()).await.unwrap())
    }
}

/// Waits until a log says that a server is not ready.
async fn waits(log: &Path) {
    let begun = Instant::now();
    while !std::fs::read_to_string(log).unwrap_or_default().contains("not ready: trying again") {
        assert!(begun.elapsed() < SOON * 3, "it says that it waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn serves_once_it_is_back(link: usize, fault: Fault) {
    let world = World::start().await;
    world.links[link].set(fault);
    let mut command = world.serve();
    let serving = tokio::task::spawn_blocking(move || Serving::start(&mut command));
    waits(&world.log()).await;
    assert!(!serving.is_finished(), "it does not listen");
    world.links[link].set(Fault::Pass);
    let serving = serving.await.unwrap();
    assert_eq!(world.value(&serving.url()).await, "there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_its_database_serves_once_that_is_back() {
    serves_once_it_is_back(POSTGRES, Fault::Refuse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_database_is_silent_serves_once_that_speaks() {
    serves_once_it_is_back(POSTGRES, Fault::BlackHole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_its_key_service_serves_once_that_is_back() {
    serves_once_it_is_back(KMS, Fault::Refuse).await;
}

/// Redis costs time and never an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_redis_serves() {
    for fault in [Fault::Refuse, Fault::BlackHole] {
        let world = World::start().await;
        world.links[REDIS].set(fault);
        let mut command = world.serve();
        let serving = tokio::task::spawn_blocking(move || Serving::start(&mut command));
        assert_eq!(world.value(&serving.await.unwrap().url()).await, "there", "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_waits_ends_when_it_is_told_to() {
    let world = World::start().await;
    world.links[POSTGRES].set(Fault::Refuse);
    let mut child = world.serve().stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    waits(&world.log()).await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let begun = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        assert!(begun.elapsed() < SOON * 3, "it ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended.success(), "{ended:?}");
}

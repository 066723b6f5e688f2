//! Servers on a key service that the test holds in its hand.

use crate::support::binary::{self, Serving};
use crate::support::client::channel;
use crate::support::postgres::Database;
use crate::support::redis::Redis;
use crate::support::{Client, Server, Setup, override_slot};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use waxseal_kms::fake::Fake;
use waxseal_proto::v1::{Stage, Visibility};
use waxseal_server::config::Engines;

/// A deployment: its key service, and what its servers share.
pub struct World {
    pub fake: Fake,
    /// The ARN of the active key.
    pub key: String,
    /// The ARNs of keys that were active.
    pub also: Vec<String>,
    pub redis: Option<Redis>,
    /// PostgreSQL; without it the store is in the data directory.
    pub database: Option<Database>,
    /// What every server begins with, their clock too.
    pub setup: Setup,
}

impl World {
    /// On SQLite.
    pub async fn sqlite() -> Self {
        let fake = Fake::start().await;
        let key = fake.create_key();
        let mut setup = Setup::sqlite();
        setup.config.engines = Engines {
            kms_key: Some(key.clone()),
            kms_endpoint: Some(fake.endpoint()),
            ..Engines::default()
        };
        Self { fake, key, also: Vec::new(), redis: None, database: None, setup }
    }

    /// On PostgreSQL.
    pub async fn postgres() -> Self {
        let fake = Fake::start().await;
        let key = fake.create_key();
        let database = Some(Database::create().await);
        Self { fake, key, also: Vec::new(), redis: None, database, setup: Setup::sqlite() }
    }

    /// On PostgreSQL and a Redis of its own.
    pub async fn production() -> Self {
        Self { redis: Some(Redis::start().await), ..Self::postgres().await }
    }

    /// A server's; on PostgreSQL each call gives that of a further one.
    pub fn setup(&self) -> Setup {
        match &self.database {
            None => self.setup.clone(),
            Some(_) => self.setup.beside(self.engines()),
        }
    }

    /// The configuration of the engines.
    pub fn engines(&self) -> Engines {
        let Some(database) = &self.database else { return self.setup.config.engines.clone() };
        Engines {
            database_url: Some(database.url().parse().unwrap()),
            database_connections: 4,
            redis_url: self.redis.iter().map(|redis| redis.url().parse().unwrap()).collect(),
            kms_key: Some(self.key.clone()),
            kms_also: self.also.clone(),
            kms_endpoint: Some(self.fake.endpoint()),
            ..Engines::default()
        }
    }

    /// A command with the settings of this deployment, as the owner of this access key.
    pub fn command(&self, access_key: &str) -> Command {
        let mut command = binary::command();
        command
            .env("WAXSEAL_DATABASE_URL", self.postgres_database().url())
            .env("WAXSEAL_KMS_KEY", &self.key)
            .env("WAXSEAL_KMS_ENDPOINT", self.fake.endpoint())
            .env("AWS_ACCESS_KEY_ID", access_key)
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        if let Some(redis) = &self.redis {
            command.env("WAXSEAL_REDIS_URL", redis.url());
        }
        if !self.also.is_empty() {
            command.env("WAXSEAL_KMS_ALSO", self.also.join(","));
        }
        command
    }

    /// A process that serves, as the owner of this access key.
    pub async fn serve(&self, access_key: &str, services: &str) -> Serving {
        let mut command = self.command(access_key);
        command.args(["serve", "--listen", "127.0.0.1:0", "--services", services]);
        command.stderr(Stdio::null());
        // The key service needs this thread meanwhile.
        spawn_blocking(move || Serving::start(&mut command)).await.unwrap()
    }

    /// A token, made by the command line as the owner of this access key.
    pub async fn token(&self, access_key: &str, role: &str) -> String {
        let mut command = self.command(access_key);
        command.args(["token", "create", "--scope", "deployment", "--expires", "1h"]);
        command.args(["--role", role]);
        if role == "builder" {
            command.arg("--reveal");
        }
        let made = spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim_end().to_owned()
    }

    /// From now on a new key is the active one; gives the old one. Takes effect for servers that
    /// are started.
    pub fn rotate(&mut self) -> String {
        let old = std::mem::replace(&mut self.key, self.fake.create_key());
        self.also.push(old.clone());
        old
    }

    pub async fn start(&self) -> Server {
        self.setup().start().await
    }

    /// A server that tries every so often whether the key can be used.
    pub async fn start_probing(&self, every: Duration) -> Server {
        let mut setup = self.setup();
        setup.probe = Some(every);
        setup.start().await
    }

    pub fn postgres_database(&self) -> &Database {
        self.database.as_ref().unwrap()
    }

    /// How many requests there were so far.
    pub fn mark(&self) -> usize {
        let requests = self.fake.requests().len();
        // Beyond that the oldest would be missing.
        assert!(requests < 1_000);
        requests
    }

    /// What was asked since then and what for, such as `Decrypt value`; but for the canary, whose
    /// times have nothing to do with what callers do.
    pub fn since(&self, mark: usize) -> BTreeMap<String, usize> {
        let mut asked = self.with_canary_since(mark);
        asked.retain(|what, _| !what.ends_with(" canary"));
        asked
    }

    pub fn with_canary_since(&self, mark: usize) -> BTreeMap<String, usize> {
        assert!(self.mark() >= mark);
        let mut asked = BTreeMap::new();
        for request in &self.fake.requests()[mark..] {
            let body = &request.body;
            let context = ["EncryptionContext", "SourceEncryptionContext"]
                .into_iter()
                .find_map(|field| body.get(field));
            let purpose = context.and_then(|context| context["waxseal:purpose"].as_str());
            let what = format!("{} {}", request.operation, purpose.unwrap_or("nothing"));
            *asked.entry(what).or_default() += 1;
        }
        asked
    }

    /// Waits until so many views are in Redis: nobody is made to wait for them to get there.
    pub async fn shared_views(&self, count: usize) {
        let redis = self.redis.as_ref().unwrap();
        eventually("a view is shared", async || redis.dump().await.len() >= count).await;
    }
}

/// What [`World::since`] should be.
pub fn asked<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(what, count)| (what.to_owned(), count)).into()
}

/// Waits until it is so, for ten seconds.
pub async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !so().await {
        assert!(begin.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begin.elapsed()
}

/// Makes a project with so many secrets, every other of which is restricted, and every fourth
/// overridden in `main.live`.
pub async fn fill(admin: &Client, project: &str, secrets: usize) {
    admin.create_project(project).await.unwrap();
    for number in 0..secrets {
        let name = format!("SECRET_{number:03}");
        let visibility = [Visibility::Masked, Visibility::Restricted][number % 2];
        let value = format!("default {number}");
        admin.create_secret(project, &name, visibility, Some(&value)).await.unwrap();
        if number % 4 == 0 {
            let value = format!("override {number}");
            let live = override_slot("main", Stage::Live);
            admin.set(project, &name, live, &value).await.unwrap();
        }
    }
}

/// What the health service says of the whole server.
pub async fn serves(server: &Server) -> bool {
    let mut health = HealthClient::new(channel(&server.address).await);
    let request = HealthCheckRequest { service: String::new() };
    let status = health.check(request).await.unwrap().into_inner().status();
    status == ServingStatus::Serving
}

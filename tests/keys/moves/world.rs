//! A deployment on files, and what its callers hold of it.

use crate::keys::world::small;
use crate::support::client::Answer;
use crate::support::postgres::Database;
use crate::support::{Client, Server, Setup, binary, default_slot, override_slot};
use binary::Serving;
use serde_json::Value;
use std::process::{Command, Output, Stdio};
use tokio::task::spawn_blocking;
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_kms::fake::Fake;
use waxseal_proto::v1::{self, ResolvedSecret, Stage, Visibility};

/// Data keys of a [`Deployment`]: those of [`small`], two of another project, and of three values.
pub const KEYS: u64 = 13;

/// A stopped server on SQLite and a key file, and a key service that it could move to.
pub struct Deployment {
    pub setup: Setup,
    pub fake: Fake,
    /// The ARN of the key to move to.
    pub key: String,
    pub held: Held,
    before: Answers,
}

/// What callers have got.
pub struct Held {
    pub admin: String,
    pub builder: String,
    pub runtime: String,
    /// Of the request that renamed `OLD_NAME`.
    pub request_id: String,
}

/// What a server says of everything that there is.
#[derive(Debug, PartialEq)]
struct Answers {
    views: Vec<Vec<ResolvedSecret>>,
    secrets: Vec<v1::Secret>,
    versions: Vec<v1::ListSecretVersionsResponse>,
    revealed: Vec<Option<v1::SecretPayload>>,
    by_old_name: Vec<ResolvedSecret>,
    renamed: v1::Secret,
    projects: Vec<v1::Project>,
    environments: Vec<v1::Environment>,
    names: Vec<String>,
}

impl Deployment {
    pub async fn stopped() -> Self {
        Self::of(small().await).await
    }

    /// Makes what [`small`] lacks.
    pub async fn of(server: Server) -> Self {
        let request_id = Uuid::now_v7().to_string();
        let held = Held {
            admin: server.token(Role::Admin, false, "deployment").await,
            builder: server.token(Role::Builder, true, "deployment").await,
            runtime: server.token(Role::Runtime, false, "projects/demo").await,
            request_id,
        };
        let admin = Client::connect(&server.address, &held.admin).await;
        let live = override_slot("main", Stage::Live);
        admin.set("demo", "SIGNING", live, "signing live").await.unwrap();
        admin.create_secret("demo", "OLD_NAME", Visibility::Masked, Some("named")).await.unwrap();
        rename(&admin, &held.request_id).await.unwrap();
        admin.create_secret("demo", "ZZ_GONE", Visibility::Masked, Some("gone")).await.unwrap();
        admin.delete_secret("demo", "ZZ_GONE").await.unwrap();
        admin.create_project("shelved").await.unwrap();
        admin.delete_project("shelved").await.unwrap();
        let before = answers(&server.address, &held).await;
        let fake = Fake::start().await;
        let key = fake.create_key();
        Self { setup: server.stop().await, fake, key, held, before }
    }

    /// Every answer is what it was before anything moved, with the tokens from then.
    pub async fn answers_as_before(&self, url: &str) {
        let answers = answers(url, &self.held).await;
        // In parts, for a difference to be found.
        assert_eq!(answers.projects, self.before.projects);
        assert_eq!(answers.environments, self.before.environments);
        assert_eq!(answers.secrets, self.before.secrets);
        assert_eq!(answers.versions, self.before.versions);
        assert_eq!(answers, self.before);
    }

    /// A change is taken and read again.
    pub async fn takes_writes(&self, url: &str) {
        let builder = Client::connect(url, &self.held.builder).await;
        let runtime = Client::connect(url, &self.held.runtime).await;
        let draft = override_slot("staging", Stage::Draft);
        builder.set("demo", "KEY", draft, "after the move").await.unwrap();
        let view = runtime.resolve("demo", "staging", Stage::Draft).await.unwrap();
        let values = crate::support::client::values(&view.secrets);
        assert!(values.iter().any(|value| value.1 == "after the move"), "{values:?}");
    }

    /// On the data directory alone.
    pub fn serve(&self) -> Command {
        let mut command = serve_nothing();
        command.arg("--data-dir").arg(self.setup.data_dir());
        command
    }

    pub fn move_keys(&self) -> Command {
        let mut command = binary::command();
        command.args(["keys", "migrate", "--kms-key", &self.key]);
        command.args(["--kms-endpoint", &self.fake.endpoint()]);
        command.arg("--data-dir").arg(self.setup.data_dir());
        credentials(command)
    }

    /// With the key file as it is.
    pub fn migrate(&self, database: &Database) -> Command {
        on(self.migrate_without_keys(database), database)
    }

    /// Where keys are is still to be said.
    pub fn migrate_without_keys(&self, database: &Database) -> Command {
        let mut command = binary::command();
        command.arg("migrate").arg("--data-dir").arg(self.setup.data_dir());
        command.env("WAXSEAL_DATABASE_URL", database.url());
        command
    }

    /// The same with the key service.
    pub fn on_kms(&self, mut command: Command) -> Command {
        command.env("WAXSEAL_KMS_KEY", &self.key);
        command.env("WAXSEAL_KMS_ENDPOINT", self.fake.endpoint());
        credentials(command)
    }

    /// Runs a command to its end.
    pub async fn run(&self, command: &mut Command) -> Output {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = child.spawn().unwrap();
        // The key service needs this thread meanwhile.
        spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap()
    }

    /// Starts a command that serves.
    pub async fn start(&self, command: &mut Command) -> Serving {
        let mut command = std::mem::replace(command, binary::command());
        spawn_blocking(move || Serving::start(&mut command)).await.unwrap()
    }
}

/// The same on PostgreSQL, with the key file.
pub fn on(mut command: Command, database: &Database) -> Command {
    command.env("WAXSEAL_DATABASE_URL", database.url()).env("WAXSEAL_ALLOW_LOCAL_KEYS", "true");
    command
}

/// Where store and keys are is still to be said.
pub fn serve_nothing() -> Command {
    let mut command = binary::command();
    command.args(["serve", "--log", "error", "--listen", "127.0.0.1:0"]);
    command
}

fn credentials(mut command: Command) -> Command {
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

/// What a command that succeeded said.
#[track_caller]
pub fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*errors), (Some(0), ""));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The JSON of every line that it said.
#[track_caller]
pub fn lines(output: &Output) -> Vec<Value> {
    printed(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// It failed, and said these things in one line.
#[track_caller]
pub fn failed(output: &Output, words: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    for word in words {
        assert!(errors.contains(word), "{word:?} is not in: {errors}");
    }
}

/// Tables that a copy fills, but for the one row about the store.
const TABLES: [&str; 10] = [
    "project",
    "environment",
    "secret",
    "alias",
    "slot",
    "value",
    "request",
    "principal",
    "api_token",
    "audit",
];

/// How many rows there are, as the command counts them.
pub async fn rows(database: &Database) -> i64 {
    let counts = TABLES.map(|table| format!("(SELECT count(*) FROM {table})")).join(" + ");
    database.number(&format!("SELECT {counts}")).await
}

/// The rows of a database.
pub fn content(database: &Database) -> String {
    let dump = String::from_utf8(database.dump()).unwrap();
    // Newer programs write a key into it that is another each time.
    dump.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
}

async fn rename(admin: &Client, request_id: &str) -> Answer<v1::Secret> {
    let request = v1::RenameSecretRequest {
        name: "projects/demo/secrets/OLD_NAME".to_owned(),
        new_secret_id: "NEW_NAME".to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    let answer = admin.secrets.clone().rename_secret(request).await?;
    Ok(answer.into_inner().secret.unwrap())
}

async fn answers(url: &str, held: &Held) -> Answers {
    let admin = Client::connect(url, &held.admin).await;
    let builder = Client::connect(url, &held.builder).await;
    let runtime = Client::connect(url, &held.runtime).await;
    let (mut views, mut versions, mut revealed) = (Vec::new(), Vec::new(), Vec::new());
    let mut slots = vec![default_slot()];
    let mut environments = Vec::new();
    for environment in ["main", "staging"] {
        environments.push(admin.get_environment("demo", environment).await.unwrap());
        for stage in [Stage::Draft, Stage::Live] {
            views.push(runtime.resolve("demo", environment, stage).await.unwrap().secrets);
            slots.push(override_slot(environment, stage));
        }
    }
    let mut secrets = Vec::new();
    for secret in ["KEY", "NEW_NAME", "SIGNING"] {
        secrets.push(admin.get_secret("demo", secret).await.unwrap());
        for slot in &slots {
            let listed = admin.versions("demo", secret, slot.clone()).await.unwrap();
            if secret != "SIGNING" {
                for version in &listed.versions {
                    let shown =
                        builder.reveal_version("demo", secret, slot.clone(), version.version).await;
                    revealed.push(shown.unwrap().payload);
                }
            }
            versions.push(listed);
        }
    }
    assert_eq!(revealed.len(), 4);
    let by_old_name = runtime.resolve_named("demo", "main", Stage::Live, &["OLD_NAME"], false);
    Answers {
        views,
        secrets,
        versions,
        revealed,
        by_old_name: by_old_name.await.unwrap().secrets,
        // The answer that is kept, for there is no secret of that name any more.
        renamed: rename(&admin, &held.request_id).await.unwrap(),
        projects: vec![admin.get_project("demo").await.unwrap()],
        environments,
        names: admin.secret_ids("demo", true).await.unwrap(),
    }
}

//! Clients that are not ours: grpcurl (or buf in its place), which knows no more than what
//! reflection tells, and Python, with stubs generated from the proto.

use crate::support::{Server, grpcurl};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use waxseal_domain::caller::Role;

/// grpcurl, and whom it calls.
struct Foreign {
    program: PathBuf,
    address: String,
    _dir: tempfile::TempDir,
}

/// A refusal as a person at a terminal reads it.
#[derive(Debug, PartialEq, Eq)]
struct Printed {
    code: String,
    reason: String,
}

impl Foreign {
    fn of(server: &Server) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = grpcurl::install(dir.path());
        let address = server.address.strip_prefix("http://").unwrap().to_owned();
        Self { program, address, _dir: dir }
    }

    /// Runs it without blocking the server, which lives in this process.
    async fn run(&self, before: &[&str], after: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("-plaintext").args(before).arg(&self.address).args(after);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn lines(&self, words: &[&str]) -> String {
        let output = self.run(&[], words).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn call(&self, token: &str, method: &str, request: Value) -> Result<Value, Printed> {
        let (header, data) = (format!("authorization: Bearer {token}"), request.to_string());
        let output = self.run(&["-H", &header, "-d", &data], &[method]).await;
        if output.status.success() {
            return Ok(serde_json::from_slice(&output.stdout).unwrap());
        }
        let text = String::from_utf8(output.stderr).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let after = |mark: &str| {
            let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark} in {text}"));
            let word = |c: &char| c.is_alphanumeric() || *c == '_';
            rest.chars().skip_while(|c| !word(c)).take_while(word).collect::<String>()
        };
        assert!(text.contains("\"domain\": \"waxseal.dev\""), "{text}");
        Err(Printed { code: after("Code:"), reason: after("\"reason\":") })
    }
}

fn is(code: &str, reason: &str) -> Result<Value, Printed> {
    Err(Printed { code: code.to_owned(), reason: reason.to_owned() })
}

#[tokio::test]
async fn a_stranger_finds_everything_by_reflection() {
    let server = Server::with_demo().await;
    let foreign = Foreign::of(&server);
    let services = foreign.lines(&["list"]).await;
    let expected = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "waxseal.v1.AccessService",
        "waxseal.v1.AuditService",
        "waxseal.v1.EnvironmentService",
        "waxseal.v1.KeyService",
        "waxseal.v1.ProjectService",
        "waxseal.v1.RuntimeService",
        "waxseal.v1.SecretService",
    ];
    assert_eq!(services.lines().collect::<Vec<_>>(), expected);
    let described = foreign.lines(&["describe", "waxseal.v1.SecretService"]).await;
    for method in ["CreateSecret", "RevealSecretValue", "BatchSetOverrides"] {
        assert!(described.contains(&format!("rpc {method}")), "{described}");
    }
    let methods = foreign.lines(&["list", "waxseal.v1.RuntimeService"]).await;
    let expected = ["RenderTemplates", "ResolveEnvironment", "ResolveSecrets", "WatchEnvironment"];
    let expected = expected.map(|method| format!("waxseal.v1.RuntimeService.{method}"));
    assert_eq!(methods.lines().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_stranger_plays_the_story() {
    let server = Server::with_demo().await;
    let foreign = Foreign::of(&server);
    let builder = server.token(Role::Builder, true, "deployment").await;
    let runtime = server.token(Role::Runtime, false, "deployment").await;
    let secrets = |method: &str| format!("waxseal.v1.SecretService/{method}");
    let create = async |name: &str, visibility: &str, value: &str| {
        let request = json!({
            "parent": "projects/demo",
            "secret_id": name,
            "secret": { "visibility": visibility },
            "payload": { "text": value },
        });
        foreign.call(&builder, &secrets("CreateSecret"), request).await
    };
    let reveal = async |name: &str| {
        let name = format!("projects/demo/secrets/{name}");
        let request = json!({ "name": name, "slot": { "default": {} } });
        foreign.call(&builder, &secrets("RevealSecretValue"), request).await
    };

    let made = create("STRIPE_KEY", "VISIBILITY_MASKED", "hunter2").await.unwrap();
    assert_eq!(made["secret"]["name"], "projects/demo/secrets/STRIPE_KEY");
    assert_eq!(made["secret"]["hasValue"], true);
    create("SIGNING_KEY", "VISIBILITY_RESTRICTED", "hunter3").await.unwrap();
    let again = create("stripe_key", "VISIBILITY_MASKED", "hunter4").await;
    assert_eq!(again, is("AlreadyExists", "SECRET_EXISTS"));

    let request = json!({ "parent": "projects/demo" });
    let listed = foreign.call(&builder, &secrets("ListSecrets"), request).await.unwrap();
    let names: Vec<_> = listed["secrets"].as_array().unwrap().iter().collect();
    assert_eq!(names[0]["name"], "projects/demo/secrets/SIGNING_KEY");
    assert_eq!(names[1]["name"], "projects/demo/secrets/STRIPE_KEY");
    assert_eq!(listed["totalSize"], 2);

    assert_eq!(reveal("STRIPE_KEY").await.unwrap()["payload"]["text"], "hunter2");
    assert_eq!(reveal("SIGNING_KEY").await, is("PermissionDenied", "SECRET_RESTRICTED"));

    let request = json!({
        "name": "projects/demo/secrets/STRIPE_KEY",
        "slot": { "override": { "environment": "staging", "stage": "STAGE_LIVE" } },
        "payload": { "data": "AAEC" },
    });
    let written = foreign.call(&builder, &secrets("SetSecretValue"), request).await.unwrap();
    assert_eq!(written["version"], "1");
    let resolve = async |token: &str, environment: &str| {
        let name = format!("projects/demo/environments/{environment}");
        let request = json!({ "name": name, "stage": "STAGE_LIVE" });
        foreign.call(token, "waxseal.v1.RuntimeService/ResolveEnvironment", request).await
    };
    let view = resolve(&runtime, "staging").await.unwrap();
    let stripe = &view["secrets"][1];
    assert_eq!(
        (&stripe["payload"]["data"], &stripe["origin"]),
        (&json!("AAEC"), &json!("ORIGIN_OVERRIDE"))
    );
    let view = resolve(&runtime, "main").await.unwrap();
    let stripe = &view["secrets"][1];
    assert_eq!(
        (&stripe["payload"]["text"], &stripe["origin"]),
        (&json!("hunter2"), &json!("ORIGIN_DEFAULT"))
    );
    assert_eq!(resolve(&builder, "main").await, is("PermissionDenied", "PERMISSION_DENIED"));
    assert_eq!(resolve("wxs", "main").await, is("Unauthenticated", "CREDENTIALS_INVALID"));
    assert_eq!(resolve(&runtime, "never").await, is("NotFound", "ENVIRONMENT_NOT_FOUND"));
}

#[tokio::test]
async fn health_asks_for_no_credentials() {
    let server = Server::start().await;
    let foreign = Foreign::of(&server);
    let health = foreign.lines(&["grpc.health.v1.Health/Check"]).await;
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health, json!({ "status": "SERVING" }));
}

#[tokio::test]
async fn a_python_client_plays_the_story() {
    let server = Server::start().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stubs = tempfile::tempdir().unwrap();
    let mut command = Command::new(grpcurl::python());
    command
        .arg(root.join("tests/client.py"))
        .args([root.join("proto").as_path(), stubs.path()])
        .arg(server.address.strip_prefix("http://").unwrap())
        .env("ADMIN_TOKEN", server.token(Role::Admin, false, "deployment").await)
        .env("BUILDER_TOKEN", server.token(Role::Builder, true, "deployment").await)
        .env("RUNTIME_TOKEN", server.token(Role::Runtime, false, "deployment").await);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{printed}\n{errors}");
    assert!(printed.contains("the story was played"), "{printed}");
}

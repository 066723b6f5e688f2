//! `waxseal audit`.

use super::world::World;
use crate::support::binary::command;
use serde_json::Value;
use std::process::Output;
use waxseal_domain::caller::Role;

async fn audit(world: &World, arguments: &[&str]) -> Output {
    let token = world.server.token(Role::Auditor, false, "deployment").await;
    let mut command = command();
    command.env("WAXSEAL_ADDRESS", &world.server.address).env("WAXSEAL_TOKEN", token);
    command.arg("audit").args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_listed_exported_and_verified_without_a_server() {
    let world = World::sqlite().await;
    world.disclose().await;
    world.until_signed().await;
    let listed = audit(&world, &["list", "-p", "demo", "--action", "RevealSecretValue"]).await;
    assert!(text(&listed).contains("demo/KEY@2"), "{listed:?}");
    let listed = audit(&world, &["list", "--deployment", "--limit", "2", "--output", "json"]).await;
    let listed: Value = serde_json::from_str(&text(&listed)).unwrap();
    assert_eq!(listed["events"].as_array().unwrap().len(), 2);
    let verified = audit(&world, &["verify"]).await;
    assert!(verified.status.success() && text(&verified).contains("is what was written"));

    let key = text(&audit(&world, &["key"]).await).trim().to_owned();
    assert_eq!(key, world.key().to_string());
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // What was kept before the export: what is signed later is not in it.
    let kept = path("kept");
    let file = world.server.setup.data_dir().join("checkpoints.jsonl");
    std::fs::copy(file, &kept).unwrap();
    let exported = audit(&world, &["export", "--file", &path("trail")]).await;
    assert!(exported.status.success(), "{exported:?}");
    let whole = std::fs::read_to_string(path("trail")).unwrap();
    let printed = text(&audit(&world, &["export"]).await);
    assert_eq!(printed.lines().next(), whole.lines().next());
    world.stop().await;

    let offline = |file: &str, key: &str| {
        let mut command = command();
        command.args(["audit", "verify", "--file", file, "--public-key", key]);
        command.args(["--checkpoints", &kept, "--output", "json"]).output().unwrap()
    };
    let told = |output: &Output| serde_json::from_str::<Value>(&text(output)).unwrap();
    let good = offline(&path("trail"), &key);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    assert_eq!(told(&good)["problem"], Value::Null);

    let write = |name: &str, text: &str| {
        std::fs::write(path(name), text).unwrap();
        path(name)
    };
    let edited = write("edited", &whole.replacen("\"version\":2", "\"version\":1", 1));
    let bad = offline(&edited, &key);
    assert_eq!(bad.status.code(), Some(1));
    let problem = &told(&bad)["problem"];
    assert!(problem["chain"].as_str().unwrap().starts_with("project:"), "{problem}");
    assert_eq!(problem["what"], "the record is not what was written there");
    let cut = whole.trim_end().rsplit_once('\n').unwrap().0;
    assert_eq!(offline(&write("cut", cut), &key).status.code(), Some(1));
    assert_eq!(offline(&write("none", ""), &key).status.code(), Some(1));
    assert_eq!(offline(&write("junk", "junk\n"), &key).status.code(), Some(1));
    assert_eq!(offline(&path("trail"), &"0".repeat(64)).status.code(), Some(1));
    assert_eq!(offline(&path("trail"), "short").status.code(), Some(2));
    assert_eq!(offline(&path("absent"), &key).status.code(), Some(1));
}

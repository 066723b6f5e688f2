//! The commands about keys, as a person runs them.

use super::world::{SMALL, active, reads, rotate, small, status};
use crate::support::{Server, Setup, binary};
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use waxseal_domain::caller::Role;

/// Runs `waxseal keys` against a server with the token of a role.
async fn keys(server: &Server, role: Role, words: &[&str]) -> Output {
    let token = server.token(role, false, "deployment").await;
    let mut command = binary::command();
    command.arg("keys").args(words);
    command.env("WAXSEAL_ADDRESS", &server.address).env("WAXSEAL_TOKEN", token);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn rotate_by_command(dir: &Path, words: &[&str]) -> Output {
    let mut command = binary::command();
    command.args(["keys", "rotate", "--data-dir"]).arg(dir).args(words);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[track_caller]
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.is_empty(), "no bar where nobody looks: {errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn a_rotation_by_commands() {
    let setup = small().await.stop().await;
    let old = active(&setup);
    let said = printed(&rotate_by_command(&setup.data_dir(), &[]).await);
    let new = active(&setup);
    assert_ne!(old, new);
    assert!(said.starts_with(&format!("the active wrapping key is now {new}\n")), "{said}");
    assert!(said.contains("waxseal keys rewrap"), "{said}");

    let server = setup.start().await;
    let table = printed(&keys(&server, Role::Keyholder, &["status"]).await);
    assert!(table.starts_with("WRAPPING KEY"), "{table}");
    let line = |key: &str| table.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert!(line(&old).contains("no") && line(&old).ends_with(&SMALL.to_string()), "{table}");
    assert!(line(&new).contains("yes") && line(&new).ends_with('0'), "{table}");
    let due = format!("{SMALL} data keys wait for `waxseal keys rewrap`");
    assert!(table.contains(&due) && table.contains("key provider: good"), "{table}");

    let said = printed(&keys(&server, Role::Keyholder, &["rewrap"]).await);
    assert_eq!(said, format!("{SMALL} of {SMALL} data keys are now under {new}\n"));
    let said = printed(&keys(&server, Role::Keyholder, &["rewrap"]).await);
    assert_eq!(said, format!("every data key is under {new} already\n"));
    let table = printed(&keys(&server, Role::Keyholder, &["status"]).await);
    assert!(table.contains("every data key is under the active wrapping key"), "{table}");
    reads(&server).await;
}

#[tokio::test]
async fn in_json_there_is_an_object_for_every_page() {
    let setup = small().await.stop().await;
    let said = printed(&rotate_by_command(&setup.data_dir(), &["--output", "json"]).await);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["active_key_id"], active(&setup));
    let server = setup.start().await;
    let json = printed(&keys(&server, Role::Keyholder, &["status", "--output", "json"]).await);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["rewrapDue"], &json["health"]),
        (&SMALL.to_string().into(), &"KEY_HEALTH_GOOD".into())
    );
    let lines = printed(&keys(&server, Role::Keyholder, &["rewrap", "--output", "json"]).await);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done: Vec<_> = lines.iter().map(|line| line["done"].as_str().unwrap()).collect();
    let all = SMALL.to_string();
    assert_eq!(done, ["0", &all, &all]);
    let finished: Vec<_> = lines.iter().map(|line| line["finished"].as_bool().unwrap()).collect();
    assert_eq!(finished, [false, false, true]);
    assert_eq!(status(&server).await.rewrap_due, 0);
}

#[tokio::test]
async fn what_could_not_be_rewrapped_is_a_failure_that_names_it() {
    let setup = small().await.stop().await;
    rotate(&setup);
    let damage = "UPDATE project SET fingerprint_key = zeroblob(100)";
    assert_eq!(setup.database().execute(damage, []).unwrap(), 1);
    let server = setup.start().await;
    let output = keys(&server, Role::Keyholder, &["rewrap"]).await;
    assert_eq!(output.status.code(), Some(1));
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let project = server.admin().await.get_project("demo").await.unwrap();
    let named = format!("not rewrapped: the fingerprint key of project {}", project.uid);
    assert!(said.contains(&named) && said.contains("damaged or tampered with"), "{said}");
    assert!(errors.contains("1 data keys could not be rewrapped"), "{errors}");
}

#[tokio::test]
async fn without_the_right_a_command_says_so() {
    let server = Server::on_sqlite().await;
    for words in [["status"], ["rewrap"]] {
        let output = keys(&server, Role::Admin, &words).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("PERMISSION_DENIED"), "{errors}");
    }
}

#[tokio::test]
async fn a_move_without_a_place_to_go_is_refused_before_anything_is_touched() {
    let setup = small().await.stop().await;
    for (words, expected) in
        [(&["keys", "migrate"][..], "WAXSEAL_KMS_KEY"), (&["migrate"], "WAXSEAL_DATABASE_URL")]
    {
        let output = offline(&setup, words).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(expected), "{errors}");
    }
    reads(&setup.start().await).await;
}

async fn offline(setup: &Setup, words: &[&str]) -> Output {
    let mut command = binary::command();
    command.args(words).arg("--data-dir").arg(setup.data_dir());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

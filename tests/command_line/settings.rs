//! Options, variables and profiles; and what is said when they are wrong.

use super::{Caller, Done};
use crate::support::{Server, Setup, binary};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use waxseal_domain::caller::Role;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_fills_in_what_is_not_said() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let dir = caller.path(".config/waxseal");
    fs::create_dir_all(&dir).unwrap();
    let profiles = dir.join("profiles.toml");
    let text = format!(
        "[work]\naddress = \"{}\"\ntoken_file = \"{}\"\nproject = \"demo\"\noutput = \"json\"\n",
        server.address,
        caller.path("builder.token").display()
    );
    fs::write(&profiles, text).unwrap();
    let run = |line: &str| {
        let mut command = binary::command();
        command.args(line.split(' ')).env("HOME", caller.path("")).env_remove("XDG_CONFIG_HOME");
        Done::of(command, b"")
    };
    fs::set_permissions(&profiles, Permissions::from_mode(0o644)).unwrap();
    let open = run("secret list --profile work").failed(2);
    assert!(open.ends_with(&format!("chmod 600 {}", profiles.display())), "{open}");
    fs::set_permissions(&profiles, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run("secret list --profile work").json()["totalSize"], 0);
    assert!(run("secret list --profile work --output table").ok().starts_with("SECRET"));
    assert!(run("secret list -p none --profile work").failed(3).contains("PROJECT_NOT_FOUND"));
    assert!(run("secret list --profile other").failed(2).contains("it has work"));
    assert!(run("secret list").failed(2).contains("--token-file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_json_where_json_was_asked_for() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let failed = caller.run("builder", "secret get NONE --output json").failed(3);
    let error = &serde_json::from_str::<serde_json::Value>(&failed).unwrap()["error"];
    assert_eq!(error["code"], "NOT_FOUND");
    assert_eq!(error["reason"], "SECRET_NOT_FOUND");
    assert!(error["advice"].as_str().unwrap().contains("secret list"));
    let failed = caller.run("builder", "explain --output json").failed(2);
    let error = &serde_json::from_str::<serde_json::Value>(&failed).unwrap()["error"];
    assert!(error["message"].as_str().unwrap().contains("--environment"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_that_of_a_project_or_of_all() {
    let server = Server::with_demo().await;
    let caller = Caller::of(&server).await;
    let mut command = caller.command("admin", "audit list");
    command.env_remove("WAXSEAL_PROJECT");
    let said = Done::of(command, b"").failed(2);
    assert!(said.contains("--project") && said.contains("--deployment"), "{said}");
    // Elsewhere there is no such choice.
    let mut command = caller.command("builder", "secret list");
    command.env_remove("WAXSEAL_PROJECT");
    let said = Done::of(command, b"").failed(2);
    assert!(said.contains("--project") && !said.contains("--deployment"), "{said}");
}

#[test]
fn a_server_takes_the_variables_of_its_callers_for_known() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str| {
        let mut command = binary::command();
        command.args(["serve", "--check", "--data-dir"]).arg(dir.path().join("data"));
        command.env(name, "x");
        Done::of(command, b"")
    };
    for name in ["ADDRESS", "TOKEN", "TOKEN_FILE", "PROFILE", "PROJECT", "STAGE", "OUTPUT"] {
        check(&format!("WAXSEAL_{name}")).ok();
    }
    assert!(check("WAXSEAL_PROJCT").failed(2).ends_with("did you mean WAXSEAL_PROJECT?"));
}

/// The variables in the first column of the configuration table.
fn documented() -> Vec<String> {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Configuration\n").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|row| row.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned)).collect()
}

#[test]
fn an_empty_variable_is_as_if_it_were_not_set() {
    let dir = tempfile::tempdir().unwrap();
    let check = |empty: &[&str]| {
        let mut command = binary::command();
        command.args(["serve", "--check", "--data-dir"]).arg(dir.path().join("data"));
        command.envs(empty.iter().map(|name| (name, "")));
        Done::of(command, b"").ok()
    };
    let unset = check(&[]);
    let documented = documented();
    let names: Vec<_> = documented.iter().map(String::as_str).collect();
    // Those that are in force are all among them.
    for line in unset.lines() {
        let name = line.split('=').next().unwrap();
        assert!(names.contains(&name), "{name}");
    }
    for name in &names {
        assert_eq!(check(&[name]), unset, "{name}");
    }
    assert_eq!(check(&names), unset);
    // And so with commands that have a setting of the server's.
    let mut init = binary::command();
    init.arg("init").env("WAXSEAL_DATA_DIR", "");
    assert!(Done::of(init, b"").failed(2).contains("--data-dir"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_a_server_that_is_just_starting() {
    let mut setup = Setup::sqlite();
    let socket = setup.data_dir().parent().unwrap().join("socket");
    let unix = format!("unix:{}", socket.display());
    setup.config.listen.push(unix.parse().unwrap());
    let server = setup.start().await;
    server.make_demo().await;
    let token = server.token(Role::Builder, false, "deployment").await;
    let setup = server.stop().await;

    let caller = Caller::at(&unix);
    caller.file("builder.token", token);
    let gone = caller.run("builder", "secret list").failed(1);
    assert!(gone.contains("cannot be reached") && gone.contains("--address"), "{gone}");
    let early = std::thread::spawn(move || {
        caller.feed("builder", "secret create KEY --visibility masked", "some value")
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _server = setup.start().await;
    early.join().unwrap().ok();
}

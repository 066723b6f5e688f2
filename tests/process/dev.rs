//! `waxseal dev`: the first thing that a newcomer sees.

use super::{ends_well, mode};
use crate::support::binary::{Serving, command};
use crate::support::grpcurl::{install, path_with, tool};
use crate::support::{Client, Setup, default_slot};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use waxseal_proto::v1::Stage;

const TOKENS: [&str; 3] = ["admin.token", "builder.token", "runtime.token"];

fn dev(dir: &Path) -> Command {
    let mut dev = command();
    dev.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir);
    dev
}

fn stop(mut serving: Serving) {
    serving.terminate();
    ends_well(&mut serving, Duration::from_secs(30));
}

/// Every row but those that say that somebody looked, or that tokens were verified.
fn rows(setup: &Setup) -> Vec<String> {
    let database = setup.database();
    let mut rows = Vec::new();
    for table in
        ["store", "project", "environment", "secret", "slot", "value", "api_token", "request"]
    {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let read = statement.query_map([], |row| {
            (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column)).collect()
        });
        let read = read.unwrap().map(|row: rusqlite::Result<Vec<_>>| row.unwrap());
        rows.extend(read.map(|row| format!("{table} {row:?}")));
    }
    rows
}

/// The commands that were printed to be pasted.
fn pasted(printed: &str) -> Vec<&str> {
    printed.lines().filter(|line| line.starts_with("grpcurl ")).collect()
}

#[tokio::test]
async fn it_makes_a_project_tells_its_story_and_serves() {
    let setup = Setup::sqlite();
    let dir = setup.data_dir();
    let serving = Serving::start(&mut dev(&dir));
    let told = &serving.printed;
    let mut rest = told.as_str();
    for part in [
        "List",
        "Reveal",
        "https://weather.example/default",
        "SECRET_RESTRICTED",
        "Resolve",
        "main, draft",
        "main, live",
        "staging, draft",
        "staging, live",
        "override",
        "grpcurl ",
        "waxseal: serving on ",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} in:\n{told}"));
        rest = after;
    }
    for file in TOKENS {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
        let token = std::fs::read_to_string(dir.join(file)).unwrap();
        assert!(told.contains(file) && !told.contains(&token), "{file}");
    }
    let connect = |file: &str| {
        let token = std::fs::read_to_string(dir.join(file)).unwrap();
        let url = serving.url();
        async move { Client::connect(&url, &token).await }
    };
    let (builder, runtime) = (connect("builder.token").await, connect("runtime.token").await);
    builder.reveal("demo", "WEATHER_URL", default_slot()).await.unwrap();
    assert!(!runtime.resolve("demo", "staging", Stage::Live).await.unwrap().secrets.is_empty());
    connect("admin.token").await.create_project("mine").await.unwrap();
    stop(serving);
}

#[test]
fn started_again_it_finds_everything_as_it_was() {
    let setup = Setup::sqlite();
    let dir = setup.data_dir();
    stop(Serving::start(&mut dev(&dir)));
    let before = rows(&setup);
    let tokens = || TOKENS.map(|file| std::fs::read_to_string(dir.join(file)).unwrap());
    let kept = tokens();
    assert!(before.len() > 15, "{before:#?}");

    let serving = Serving::start(&mut dev(&dir));
    assert!(serving.printed.contains("SECRET_RESTRICTED"), "the story is told again");
    stop(serving);
    assert_eq!(rows(&setup), before);
    assert_eq!(tokens(), kept);
}

#[test]
fn it_makes_anew_a_token_file_that_is_gone_and_nothing_else() {
    let setup = Setup::sqlite();
    let dir = setup.data_dir();
    stop(Serving::start(&mut dev(&dir)));
    let before = rows(&setup);
    std::fs::remove_file(dir.join("runtime.token")).unwrap();
    let serving = Serving::start(&mut dev(&dir));
    assert!(serving.printed.contains("missing"), "{}", serving.printed);
    stop(serving);
    assert_eq!(mode(&dir.join("runtime.token")), 0o600);
    let after = rows(&setup);
    assert_eq!(after.iter().filter(|row| !before.contains(row)).count(), 1);
    assert!(before.iter().all(|row| after.contains(row)));
}

#[test]
fn what_it_prints_can_be_pasted() {
    let setup = Setup::sqlite();
    let serving = Serving::start(&mut dev(&setup.data_dir()));
    let commands = pasted(&serving.printed);
    assert!(commands.len() >= 5, "{}", serving.printed);
    for command in &commands {
        assert!(command.contains(&serving.address), "{command}");
        assert!(command.contains("waxseal.v1."), "{command}");
        assert!(command.contains(".token)"), "{command}");
    }
    if tool("TEST_GRPCURL").is_none() && tool("TEST_BUF").is_none() {
        println!("neither TEST_GRPCURL nor TEST_BUF is set: only the shape is looked at");
        return;
    }
    let tools = tempfile::tempdir().unwrap();
    install(tools.path());
    let mut answers = String::new();
    for command in commands {
        let mut shell = Command::new("sh");
        let output = shell.args(["-c", command]).env("PATH", path_with(tools.path())).output();
        let output = output.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{error}");
        answers += &String::from_utf8(output.stdout).unwrap();
    }
    for part in
        ["https://weather.example/default", "https://weather.example/pasted", "ORIGIN_OVERRIDE"]
    {
        assert!(answers.contains(part), "{part} is not in:\n{answers}");
    }
    stop(serving);
}

#[test]
fn a_unix_socket_will_do() {
    let setup = Setup::sqlite();
    let beside = tempfile::tempdir().unwrap();
    let socket = beside.path().join("w.sock");
    let mut on_socket = command();
    on_socket.args(["dev", "--listen", &format!("unix:{}", socket.display()), "--data-dir"]);
    let serving = Serving::start(on_socket.arg(setup.data_dir()));
    assert!(pasted(&serving.printed).iter().all(|line| line.contains("-unix ")));
    stop(serving);
    assert!(!socket.exists());
}

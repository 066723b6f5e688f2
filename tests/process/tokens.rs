//! Tokens on the machine of the server.

use super::{Said, mode, said, serve, used};
use crate::support::binary::{Serving, command};
use crate::support::{Client, Setup, default_slot, refused};
use std::path::Path;
use tonic::Code;
use waxseal_proto::v1::{Stage, Visibility};

fn create(data_dir: &Path, arguments: &[&str]) -> Said {
    let mut create = command();
    create.args(["token", "create"]).args(arguments).arg("--data-dir").arg(data_dir);
    said(&mut create)
}

fn init(data_dir: &Path, arguments: &[&str]) -> Said {
    said(command().arg("init").args(arguments).arg("--data-dir").arg(data_dir))
}

#[tokio::test]
async fn a_first_admin_is_made_once_beside_the_running_server() {
    let setup = Setup::sqlite();
    let (dir, file) = (setup.data_dir(), setup.data_dir().join("first.token"));
    let serving = Serving::start(&mut serve(&setup));
    assert!(serving.printed.contains("waxseal init"), "{}", serving.printed);
    assert_eq!(mode(&dir.join("waxseal.sock")), 0o600);
    let path = file.display().to_string();
    assert_eq!(init(&dir, &["--token-file", &path]).done(), "");
    assert_eq!(mode(&file), 0o600);
    let token = std::fs::read_to_string(&file).unwrap();
    let admin = Client::connect(&serving.url(), &token).await;
    admin.create_project("demo").await.unwrap();
    assert_eq!(admin.who_am_i().await.unwrap().principal, "principals/admin");
    init(&dir, &[]).failed(1, &["ALREADY_INITIALIZED"]);
    // A file that is there is left alone.
    init(&dir, &["--token-file", &path]).failed(1, &["exists already"]);
    drop((serving, admin));

    let serving = Serving::start(&mut serve(&setup));
    assert!(!serving.printed.contains("waxseal init"), "{}", serving.printed);
    let admin = Client::connect(&serving.url(), &token).await;
    admin.create_project("more").await.unwrap();
}

#[tokio::test]
async fn a_first_admin_is_told_in_json_and_leaves_no_file_where_there_is_none() {
    let setup = Setup::sqlite();
    let (dir, home) = (setup.data_dir(), tempfile::tempdir().unwrap());
    let file = home.path().join("first.token");
    let to_file = ["--token-file", file.to_str().unwrap()];
    // Nobody is there to answer; and where to ask was not said.
    init(&dir, &to_file).failed(1, &["UNAVAILABLE"]);
    assert!(!file.exists());
    said(command().arg("init")).failed(2, &["--data-dir"]);
    assert_eq!(init(&dir, &["--expires", "0d"]).code, Some(2));

    let serving = Serving::start(&mut serve(&setup));
    let printed = init(&dir, &["--principal", "ann", "--expires", "1d", "--output", "json"]).done();
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(made["principal"], "principals/ann");
    let ann = Client::connect(&serving.url(), made["token"].as_str().unwrap()).await;
    let who = ann.who_am_i().await.unwrap();
    assert_eq!(who.principal, "principals/ann");
    assert_eq!(made["expires"], who.expire_time.unwrap().to_string());
    // Once; and no file is left of an attempt in vain.
    init(&dir, &to_file).failed(1, &["ALREADY_INITIALIZED"]);
    assert!(!file.exists());
}

#[tokio::test]
async fn a_token_made_beside_a_running_server_works_at_once_and_only_where_it_says() {
    let setup = Setup::sqlite();
    let serving = Serving::start(&mut serve(&setup));
    let dir = setup.data_dir();
    let admin = crate::support::binary::first_token(&dir);
    let admin = Client::connect(&serving.url(), &admin).await;
    for project in ["demo", "other"] {
        admin.create_project(project).await.unwrap();
    }

    let project = ["--role", "builder", "--scope", "projects/demo", "--expires", "8h"];
    let token = create(&dir, &project).done();
    assert!(token.starts_with("wxs_bld_") && token.ends_with('\n'), "a token and a newline");
    assert_eq!(token.trim_end().len(), 71);
    let builder = Client::connect(&serving.url(), token.trim_end()).await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    refused(builder.create_secret("other", "KEY", Visibility::Masked, None).await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");
    refused(builder.reveal("demo", "KEY", default_slot()).await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");

    let token = create(&dir, &[&project[..], &["--reveal"]].concat()).done();
    let builder = Client::connect(&serving.url(), token.trim_end()).await;
    builder.reveal("demo", "KEY", default_slot()).await.unwrap();

    let view = "projects/demo/environments/main/stages/live";
    let one_view = ["--role", "runtime", "--scope", view, "--expires", "30d", "--output", "json"];
    let printed = create(&dir, &one_view).done();
    let created: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&created["role"], &created["scope"]), (&"runtime".into(), &view.into()));
    let runtime = Client::connect(&serving.url(), created["token"].as_str().unwrap()).await;
    runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    refused(runtime.resolve("demo", "main", Stage::Draft).await)
        .is(Code::PermissionDenied, "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let setup = Setup::sqlite();
    let serving = Serving::start(&mut serve(&setup));
    let dir = setup.data_dir();
    let admin = crate::support::binary::first_token(&dir);
    Client::connect(&serving.url(), &admin).await.create_project("demo").await.unwrap();
    let short = ["--role", "runtime", "--scope", "deployment", "--expires", "2s"];
    let token = create(&dir, &short).done();
    let runtime = Client::connect(&serving.url(), token.trim_end()).await;
    let mut answers = 0;
    let refusal = loop {
        match runtime.resolve("demo", "main", Stage::Live).await {
            Ok(_) => answers += 1,
            refusal => break refused(refusal),
        }
    };
    assert!(answers > 0, "it was valid at first");
    refusal.is(Code::Unauthenticated, "CREDENTIALS_INVALID");
}

#[test]
fn a_token_is_made_only_for_a_store_that_is_there() {
    let setup = Setup::sqlite();
    let deployment = ["--role", "viewer", "--scope", "deployment", "--expires", "1h"];
    create(&setup.data_dir(), &deployment).failed(1, &[&setup.data_dir().display().to_string()]);
    assert!(!setup.data_dir().exists());
    std::fs::create_dir(setup.data_dir()).unwrap();
    super::set_mode(&setup.data_dir(), 0o700);
    create(&setup.data_dir(), &deployment).failed(1, &["waxseal.db", "waxseal serve"]);
    assert_eq!(std::fs::read_dir(setup.data_dir()).unwrap().count(), 0);

    let setup = used();
    assert!(create(&setup.data_dir(), &deployment).done().starts_with("wxs_vwr_"));
    let in_project = |scope| ["--role", "viewer", "--expires", "1h", "--scope", scope];
    create(&setup.data_dir(), &in_project("projects/never")).failed(1, &["no such project"]);
    let reveal = [&deployment[..], &["--reveal"]].concat();
    create(&setup.data_dir(), &reveal).failed(2, &["--role builder"]);
    for wrong in [
        in_project("demo"),
        in_project("projects/demo/environments/main"),
        ["--role", "viewer", "--scope", "deployment", "--expires", "0h"],
        ["--role", "viewer", "--scope", "deployment", "--expires", "tomorrow"],
    ] {
        assert_eq!(create(&setup.data_dir(), &wrong).code, Some(2), "{wrong:?}");
    }
}

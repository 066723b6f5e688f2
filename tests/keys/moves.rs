//! Moving a deployment from files to engines, by the commands that an operator runs.

mod interrupted;
mod world;

use crate::support::binary::Serving;
use crate::support::postgres::Database;
use crate::support::{Client, default_slot};
use std::path::{Path, PathBuf};
use std::time::Duration;
use world::{Deployment, KEYS, failed, lines, printed};

#[tokio::test]
async fn after_keys_moved_the_key_file_is_not_needed() {
    let deployment = Deployment::stopped().await;
    let key = deployment.key.as_str();
    let said = printed(&deployment.run(&mut deployment.move_keys()).await);
    let expected = format!("{KEYS} data keys were moved to {key}, and all {KEYS} open there\n");
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains(&format!("WAXSEAL_KMS_KEY={key}\n")), "{said}");
    let file = deployment.setup.data_dir().join("keys.json");
    assert!(said.contains(&format!("{} is not needed", file.display())), "{said}");
    assert_eq!(deployment.fake.count("Encrypt"), KEYS);

    let again = printed(&deployment.run(&mut deployment.move_keys()).await);
    let expected = format!("0 data keys were moved to {key}, and all {KEYS} open there\n");
    assert!(again.starts_with(&expected), "{again}");
    assert_eq!(deployment.fake.count("Encrypt"), KEYS, "nothing is wrapped anew");

    // The key file alone opens nothing any more, and the error names what does.
    let refused = deployment.run(&mut deployment.serve()).await;
    failed(&refused, &[key]);

    std::fs::rename(&file, deployment.setup.data_dir().with_file_name("archived.json")).unwrap();
    let server = deployment.start(&mut deployment.on_kms(deployment.serve())).await;
    deployment.answers_as_before(&server.url()).await;
    deployment.takes_writes(&server.url()).await;
    assert!(!file.exists());
}

#[tokio::test]
async fn in_json_the_last_line_of_a_move_says_that_all_was_checked() {
    let deployment = Deployment::stopped().await;
    let output = deployment.run(deployment.move_keys().args(["--output", "json"])).await;
    let lines = lines(&output);
    let (last, told) = lines.split_last().unwrap();
    assert!(told.iter().all(|line| line["key_id"] == deployment.key.as_str()), "{lines:?}");
    let counts = |name: &str| -> Vec<_> { told.iter().map(|line| line[name].clone()).collect() };
    assert_eq!(counts("total"), vec![KEYS; told.len()]);
    assert_eq!(counts("failed"), vec![0; told.len()]);
    let finished = told.last().unwrap();
    assert_eq!((&finished["finished"], &finished["done"]), (&true.into(), &KEYS.into()));
    assert_eq!(last["key_id"], deployment.key.as_str());
    assert_eq!((&last["opened"], &last["failed"]), (&KEYS.into(), &0.into()));
}

#[tokio::test]
async fn a_database_that_moved_is_served_as_it_was() {
    let deployment = Deployment::stopped().await;
    let database = Database::create().await;
    let said = printed(&deployment.run(&mut deployment.migrate(&database)).await);
    let rows = world::rows(&database).await;
    let expected =
        format!("{rows} rows were copied and are the same there: 2 projects, 4 secrets, ");
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains("all 2 projects were checked\n"), "{said}");
    assert!(said.contains("WAXSEAL_DATABASE_URL"), "{said}");

    moved_away(&deployment, &database).await;
    let server = deployment.start(&mut world::on(deployment.serve(), &database)).await;
    deployment.answers_as_before(&server.url()).await;
    comes_back(&deployment, &server).await;
    deployment.takes_writes(&server.url()).await;
}

/// Nothing begins on the data directory any more, and it says why.
async fn moved_away(deployment: &Deployment, database: &Database) {
    let marker = marker(&deployment.setup.data_dir()).display().to_string();
    for mut command in [deployment.serve(), deployment.migrate(database), deployment.move_keys()] {
        let refused = deployment.run(&mut command).await;
        failed(&refused, &["was copied to PostgreSQL", "WAXSEAL_DATABASE_URL", &marker]);
    }
    assert_eq!(deployment.fake.count("Encrypt"), 0, "no key of the old database moves");
}

/// What was deleted can be brought back.
async fn comes_back(deployment: &Deployment, server: &Serving) {
    let admin = Client::connect(&server.url(), &deployment.held.admin).await;
    admin.undelete_secret("demo", "ZZ_GONE").await.unwrap();
    admin.undelete_project("shelved").await.unwrap();
    let builder = Client::connect(&server.url(), &deployment.held.builder).await;
    let back = builder.reveal("demo", "ZZ_GONE", default_slot()).await.unwrap();
    assert_eq!(crate::support::client::shown(back.payload.as_ref()), "gone");
    admin.delete_secret("demo", "ZZ_GONE").await.unwrap();
}

#[tokio::test]
async fn keys_and_then_the_database_move_away_from_files() {
    let deployment = Deployment::stopped().await;
    printed(&deployment.run(&mut deployment.move_keys()).await);
    std::fs::remove_file(deployment.setup.data_dir().join("keys.json")).unwrap();
    let database = Database::create().await;
    let mut command = deployment.on_kms(deployment.migrate_without_keys(&database));
    let lines = lines(&deployment.run(command.args(["--output", "json"])).await);
    let steps: Vec<_> = lines.iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["copied", "compared", "done"]);
    for line in &lines {
        let count = |name: &str| line[name].as_u64().unwrap();
        assert_eq!((count("projects"), count("secrets"), count("aliases")), (2, 4, 1));
        assert_eq!((count("environments"), count("tokens")), (3, 5));
        assert_eq!(count("requests"), 1);
    }

    // No directory at all.
    let mut serve = world::serve_nothing();
    serve.env("WAXSEAL_DATABASE_URL", database.url());
    let server = deployment.start(&mut deployment.on_kms(serve)).await;
    deployment.answers_as_before(&server.url()).await;
    comes_back(&deployment, &server).await;
    deployment.takes_writes(&server.url()).await;
}

#[tokio::test]
async fn a_database_that_is_not_empty_is_left_as_it_is() {
    let (one, other) = (Deployment::stopped().await, Deployment::stopped().await);
    let database = Database::create().await;
    printed(&one.run(&mut one.migrate(&database)).await);
    let before = world::content(&database);
    let refused = other.run(&mut other.migrate(&database)).await;
    failed(&refused, &["not empty"]);
    assert!(world::content(&database) == before, "it was changed");
    // Nor is the one that was refused taken for moved.
    let server = other.start(&mut other.serve()).await;
    other.answers_as_before(&server.url()).await;
}

#[tokio::test]
async fn while_a_server_has_the_data_directory_nothing_moves() {
    let deployment = Deployment::stopped().await;
    let database = Database::create().await;
    let server = deployment.start(&mut deployment.serve()).await;
    for mut command in [deployment.move_keys(), deployment.migrate(&database)] {
        let refused = deployment.run(&mut command).await;
        failed(&refused, &["in use by another waxseal process", "stop that one first"]);
    }
    assert!(deployment.fake.counts().is_empty(), "{:?}", deployment.fake.counts());
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN
                  ('pg_catalog', 'information_schema')";
    assert_eq!(database.number(tables).await, 0);
    deployment.answers_as_before(&server.url()).await;
}

#[tokio::test]
async fn while_a_server_has_the_database_its_keys_do_not_move() {
    let deployment = Deployment::stopped().await;
    let database = Database::create().await;
    printed(&deployment.run(&mut deployment.migrate(&database)).await);
    let move_keys = || {
        let mut command = deployment.move_keys();
        command.env("WAXSEAL_DATABASE_URL", database.url());
        command
    };
    let mut server = deployment.start(&mut world::on(deployment.serve(), &database)).await;
    let refused = deployment.run(&mut move_keys()).await;
    failed(&refused, &["servers have it open", "stop every one of them first"]);
    assert!(deployment.fake.counts().is_empty(), "{:?}", deployment.fake.counts());
    deployment.answers_as_before(&server.url()).await;

    server.kill();
    database.at_most_connected(0, Duration::from_secs(20)).await;
    let said = printed(&deployment.run(&mut move_keys()).await);
    assert!(said.contains(&format!("all {KEYS} open there")), "{said}");
    let mut serve = world::serve_nothing();
    serve.env("WAXSEAL_DATABASE_URL", database.url());
    let server = deployment.start(&mut deployment.on_kms(serve)).await;
    deployment.answers_as_before(&server.url()).await;
}

/// Waits until it is so, for ten seconds.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !so().await {
        assert!(begin.elapsed() < Duration::from_secs(10), "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The marker of a database that moved.
fn marker(dir: &Path) -> PathBuf {
    dir.join("moved-to-postgresql")
}

//! Moves that are killed on the way.

use super::world::{self, Deployment, KEYS, failed, printed};
use super::{marker, until};
use crate::keys::world::small;
use crate::support::Setup;
use crate::support::postgres::Database;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use waxseal_proto::v1::Visibility;
use waxseal_storage::{Postgres, postgres::Settings};

fn spawn(mut command: Command) -> Child {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.spawn().unwrap()
}

/// SIGKILL, while it runs.
fn kill(mut child: Child) {
    assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Values whose key is one of the key service's, and all.
fn values(setup: &Setup) -> (u32, u32) {
    let query = "SELECT count(*) FILTER (WHERE wrapped_key_id LIKE 'arn:%'), count(*) FROM value";
    let counts = setup.database().query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)));
    counts.unwrap()
}

/// After the first page of a hundred, and before it.
#[tokio::test]
async fn a_move_of_keys_that_is_killed_goes_on_where_it_was() {
    // All of these are in the first page, none of which is done before it is.
    let few = Deployment::stopped().await;
    few.fake.set_latency(Duration::from_millis(500));
    let child = spawn(few.move_keys());
    until("a few keys are wrapped", async || few.fake.count("Encrypt") >= 3).await;
    kill(child);
    few.fake.set_latency(Duration::ZERO);
    let said = printed(&few.run(&mut few.move_keys()).await);
    let expected = format!("{KEYS} data keys were moved to {}, and all {KEYS} open", few.key);
    assert!(said.starts_with(&expected), "{said}");

    let server = small().await;
    let admin = server.admin().await;
    for number in 0..100 {
        let name = format!("EXTRA_{number:03}");
        admin.create_secret("demo", &name, Visibility::Masked, Some("more")).await.unwrap();
    }
    let many = Deployment::of(server).await;
    many.fake.set_latency(Duration::from_millis(400));
    let child = spawn(many.move_keys());
    until("the second page has begun", async || many.fake.count("Encrypt") > 102).await;
    kill(child);
    many.fake.set_latency(Duration::ZERO);
    let (moved, all) = values(&many.setup);
    assert!(0 < moved && moved < all, "{moved} of {all}");

    let said = printed(&many.run(&mut many.move_keys()).await);
    let total = all + 6;
    assert!(said.contains(&format!("and all {total} open there")), "{said}");
    let left: u32 = said.split_once(' ').unwrap().0.parse().unwrap();
    assert_eq!(left, total - 100, "{said}");
    assert_eq!(values(&many.setup), (all, all));
    for deployment in [few, many] {
        std::fs::remove_file(deployment.setup.data_dir().join("keys.json")).unwrap();
        let server = deployment.start(&mut deployment.on_kms(deployment.serve())).await;
        deployment.answers_as_before(&server.url()).await;
    }
}

#[tokio::test]
async fn a_copy_that_is_killed_leaves_nothing_and_is_made_anew() {
    let deployment = Deployment::stopped().await;
    let database = Database::create().await;
    // The tables, which the copy would wait for in the middle.
    drop(Postgres::open(Settings::new(database.url().to_owned())).await.unwrap());
    let holder = database.connect().await;
    holder.batch_execute("BEGIN; LOCK TABLE value IN EXCLUSIVE MODE").await.unwrap();
    let child = spawn(deployment.migrate(&database));
    let waiting =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'value'::regclass";
    until("the copy waits", async || database.number(waiting).await > 0).await;
    kill(child);
    holder.batch_execute("COMMIT").await.unwrap();
    drop(holder);
    database.at_most_connected(0, Duration::from_secs(10)).await;
    assert_eq!(world::rows(&database).await, 0);
    assert!(!marker(&deployment.setup.data_dir()).exists());

    // It is served as ever, and can be copied still.
    let mut server = deployment.start(&mut deployment.serve()).await;
    deployment.answers_as_before(&server.url()).await;
    server.kill();
    printed(&deployment.run(&mut deployment.migrate(&database)).await);
    let server = deployment.start(&mut world::on(deployment.serve(), &database)).await;
    deployment.answers_as_before(&server.url()).await;
}

/// Wherever it is killed, there is all or nothing, and the command can be run again.
#[tokio::test]
async fn a_copy_that_is_killed_at_any_time_is_finished_by_the_next() {
    let deployment = Deployment::stopped().await;
    let (all, took) = {
        let (database, setup) = (Database::create().await, deployment.setup.copied());
        let mut command = migrate(&setup, &database);
        let begin = Instant::now();
        printed(&deployment.run(&mut command).await);
        let took = begin.elapsed();
        (world::rows(&database).await, took)
    };
    // Most of them in the second half, which is where it writes.
    for twentieth in [0, 4, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] {
        let delay = took * twentieth / 20;
        let (database, setup) = (Database::create().await, deployment.setup.copied());
        let mut child = spawn(migrate(&setup, &database));
        tokio::time::sleep(delay).await;
        child.kill().unwrap();
        child.wait().unwrap();
        database.at_most_connected(0, Duration::from_secs(10)).await;
        let finished = marker(&setup.data_dir()).exists();
        let there = "SELECT count(*) FROM pg_tables WHERE tablename = 'audit_checkpoint'";
        let rows = match database.number(there).await {
            0 => 0,
            _ => world::rows(&database).await,
        };
        assert!(rows == all || rows == 0 && !finished, "{rows} of {all} after {delay:?}");

        let again = deployment.run(&mut migrate(&setup, &database)).await;
        match finished {
            true => failed(&again, &["was copied to PostgreSQL"]),
            false => assert!(printed(&again).starts_with(&format!("{all} rows were copied"))),
        }
        assert_eq!(world::rows(&database).await, all);
    }
}

fn migrate(setup: &Setup, database: &Database) -> Command {
    let mut command = crate::support::binary::command();
    command.arg("migrate").arg("--data-dir").arg(setup.data_dir());
    world::on(command, database)
}

/// The last moment: all is there, and only the data directory does not say so.
#[tokio::test]
async fn a_copy_that_is_complete_and_not_marked_is_marked_by_the_next() {
    let deployment = Deployment::stopped().await;
    let database = Database::create().await;
    let first = printed(&deployment.run(&mut deployment.migrate(&database)).await);
    let marker = marker(&deployment.setup.data_dir());
    std::fs::remove_file(&marker).unwrap();
    let before = world::content(&database);
    let again = printed(&deployment.run(&mut deployment.migrate(&database)).await);
    assert_eq!(again, first);
    assert!(marker.exists());
    assert!(world::content(&database) == before, "it was changed");

    // Once it has been served and changed, it is not the copy any more.
    std::fs::remove_file(&marker).unwrap();
    let mut server = deployment.start(&mut world::on(deployment.serve(), &database)).await;
    deployment.takes_writes(&server.url()).await;
    server.kill();
    let before = world::content(&database);
    failed(&deployment.run(&mut deployment.migrate(&database)).await, &["not empty"]);
    assert!(world::content(&database) == before, "it was changed");
    assert!(!marker.exists());
}

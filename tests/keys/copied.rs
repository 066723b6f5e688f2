//! A copy of a whole store.

use super::world::{reads, small};
use crate::support::{Client, Setup, default_slot, override_slot, refused};
use std::sync::Arc;
use tonic::Code;
use uuid::Uuid;
use waxseal_engine::{Copied, CopyError, compare_stores, copy_store};
use waxseal_proto::v1::consistency::{AtLeast, Mode};
use waxseal_proto::v1::{self, Stage, Visibility};
use waxseal_storage::{Sqlite, Store};

/// What callers hold of the store that is copied.
struct Held {
    token: String,
    request_id: String,
    revision: String,
}

/// A store with a row of every kind, stopped.
async fn varied() -> (Setup, Held) {
    let server = small().await;
    let admin = server.admin().await;
    admin.clear("demo", "KEY", override_slot("staging", Stage::Live)).await.unwrap();
    admin.set("demo", "KEY", override_slot("staging", Stage::Live), "override").await.unwrap();
    for value in ["worn", "newer", "newest"] {
        admin.set("demo", "SIGNING", override_slot("main", Stage::Draft), value).await.unwrap();
    }
    admin.destroy("demo", "SIGNING", override_slot("main", Stage::Draft), 1).await.unwrap();
    admin.create_secret("demo", "OLD_NAME", Visibility::Masked, None).await.unwrap();
    admin.rename("demo", "OLD_NAME", "ZZ_NEW_NAME").await.unwrap();
    admin.create_secret("demo", "ZZ_GONE", Visibility::Masked, Some("gone")).await.unwrap();
    admin.delete_secret("demo", "ZZ_GONE").await.unwrap();
    admin.create_project("shelved").await.unwrap();
    admin.delete_project("shelved").await.unwrap();
    let request_id = Uuid::now_v7().to_string();
    create(&admin, &request_id).await.unwrap();
    let view = server.runtime().await.resolve("demo", "main", Stage::Live).await.unwrap();
    let token = server.token(waxseal_domain::caller::Role::Admin, false, "deployment").await;
    // Request ids are of a caller.
    create(&Client::connect(&server.address, &token).await, &request_id).await.unwrap_err();
    let again = Uuid::now_v7().to_string();
    let mine = Client::connect(&server.address, &token).await;
    rename(&mine, &again).await;
    (server.stop().await, Held { token, request_id: again, revision: view.revision })
}

async fn create(
    client: &Client,
    request_id: &str,
) -> Result<v1::CreateProjectResponse, tonic::Status> {
    let request = v1::CreateProjectRequest {
        project_id: "retried".to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    client.projects.clone().create_project(request).await.map(tonic::Response::into_inner)
}

async fn rename(client: &Client, request_id: &str) -> String {
    let request = v1::RenameSecretRequest {
        name: "projects/demo/secrets/ZZ_NEW_NAME".to_owned(),
        new_secret_id: "ZZ_NEWER_NAME".to_owned(),
        request_id: request_id.to_owned(),
        ..Default::default()
    };
    client.secrets.clone().rename_secret(request).await.unwrap().into_inner().revision
}

/// An empty data directory with the key file of another.
fn beside(setup: &Setup) -> Setup {
    let copy = setup.copied();
    for entry in std::fs::read_dir(copy.data_dir()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "keys.json" {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    copy
}

async fn open(setup: &Setup) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&setup.data_dir().join("waxseal.db")).await.unwrap())
}

#[tokio::test]
async fn a_copy_is_served_as_the_store_was_in_another_life_of_it() {
    let (setup, held) = varied().await;
    let there = beside(&setup);
    let (from, to) = (open(&setup).await, open(&there).await);
    let mut told = Vec::new();
    let copied = copy_store(&*from, &*to, |copied| told.push(copied.rows())).await.unwrap();
    assert!(told.is_sorted() && told.last() == Some(&copied.rows()), "{told:?}");
    let compared = compare_stores(&*from, &*to, |_| {}).await.unwrap();
    assert_eq!(compared, copied);
    assert_eq!((copied.projects, copied.environments), (3, 4));
    assert_eq!((copied.secrets, copied.aliases), (4, 2));
    assert!(copied.values >= 9 && copied.slots >= 4, "{copied:?}");
    assert!(copied.tokens >= 3 && copied.requests == 2 && copied.audit > 15, "{copied:?}");
    drop((from, to));

    let server = there.start().await;
    assert_eq!(server.engine.verify_projects(|_| {}).await.unwrap(), 3);
    let checked = server.engine.verify_data_keys(|_| {}).await.unwrap();
    assert_eq!((checked.failed, checked.failures.len()), (0, 0));
    assert!(checked.opened >= 11, "{checked:?}");
    reads(&server).await;

    // Tokens and kept answers came along.
    let admin = Client::connect(&server.address, &held.token).await;
    rename(&admin, &held.request_id).await;
    let mut names = admin.secret_ids("demo", true).await.unwrap();
    names.sort();
    assert_eq!(names, ["KEY", "SIGNING", "ZZ_GONE", "ZZ_NEWER_NAME"]);
    admin.undelete_secret("demo", "ZZ_GONE").await.unwrap();
    admin.undelete_project("shelved").await.unwrap();
    let gone = server.builder().await.reveal("demo", "ZZ_GONE", default_slot()).await;
    gone.unwrap();

    // Revisions are of the other life.
    let request = v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        consistency: Some(at_least(&held.revision)),
        ..Default::default()
    };
    let runtime = server.runtime().await;
    let answer = runtime.runtime.clone().resolve_environment(request).await;
    refused(answer).is(Code::FailedPrecondition, "REVISION_MISMATCH");
}

fn at_least(revision: &str) -> v1::Consistency {
    v1::Consistency { mode: Some(Mode::AtLeast(AtLeast { revision: revision.to_owned() })) }
}

#[tokio::test]
async fn a_copy_is_made_into_an_empty_store_only_and_of_one_that_is_not() {
    let (setup, _) = varied().await;
    let there = beside(&setup);
    let (from, to) = (open(&setup).await, open(&there).await);
    let nothing = copy_store(&*to, &*from, |_| {}).await.unwrap_err();
    assert!(matches!(nothing, CopyError::Nothing), "{nothing:?}");
    copy_store(&*from, &*to, |_| {}).await.unwrap();
    let again = copy_store(&*from, &*to, |_| {}).await.unwrap_err();
    assert!(matches!(again, CopyError::NotEmpty), "{again:?}");
}

#[tokio::test]
async fn a_copy_that_is_broken_off_leaves_nothing() {
    let (setup, _) = varied().await;
    let there = beside(&setup);
    let (from, to) = (open(&setup).await, open(&there).await);
    let all = compare_stores(&*from, &*from, |_| {}).await.unwrap();
    for stop in 1..6 {
        let mut told = 0;
        let broken_off = {
            let copying = std::panic::AssertUnwindSafe(copy_store(&*from, &*to, |_| {
                told += 1;
                assert!(told < stop, "broken off");
            }));
            futures::FutureExt::catch_unwind(copying).await
        };
        if broken_off.is_ok() {
            return;
        }
        let mut rows = to.snapshot().await.unwrap();
        assert_eq!(rows.meta().await.unwrap(), None, "{stop}");
        assert_eq!(rows.count_projects(true).await.unwrap(), 0, "{stop}");
    }
    assert_eq!(copy_store(&*from, &*to, |_| {}).await.unwrap(), all);
}

#[tokio::test]
async fn a_copy_that_differs_in_one_row_is_found() {
    let (setup, _) = varied().await;
    let there = beside(&setup);
    let (from, to) = (open(&setup).await, open(&there).await);
    copy_store(&*from, &*to, |_| {}).await.unwrap();
    drop(to);
    let changes = [
        ("UPDATE store SET created = created + 1", "own row"),
        ("UPDATE project SET display_name = 'x' WHERE id = 'shelved'", "projects"),
        ("UPDATE environment SET protected = 1 WHERE id = 'staging'", "environments"),
        ("UPDATE secret SET description = 'x' WHERE name = 'ZZ_GONE'", "secrets"),
        ("DELETE FROM alias WHERE name = 'OLD_NAME'", "aliases"),
        ("UPDATE slot SET edition = edition + 1 WHERE stage = 2", "slots"),
        ("UPDATE value SET mac = zeroblob(32) WHERE destroyed = 1", "values"),
        ("UPDATE request SET answer = '{}'", "kept answers"),
        ("UPDATE principal SET mac = zeroblob(32)", "principals"),
        ("DELETE FROM api_token WHERE id = (SELECT max(id) FROM api_token)", "tokens"),
        ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", "audit trail"),
    ];
    for (change, expected) in changes {
        let changed = there.copied();
        assert!(changed.database().execute(change, []).unwrap() > 0, "{change}");
        let differs = compare_stores(&*from, &*open(&changed).await, |_| {}).await.unwrap_err();
        assert!(
            matches!(differs, CopyError::Differs { group } if group == expected),
            "{change}: {differs:?}"
        );
    }
    let _: Copied = compare_stores(&*from, &*open(&there).await, |_| {}).await.unwrap();
}

/// The same store in PostgreSQL; `tests/run` says where one is.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_postgresql_is_the_same_row_by_row() {
    let server = std::env::var("TEST_POSTGRES").expect("run tests/run, or set TEST_POSTGRES");
    let (client, connection) =
        tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = format!("waxseal_copy_{}", Uuid::new_v4().simple());
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (before, query) = server.split_once('?').unwrap_or((&server, "sslmode=disable"));
    let (base, _) = before.rsplit_once('/').expect("TEST_POSTGRES names a database");
    let settings = waxseal_storage::postgres::Settings::new(format!("{base}/{name}?{query}"));

    let (setup, _) = varied().await;
    let from = open(&setup).await;
    let to = waxseal_storage::Postgres::open(settings).await.unwrap();
    let copied = copy_store(&*from, &to, |_| {}).await.unwrap();
    assert_eq!(compare_stores(&*from, &to, |_| {}).await.unwrap(), copied);
    assert!(copied.projects == 3 && copied.audit > 15, "{copied:?}");
    let again = copy_store(&*from, &to, |_| {}).await.unwrap_err();
    assert!(matches!(again, CopyError::NotEmpty), "{again:?}");
    let lives = [from.snapshot().await, to.snapshot().await].map(Result::unwrap);
    let mut incarnations = Vec::new();
    for mut rows in lives {
        incarnations.push(rows.meta().await.unwrap().unwrap().incarnation);
    }
    assert_ne!(incarnations[0], incarnations[1]);
    drop(to);
    client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

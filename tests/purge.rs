//! Purging is the end: what was deleted goes with its data keys and its ciphertext, its name is
//! free, and no one brings it back.

mod background;
mod files;
mod racing;

use crate::support::client::values;
use crate::support::{Client, Refusal, Server, default_slot, override_slot, refused};
use std::time::Duration;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Every secret has a default and two overrides, with two versions each.
async fn fill(builder: &Client, project: &str, names: &[&str]) {
    for name in names {
        let visibility =
            if name.starts_with('R') { Visibility::Restricted } else { Visibility::Masked };
        builder.create_secret(project, name, visibility, None).await.unwrap();
        let live = override_slot("main", Stage::Live);
        for slot in [default_slot(), live, override_slot("main", Stage::Draft)] {
            for version in 1..=2 {
                let value = format!("{project} {name} {version}");
                builder.set(project, name, slot.clone(), &value).await.unwrap();
            }
        }
    }
}

async fn demo(names: &[&str]) -> (Server, Client, Client, Client) {
    demo_on(Server::with_demo().await, names).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server, names: &[&str]) -> (Server, Client, Client, Client) {
    let (admin, builder) = (server.admin().await, server.builder().await);
    fill(&builder, "demo", names).await;
    let runtime = server.runtime().await;
    (server, admin, builder, runtime)
}

/// The condition that a row of `value` is of a secret.
fn of(name: &str) -> String {
    format!("secret = (SELECT uid FROM secret WHERE name = '{name}')")
}

fn count(server: &Server, from: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {from}");
    server.setup.database().query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// A secret is there with all it had.
async fn whole(builder: &Client, runtime: &Client, project: &str, name: &str) {
    for stage in [Stage::Draft, Stage::Live] {
        let view = runtime.resolve(project, "main", stage).await.unwrap();
        let expected = format!("{project} {name} 2");
        let found = (name, expected.as_str(), v1::Origin::Override, 2);
        assert!(values(&view.secrets).contains(&found), "{name}");
    }
    for slot in [default_slot(), override_slot("main", Stage::Live)] {
        let listed = builder.versions(project, name, slot.clone()).await.unwrap();
        assert_eq!(listed.versions.len(), 2);
        let last = format!("{project} {name} 2");
        assert!(builder.verify(project, name, slot, &last).await.unwrap());
    }
}

#[tokio::test]
async fn only_an_admin_purges_and_only_what_is_deleted() {
    let (server, admin, builder, runtime) = demo(&["KEY", "GONE"]).await;
    builder.delete_secret("demo", "GONE").await.unwrap();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let client = server.client(role, role == Role::Builder, "deployment").await;
        for name in ["KEY", "GONE", "NEVER"] {
            let answer = client.purge("demo", name).await;
            refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
        }
    }
    let purge = async |name: &str| -> Refusal { refused(admin.purge("demo", name).await) };
    purge("KEY").await.is(Code::FailedPrecondition, "SECRET_NOT_DELETED");
    purge("NEVER").await.is(Code::NotFound, "SECRET_NOT_FOUND");
    purge("gone").await.is(Code::NotFound, "SECRET_NOT_FOUND");
    builder.undelete_secret("demo", "GONE").await.unwrap();
    purge("GONE").await.is(Code::FailedPrecondition, "SECRET_NOT_DELETED");
    for name in ["KEY", "GONE"] {
        whole(&builder, &runtime, "demo", name).await;
    }
}

#[tokio::test]
async fn after_it_the_secret_never_was() {
    let (server, admin, builder, runtime) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "OTHER", "RESTRICTED"]).await;
    builder.rename("demo", "KEY", "GONE").await.unwrap();
    let gone = builder.delete_secret("demo", "GONE").await.unwrap();
    admin.purge("demo", "GONE").await.unwrap();
    let absent = |refusal: Refusal| refusal.is(Code::NotFound, "SECRET_NOT_FOUND");
    for name in ["GONE", "KEY"] {
        absent(refused(builder.get_secret("demo", name).await));
        absent(refused(builder.undelete_secret("demo", name).await));
        absent(refused(admin.purge("demo", name).await));
        absent(refused(builder.set("demo", name, default_slot(), "x").await));
        let answer = runtime.resolve_named("demo", "main", Stage::Live, &[name], true).await;
        absent(refused(answer));
    }
    assert_eq!(builder.secret_ids("demo", true).await.unwrap(), ["OTHER", "RESTRICTED"]);
    for name in ["OTHER", "RESTRICTED"] {
        whole(&builder, &runtime, "demo", name).await;
    }
    let uid = uuid::Uuid::parse_str(&gone.uid).unwrap().simple();
    for table in ["value", "slot", "alias"] {
        assert_eq!(count(&server, &format!("{table} WHERE secret = x'{uid}'")), 0, "{table}");
    }
    assert_eq!(count(&server, &format!("secret WHERE uid = x'{uid}'")), 0);

    // Its name is free, and whoever takes it is somebody else, with nothing of the old one.
    let made = builder.create_secret("demo", "GONE", Visibility::Masked, None).await.unwrap();
    let made = made.secret.unwrap();
    assert_ne!(made.uid, gone.uid);
    assert!(!made.has_value && made.default_version == 0 && made.aliases.is_empty());
    let listed = builder.versions("demo", "GONE", override_slot("main", Stage::Live)).await;
    assert!(listed.unwrap().versions.is_empty());
    assert!(builder.overrides("demo", "main", Stage::Live).await.unwrap().len() == 2);
    let stale = v1::DeleteSecretRequest {
        name: "projects/demo/secrets/GONE".to_owned(),
        etag: gone.etag,
        ..Default::default()
    };
    let answer = builder.secrets.clone().delete_secret(stale).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn it_makes_room_under_the_limit() {
    let mut setup = crate::support::Setup::new();
    setup.config.max_secrets = 2;
    let server = setup.start().await;
    server.make_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    fill(&builder, "demo", &["KEY", "GONE"]).await;
    let create = async || builder.create_secret("demo", "MORE", Visibility::Masked, None).await;
    builder.delete_secret("demo", "GONE").await.unwrap();
    refused(create().await).is(Code::ResourceExhausted, "SECRET_LIMIT");
    admin.purge("demo", "GONE").await.unwrap();
    create().await.unwrap();
}

async fn purge(
    client: &Client,
    name: &str,
    etag: &str,
    request_id: &str,
) -> Result<v1::PurgeSecretResponse, Status> {
    let request = v1::PurgeSecretRequest {
        name: format!("projects/demo/secrets/{name}"),
        etag: etag.to_owned(),
        request_id: request_id.to_owned(),
    };
    client.secrets.clone().purge_secret(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn it_can_be_based_on_an_etag_and_repeated_under_an_id() {
    let (_server, admin, builder, _runtime) = demo(&["KEY"]).await;
    let id = uuid::Uuid::new_v4().to_string();
    let before = builder.get_secret("demo", "KEY").await.unwrap();
    let deleted = builder.delete_secret("demo", "KEY").await.unwrap();
    let answer = purge(&admin, "KEY", &before.etag, &id).await;
    refused(answer).is(Code::Aborted, "ETAG_MISMATCH");
    let first = purge(&admin, "KEY", &deleted.etag, &id).await.unwrap();
    assert!(!first.revision.is_empty());
    assert_eq!(purge(&admin, "KEY", &deleted.etag, &id).await.unwrap(), first);
    let other = purge(&admin, "OTHER", &deleted.etag, &id).await;
    refused(other).is(Code::InvalidArgument, "REQUEST_ID_REUSED");

    // A repetition meets nobody who has taken the name since, not even a deleted one.
    fill(&builder, "demo", &["KEY"]).await;
    assert_eq!(purge(&admin, "KEY", &deleted.etag, &id).await.unwrap(), first);
    builder.delete_secret("demo", "KEY").await.unwrap();
    assert_eq!(purge(&admin, "KEY", &deleted.etag, &id).await.unwrap(), first);
    builder.undelete_secret("demo", "KEY").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_on_record_and_what_is_not_does_not_happen() {
    let (server, admin, builder, runtime) = demo_on(Server::demo_on_sqlite().await, &["KEY"]).await;
    let deleted = builder.delete_secret("demo", "KEY").await.unwrap();
    let database = server.setup.database();
    database
        .execute_batch(
            "CREATE TRIGGER no_record BEFORE INSERT ON audit
             BEGIN SELECT RAISE(ABORT, 'the disk of the audit trail is gone'); END",
        )
        .unwrap();
    assert!(admin.purge("demo", "KEY").await.is_err());
    database.execute_batch("DROP TRIGGER no_record").unwrap();
    builder.undelete_secret("demo", "KEY").await.unwrap();
    whole(&builder, &runtime, "demo", "KEY").await;
    builder.delete_secret("demo", "KEY").await.unwrap();
    admin.purge("demo", "KEY").await.unwrap();
    let uid = uuid::Uuid::parse_str(&deleted.uid).unwrap().simple();
    let purges = format!("audit WHERE action = 'PurgeSecret' AND secret = x'{uid}'");
    assert_eq!(count(&server, &purges), 1);
}

#[tokio::test]
async fn a_purged_secret_that_is_put_back_by_hand_is_refused() {
    let (server, admin, builder, runtime) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "OTHER"]).await;
    builder.delete_secret("demo", "KEY").await.unwrap();
    let old = server.setup.data_dir().join("old.db");
    server.setup.database().execute("VACUUM INTO ?1", [old.to_str().unwrap()]).unwrap();
    admin.purge("demo", "KEY").await.unwrap();
    drop((admin, builder, runtime));
    let server = server
        .tamper(|database| {
            database.execute("ATTACH ?1 AS old", [old.to_str().unwrap()]).unwrap();
            let tables = ["secret", "slot", "value"];
            for table in tables {
                let sql = format!("INSERT OR IGNORE INTO {table} SELECT * FROM old.{table}");
                database.execute(&sql, []).unwrap();
            }
        })
        .await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let lost = |refusal: Refusal| refusal.is(Code::DataLoss, "DATA_LOSS");
    lost(refused(builder.undelete_secret("demo", "KEY").await));
    lost(refused(admin.purge("demo", "KEY").await));
    lost(refused(server.runtime().await.resolve("demo", "main", Stage::Live).await));
}

//! What can no longer be brought back is purged without anybody asking.

use super::{DAY, count, demo_on, fill, of, whole};
use crate::support::traces::Traces;
use crate::support::{Client, Server, Setup, default_slot, refused};
use std::time::Duration;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{Stage, Visibility};

/// Tokens live an hour, and the tests' clock leaps.
async fn callers(server: &Server) -> (Client, Client, Client) {
    (server.admin().await, server.builder().await, server.runtime().await)
}

#[tokio::test]
async fn a_deleted_secret_is_purged_when_its_time_is_over_and_not_before() {
    let (server, _, builder, _) =
        demo_on(Server::demo_on_sqlite().await, &["EARLY", "LATE", "KEY"]).await;
    let traces = Traces::of(&server.setup.database(), &of("EARLY"));
    builder.delete_secret("demo", "EARLY").await.unwrap();
    server.pass(10 * DAY);
    let (_, builder, _) = callers(&server).await;
    builder.delete_secret("demo", "LATE").await.unwrap();

    server.pass(20 * DAY - Duration::from_secs(60));
    assert_eq!(server.engine.purge_expired().await.unwrap(), 0);
    let (_, builder, runtime) = callers(&server).await;
    builder.undelete_secret("demo", "EARLY").await.unwrap();
    whole(&builder, &runtime, "demo", "EARLY").await;
    // Its time begins anew.
    builder.delete_secret("demo", "EARLY").await.unwrap();
    server.pass(DAY);
    assert_eq!(server.engine.purge_expired().await.unwrap(), 0);

    server.pass(9 * DAY + Duration::from_secs(60));
    assert_eq!(server.engine.purge_expired().await.unwrap(), 1);
    let (_, builder, _) = callers(&server).await;
    assert_eq!(builder.secret_ids("demo", true).await.unwrap(), ["EARLY", "KEY"]);

    server.pass(20 * DAY);
    let (_, builder, runtime) = callers(&server).await;
    let late = builder.undelete_secret("demo", "EARLY").await;
    refused(late).is(Code::NotFound, "SECRET_NOT_FOUND");
    let held = builder.create_secret("demo", "EARLY", Visibility::Masked, None).await;
    refused(held).is(Code::AlreadyExists, "NAME_HELD_BY_DELETED");
    assert_eq!(server.engine.purge_expired().await.unwrap(), 1);
    assert_eq!(traces.left(&server.setup), 0);
    assert_eq!(builder.secret_ids("demo", true).await.unwrap(), ["KEY"]);
    whole(&builder, &runtime, "demo", "KEY").await;
    builder.create_secret("demo", "EARLY", Visibility::Masked, None).await.unwrap();
    assert_eq!(server.engine.purge_expired().await.unwrap(), 0, "there is nothing left to do");

    let purged = "audit WHERE action = 'PurgeSecret' AND principal = 'system:retention'
                  AND secret IS NOT NULL";
    assert_eq!(count(&server, purged), 2);
}

/// As after a crash between a removal and its scrub.
#[tokio::test]
async fn a_scrub_that_was_cut_off_is_made_up_for() {
    let (server, ..) = demo_on(Server::demo_on_sqlite().await, &["KEY"]).await;
    let setup = server.stop().await;
    let database = setup.database();
    let (secret, value) = (of("KEY"), "DELETE FROM value WHERE ");
    let traces = Traces::of(&database, &secret);
    database.execute_batch("PRAGMA secure_delete = OFF; PRAGMA foreign_keys = OFF").unwrap();
    database.execute(&format!("{value}{secret}"), []).unwrap();
    assert!(traces.left(&setup) > 0, "nothing is left to scrub");
    database.execute("UPDATE store SET unscrubbed = 1", []).unwrap();
    drop(database);

    let server = setup.start().await;
    server.engine.purge_expired().await.unwrap();
    assert_eq!(traces.left(&setup), 0);
    assert_eq!(count(&server, "store WHERE unscrubbed = 1"), 0);
}

#[tokio::test]
async fn the_time_is_configured() {
    let mut setup = Setup::sqlite();
    setup.config.secret_retention = Duration::from_secs(60);
    let server = setup.start().await;
    server.make_demo().await;
    let (admin, builder, _) = callers(&server).await;
    fill(&builder, "demo", &["KEY"]).await;
    let deleted = builder.delete_secret("demo", "KEY").await.unwrap();
    let time = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    assert_eq!(time(deleted.purge_time) - time(deleted.delete_time), 60);
    admin.create_project("gone").await.unwrap();
    let deleted = admin.delete_project("gone").await.unwrap();
    assert_eq!(time(deleted.purge_time) - time(deleted.delete_time), 60);
    server.pass(Duration::from_secs(60));
    assert_eq!(server.engine.purge_expired().await.unwrap(), 2);
    assert_eq!(count(&server, "secret"), 0);
    assert_eq!(admin.project_names(true).await.unwrap(), ["projects/demo"]);
}

/// Waits until the server has done by itself what is awaited.
async fn until(server: &Server, from: &str, expected: i64) {
    let done = async {
        while count(server, from) != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), done).await;
    waited.unwrap_or_else(|_| panic!("{from} stays at {}", count(server, from)));
}

#[tokio::test]
async fn a_running_server_purges_again_and_again() {
    let mut setup = Setup::sqlite();
    setup.config.purge_interval = Duration::from_millis(10);
    let server = setup.start().await;
    server.make_demo().await;
    for round in 1..=3 {
        let (_, builder, runtime) = callers(&server).await;
        fill(&builder, "demo", &["KEY", "RESTRICTED"]).await;
        builder.delete_secret("demo", "KEY").await.unwrap();
        server.pass(30 * DAY);
        until(&server, "secret", 1).await;
        let (admin, builder, _) = callers(&server).await;
        drop(runtime);
        whole(&builder, &server.runtime().await, "demo", "RESTRICTED").await;
        builder.delete_secret("demo", "RESTRICTED").await.unwrap();
        admin.purge("demo", "RESTRICTED").await.unwrap();
        assert_eq!(count(&server, "value"), 0, "round {round}");
    }
    let (admin, _, _) = callers(&server).await;
    admin.delete_project("demo").await.unwrap();
    server.pass(30 * DAY);
    until(&server, "project", 0).await;
}

#[tokio::test]
async fn a_server_that_was_down_meanwhile_purges_when_it_starts() {
    let (server, _, builder, _) = demo_on(Server::demo_on_sqlite().await, &["KEY", "OTHER"]).await;
    let traces = Traces::of(&server.setup.database(), &of("KEY"));
    builder.delete_secret("demo", "KEY").await.unwrap();
    drop(builder);
    server.pass(30 * DAY);
    let server = server.stop().await.start().await;
    until(&server, "secret", 1).await;
    // A round that finds nothing comes after one that has emptied the log.
    server.engine.purge_expired().await.unwrap();
    assert_eq!(traces.left(&server.stop().await), 0);
}

#[tokio::test]
async fn a_deleted_project_is_purged_whole_when_its_time_is_over_and_not_before() {
    let (server, admin, builder, _) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "GONE"]).await;
    admin.create_project("other").await.unwrap();
    fill(&builder, "other", &["KEY"]).await;
    let scoped = server.token_for(Role::Builder, true, "projects/demo", 90 * DAY).await;
    let scoped = Client::connect(&server.address, &scoped).await;
    let uid = admin.get_project("demo").await.unwrap().uid;
    admin.delete_project("demo").await.unwrap();

    server.pass(30 * DAY - Duration::from_secs(60));
    assert_eq!(server.engine.purge_expired().await.unwrap(), 0);
    let (admin, builder, runtime) = callers(&server).await;
    admin.undelete_project("demo").await.unwrap();
    for name in ["KEY", "GONE"] {
        whole(&builder, &runtime, "demo", name).await;
    }
    admin.delete_project("demo").await.unwrap();
    server.pass(30 * DAY);
    let (admin, builder, runtime) = callers(&server).await;
    let late = admin.undelete_project("demo").await;
    refused(late).is(Code::NotFound, "PROJECT_NOT_FOUND");
    assert_eq!(server.engine.purge_expired().await.unwrap(), 1);

    for (table, left) in
        [("project", 1), ("secret", 1), ("slot", 3), ("value", 6), ("environment", 1)]
    {
        assert_eq!(count(&server, table), left, "{table}");
    }
    refused(admin.get_project("demo").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
    assert_eq!(admin.project_names(true).await.unwrap(), ["projects/other"]);
    let answer = runtime.resolve("demo", "main", Stage::Live).await;
    refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
    whole(&builder, &runtime, "other", "KEY").await;
    let purges = "audit WHERE action = 'PurgeProject' AND principal = 'system:retention'";
    assert_eq!(count(&server, purges), 1);

    // The id is free, and a right to the old project is none to the new one.
    let made = admin.create_project("demo").await.unwrap();
    assert_ne!(made.uid, uid);
    assert!(builder.secret_ids("demo", true).await.unwrap().is_empty());
    for answer in [
        scoped.get_project("demo").await.map(drop),
        scoped.create_secret("demo", "KEY", Visibility::Masked, None).await.map(drop),
    ] {
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn a_secret_keeps_its_own_time_in_a_deleted_project() {
    let (server, _, builder, _) = demo_on(Server::demo_on_sqlite().await, &["EARLY", "KEY"]).await;
    let traces = Traces::of(&server.setup.database(), &of("EARLY"));
    builder.delete_secret("demo", "EARLY").await.unwrap();
    server.pass(20 * DAY);
    let (admin, ..) = callers(&server).await;
    admin.delete_project("demo").await.unwrap();
    server.pass(10 * DAY);
    assert_eq!(server.engine.purge_expired().await.unwrap(), 1);
    assert_eq!(traces.left(&server.setup), 0);
    let (admin, builder, runtime) = callers(&server).await;
    admin.undelete_project("demo").await.unwrap();
    assert_eq!(builder.secret_ids("demo", true).await.unwrap(), ["KEY"]);
    whole(&builder, &runtime, "demo", "KEY").await;
}

#[tokio::test]
async fn a_project_that_was_tampered_with_keeps_no_other_from_being_purged() {
    let (server, admin, builder, runtime) = demo_on(Server::demo_on_sqlite().await, &["KEY"]).await;
    for project in ["apple", "zebra"] {
        admin.create_project(project).await.unwrap();
        fill(&builder, project, &["KEY"]).await;
        builder.delete_secret(project, "KEY").await.unwrap();
    }
    builder.delete_secret("demo", "KEY").await.unwrap();
    drop((admin, builder, runtime));
    let server = server
        .tamper(|database| {
            let sql = "UPDATE project SET manifest = zeroblob(32) WHERE id = 'demo'";
            assert_eq!(database.execute(sql, []).unwrap(), 1);
        })
        .await;
    server.pass(30 * DAY);
    server.engine.purge_expired().await.unwrap();
    assert_eq!(count(&server, "secret"), 1, "what cannot be trusted is left as it is");
    let (_, builder, _) = callers(&server).await;
    for project in ["apple", "zebra"] {
        assert!(builder.secret_ids(project, true).await.unwrap().is_empty());
    }
    let answer = builder.set("demo", "KEY", default_slot(), "x").await;
    refused(answer).is(Code::DataLoss, "DATA_LOSS");
}

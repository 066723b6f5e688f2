//! Settings, revisions, manifests and keys of projects and environments.

use super::check::Damage::Head;
use super::world::World;
use super::{case, each};
use crate::support::refused;
use tonic::Code;
use waxseal_proto::v1::{self, Stage};

#[tokio::test]
async fn settings_stay_as_they_were_set() {
    each(vec![
        case(
            "refused defaults are allowed",
            "UPDATE environment SET fallback = 1 WHERE uid = {demo:denied}",
            [Head("demo")],
        ),
        case(
            "defaults are refused",
            "UPDATE environment SET fallback = 2 WHERE uid = {demo:main}",
            [Head("demo")],
        ),
        case(
            "a protection is gone",
            "UPDATE environment SET protected = 0 WHERE uid = {demo:denied}",
            [Head("demo")],
        ),
        case(
            "there is a protection",
            "UPDATE environment SET protected = 1 WHERE uid = {demo:main}",
            [Head("demo")],
        ),
        case(
            "two environments have exchanged ids",
            "UPDATE environment SET id = 'x' WHERE uid = {demo:main};
             UPDATE environment SET id = 'main' WHERE uid = {demo:staging};
             UPDATE environment SET id = 'staging' WHERE uid = {demo:main}",
            [Head("demo")],
        ),
        case(
            "two environments have exchanged identities",
            "UPDATE environment SET uid = x'00' WHERE uid = {demo:main};
             UPDATE environment SET uid = {demo:main} WHERE uid = {demo:staging};
             UPDATE environment SET uid = {demo:staging} WHERE uid = x'00'",
            [Head("demo")],
        ),
        case(
            "an environment has another id",
            "UPDATE environment SET id = 'taken' WHERE uid = {demo:spare}",
            [Head("demo")],
        ),
        case(
            "an environment is in another project",
            "UPDATE environment SET project = {other} WHERE uid = {demo:spare}",
            [Head("demo"), Head("other")],
        ),
        case(
            "an environment is deleted",
            "DELETE FROM environment WHERE uid = {demo:denied}",
            [Head("demo")],
        ),
        case(
            "an environment is deleted with all that is its own",
            "DELETE FROM value WHERE environment = {demo:staging};
             DELETE FROM slot WHERE environment = {demo:staging};
             DELETE FROM environment WHERE uid = {demo:staging}",
            [Head("demo")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn revisions_stay_as_they_were_raised() {
    each(vec![
        case(
            "a project's revision is lower",
            "UPDATE project SET revision = revision - 1 WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "a project's revision is higher",
            "UPDATE project SET revision = revision + 1 WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "a view's revision is lower",
            "UPDATE environment SET draft_revision = draft_revision - 1 WHERE uid = {demo:main}",
            [Head("demo")],
        ),
        case(
            "a view's revision is higher",
            "UPDATE environment SET live_revision = live_revision + 1 WHERE uid = {demo:denied}",
            [Head("demo")],
        ),
        case(
            "two views have exchanged revisions",
            "UPDATE environment SET live_revision = draft_revision + 1,
                 draft_revision = live_revision + 1 WHERE uid = {demo:main}",
            [Head("demo")],
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_manifest_vouches_for_its_own_project_only() {
    each(vec![
        case(
            "two projects have exchanged integrity keys",
            "UPDATE project SET integrity_key =
                 (SELECT p.integrity_key FROM project p WHERE p.uid =
                     CASE project.uid WHEN {demo} THEN {other} ELSE {demo} END)
             WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "two projects have exchanged manifests",
            "CREATE TEMP TABLE was AS SELECT uid, manifest FROM project;
             UPDATE project SET manifest = (SELECT manifest FROM was WHERE uid = {other})
             WHERE uid = {demo};
             UPDATE project SET manifest = (SELECT manifest FROM was WHERE uid = {demo})
             WHERE uid = {other}",
            [Head("demo"), Head("other")],
        ),
        case(
            "a project has manifest, catalogue, key and revision of another",
            "UPDATE project SET (revision, integrity_key_kind, integrity_key_id, integrity_key,
                                 catalogue, manifest) =
                 (SELECT revision, integrity_key_kind, integrity_key_id, integrity_key, catalogue,
                         manifest FROM project WHERE uid = {other})
             WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "two projects have exchanged ids",
            "UPDATE project SET id = 'x' WHERE uid = {demo};
             UPDATE project SET id = 'demo' WHERE uid = {other};
             UPDATE project SET id = 'other' WHERE uid = {demo}",
            [Head("demo"), Head("other")],
        ),
        case(
            "a manifest as it was",
            "UPDATE project SET (revision, catalogue, manifest) =
                 (SELECT revision, catalogue, manifest FROM old.project WHERE uid = {demo})
             WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "no manifest",
            "UPDATE project SET manifest = zeroblob(32) WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "an empty manifest",
            "UPDATE project SET manifest = x'' WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "half a manifest",
            "UPDATE project SET manifest = substr(manifest, 1, 16) WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "another catalogue",
            "UPDATE project SET catalogue = zeroblob(32) WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "an integrity key of another wrapping key",
            "UPDATE project SET integrity_key_id = 'local:other' WHERE uid = {demo}",
            [Head("demo")],
        ),
    ])
    .await;
}

/// Heads are read when the server starts; one that does not read is no reason not to start.
#[tokio::test]
async fn a_head_that_does_not_read_is_lost_alone() {
    each(vec![
        case(
            "a revision is none",
            "UPDATE project SET revision = -1 WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "a project's identity is none",
            "UPDATE project SET uid = x'00' WHERE uid = {demo}",
            [Head("demo")],
        ),
        case(
            "an environment's id is none",
            "UPDATE environment SET id = 'Not an id' WHERE uid = {demo:spare}",
            [Head("demo")],
        ),
        case(
            "an environment's identity is none",
            "UPDATE environment SET uid = x'00' WHERE uid = {demo:spare}",
            [Head("demo")],
        ),
        case(
            "a setting is none",
            "UPDATE environment SET fallback = 3 WHERE uid = {demo:spare}",
            [Head("demo")],
        ),
    ])
    .await;
}

/// Who holds an older view is not told that it is the current one.
#[tokio::test]
async fn a_lowered_view_revision_does_not_keep_an_old_value_alive() {
    let world = World::build().await;
    let setup = world.setup.copied();
    let resolve = |if_revision_not: &str| v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: if_revision_not.to_owned(),
        ..Default::default()
    };
    let server = setup.start().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let old = runtime.runtime.clone().resolve_environment(resolve("")).await.unwrap().into_inner();
    let live = crate::support::override_slot("main", Stage::Live);
    builder.set("demo", "ALPHA", live, "the old one is out").await.unwrap();
    drop((builder, runtime));

    let lower = world
        .sql("UPDATE environment SET live_revision = live_revision - 1 WHERE uid = {demo:main}");
    let server = server.tamper(|database| database.execute_batch(&lower).unwrap()).await;
    let runtime = server.runtime().await;
    let answer = runtime.runtime.clone().resolve_environment(resolve(&old.revision)).await;
    refused(answer).is(Code::DataLoss, "DATA_LOSS");
}

/// What is damaged in one place is not made good by a change in another, nor in its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_elsewhere_makes_nothing_good() {
    let world = World::build().await;
    let server = world.setup.copied().start().await;
    let (admin, builder, runtime) =
        (server.admin().await, server.builder().await, server.runtime().await);
    let database = server.setup.database();
    let (row, current) = (world.sql("{demo/ALPHA@main.draft}"), "UPDATE slot SET current =");
    database.execute(&format!("{current} 1 WHERE {row}"), []).unwrap();

    admin.create_environment("demo", "fresh").await.unwrap();
    let live = crate::support::override_slot("main", Stage::Live);
    builder.set("demo", "LATER", live.clone(), "meanwhile").await.unwrap();
    builder.clear("demo", "LATER", live).await.unwrap();
    builder.delete_secret("demo", "LATER").await.unwrap();
    builder.undelete_secret("demo", "LATER").await.unwrap();
    let draft = runtime.resolve("demo", "main", Stage::Draft).await;
    refused(draft).is(Code::DataLoss, "DATA_LOSS");

    database.execute(&format!("{current} 2 WHERE {row}"), []).unwrap();
    super::check::everything(&server, "healed", &[]).await;
}

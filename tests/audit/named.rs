//! Each record names the call that it was made for, by the id that the answer came with.

use super::lists::{all, events};
use super::world::{World, marked, postgres, setup};
use crate::support::{default_slot, override_slot, text};
use std::collections::HashSet;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response};
use waxseal_proto::v1::{self, AuditEvent, Stage};

/// The id of a call, out of what came back.
fn id(metadata: &MetadataMap) -> String {
    metadata.get("x-request-id").unwrap().to_str().unwrap().to_owned()
}

fn of<T>(answer: &Response<T>) -> String {
    id(answer.metadata())
}

const NAME: &str = "projects/demo/environments/staging";

fn resolve() -> v1::ResolveEnvironmentRequest {
    v1::ResolveEnvironmentRequest {
        name: NAME.to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    }
}

/// The one record that names this call.
async fn record(world: &World, id: &str) -> AuditEvent {
    let mut named = events(&world.auditor, all()).await;
    named.retain(|event| event.call_id == id);
    assert_eq!(named.len(), 1, "{id}: {named:?}");
    named.remove(0)
}

async fn each_record_names_its_call(on_postgres: bool) {
    let mut setup = setup();
    setup.config.audit.audit_window = Duration::from_secs(3_600);
    let database = if on_postgres { Some(postgres(&mut setup).await) } else { None };
    let world = World::on(setup, database).await;
    let (mut secrets, mut runtime) = (world.builder.secrets.clone(), world.runtime.runtime.clone());

    // A change; what the caller calls it itself is another thing.
    let own = uuid::Uuid::now_v7().to_string();
    let mut set = Request::new(v1::SetSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: default_slot(),
        payload: text(&marked("four")),
        request_id: own.clone(),
        ..Default::default()
    });
    set.metadata_mut().insert("x-request-id", own.parse().unwrap());
    let set = of(&secrets.set_secret_value(set).await.unwrap());
    let recorded = record(&world, &set).await;
    assert_eq!((&*recorded.action, &recorded.request_id), ("SetSecretValue", &own));
    assert_ne!(set, own);

    // What is shown.
    let reveal = v1::RevealSecretValueRequest {
        name: "projects/demo/secrets/KEY".to_owned(),
        slot: default_slot(),
        ..Default::default()
    };
    let revealed = of(&secrets.reveal_secret_value(reveal).await.unwrap());
    assert_eq!(record(&world, &revealed).await.action, "RevealSecretValue");
    let first = of(&runtime.resolve_environment(resolve()).await.unwrap());
    let again = of(&runtime.resolve_environment(resolve()).await.unwrap());
    assert_eq!(record(&world, &first).await.action, "ResolveEnvironment");
    let template = v1::Template {
        id: "t".to_owned(),
        text: "{secret:KEY}".to_owned(),
        context: v1::RenderContext::Text.into(),
    };
    let render = v1::RenderTemplatesRequest {
        name: NAME.to_owned(),
        stage: Stage::Live.into(),
        templates: vec![template],
        ..Default::default()
    };
    let rendered = of(&runtime.render_templates(render).await.unwrap());
    assert_eq!(record(&world, &rendered).await.action, "RenderTemplates");

    // All that a stream shows is of one call.
    let watch = v1::WatchEnvironmentRequest {
        name: NAME.to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let views = runtime.watch_environment(watch).await.unwrap();
    let watched = of(&views);
    let mut views = views.into_inner();
    views.message().await.unwrap().unwrap();
    let live = override_slot("staging", Stage::Live);
    world.builder.set("demo", "KEY", live, &marked("five")).await.unwrap();
    views.message().await.unwrap().unwrap();
    drop(views);
    let mut shown = events(&world.auditor, all()).await;
    shown.retain(|event| event.call_id == watched);
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().all(|event| event.action == "WatchEnvironment"));

    // What was denied.
    let create = v1::CreateProjectRequest { project_id: "mine".to_owned(), ..Default::default() };
    let denied = world.runtime.projects.clone().create_project(create).await.unwrap_err();
    world.until_count("CreateProject", "PERMISSION_DENIED", 1).await;
    let recorded = record(&world, &id(denied.metadata())).await;
    assert_eq!(recorded.outcome, "PERMISSION_DENIED");

    // Two calls are counted at the end, and neither of them alone is what is counted.
    let (setup, database) = world.stop().await;
    let world = World::around(setup.start().await, database).await;
    let everything = events(&world.auditor, all()).await;
    assert!(everything.iter().all(|event| event.call_id != again));
    let counted: Vec<_> = everything.iter().filter(|event| event.count > 0).collect();
    assert!(!counted.is_empty() && counted.iter().all(|event| event.call_id.is_empty()));
    // Who is at the machine calls nothing.
    let made = everything.iter().filter(|event| event.principal == "local");
    assert!(made.clone().count() > 0 && made.clone().all(|event| event.call_id.is_empty()));
    let ids = |events: &[AuditEvent]| -> HashSet<String> {
        events.iter().map(|event| event.call_id.clone()).collect()
    };
    assert!(ids(&everything).is_superset(&[set, revealed, first, rendered, watched].into()));
    // What somebody keeps says so, too, and is what was written.
    let records = world.records().await;
    let named = records.iter().filter(|record| record["call"].is_string());
    assert!(named.count() > 8);
    let verdict = world.until_signed().await;
    assert!(verdict.records > 0);
    assert_eq!(world.offline(None).await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_names_its_call() {
    each_record_names_its_call(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_names_its_call_on_postgres() {
    each_record_names_its_call(true).await;
}

//! Revisions: what a write answers with, what a resolve can be asked with, and that no answer is
//! older than the last acknowledged write.

mod foreign;
mod snapshots;
mod strong;
mod tokens;

use crate::support::{Client, Server, default_slot, override_slot};
use tonic::Response;
use waxseal_proto::v1::consistency::{AtLeast, Bounded, Mode, Strong};
use waxseal_proto::v1::{self, Consistency, Stage, Visibility};

type Answer<T> = Result<T, tonic::Status>;

/// What to ask of the live view of `main` in the project `demo`.
fn asked(mode: Option<Mode>, if_revision_not: &str) -> v1::ResolveEnvironmentRequest {
    v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        consistency: mode.map(|mode| Consistency { mode: Some(mode) }),
        if_revision_not: if_revision_not.to_owned(),
    }
}

async fn ask(
    runtime: &Client,
    request: v1::ResolveEnvironmentRequest,
) -> Answer<v1::ResolveEnvironmentResponse> {
    runtime.runtime.clone().resolve_environment(request).await.map(Response::into_inner)
}

fn at_least(revision: &str) -> Option<Mode> {
    Some(Mode::AtLeast(AtLeast { revision: revision.to_owned() }))
}

fn bounded(seconds: i64, nanos: i32) -> Option<Mode> {
    let max_staleness = Some(prost_types::Duration { seconds, nanos });
    Some(Mode::Bounded(Bounded { max_staleness }))
}

/// A server, a builder, a runtime, and the secret `KEY`.
async fn demo() -> (Server, Client, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client, Client) {
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    (server, builder, runtime)
}

#[tokio::test]
async fn a_write_is_seen_by_whoever_asks_for_its_revision() {
    let (_server, builder, runtime) = demo().await;
    for round in 0..5 {
        let value = format!("round {round}");
        let slot = override_slot("main", Stage::Live);
        let written = builder.set("demo", "KEY", slot, &value).await.unwrap();
        let view = ask(&runtime, asked(at_least(&written.revision), "")).await.unwrap();
        assert_eq!(crate::support::client::shown(view.secrets[0].payload.as_ref()), value);
        // The revision of the write is the one that the view was read at.
        assert_eq!(view.revision, written.revision);
    }
}

#[tokio::test]
async fn every_mode_gives_the_newest_view() {
    let (_server, builder, runtime) = demo().await;
    let first = builder.set("demo", "KEY", default_slot(), "first").await.unwrap();
    builder.set("demo", "KEY", default_slot(), "second").await.unwrap();
    for mode in [
        None,
        Some(Mode::Strong(Strong {})),
        at_least(&first.revision),
        bounded(0, 1),
        bounded(0, 999_999_999),
        bounded(1, 0),
    ] {
        let view = ask(&runtime, asked(mode, "")).await.unwrap();
        assert_eq!(crate::support::client::shown(view.secrets[0].payload.as_ref()), "second");
    }
}

#[tokio::test]
async fn a_view_that_the_caller_holds_is_not_sent_again() {
    let (_server, _builder, runtime) = demo().await;
    let view = ask(&runtime, asked(None, "")).await.unwrap();
    assert!(!view.not_modified);
    let again = ask(&runtime, asked(None, &view.revision)).await.unwrap();
    assert!(again.not_modified && again.secrets.is_empty() && again.unset.is_empty());
    assert_eq!(again.revision, view.revision);

    let request = v1::ResolveSecretsRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        if_revision_not: view.revision,
        secrets: vec!["KEY".to_owned()],
        ..Default::default()
    };
    let named = runtime.runtime.clone().resolve_secrets(request).await.unwrap().into_inner();
    assert!(named.not_modified && named.secrets.is_empty());
}

#[tokio::test]
async fn a_view_is_modified_by_what_could_alter_it_and_by_nothing_else() {
    let (server, builder, runtime) = demo().await;
    let admin = server.admin().await;
    builder.create_secret("demo", "OTHER", Visibility::Masked, None).await.unwrap();
    let mut held = ask(&runtime, asked(None, "")).await.unwrap().revision;

    // Each does something; the live view of `main` is then asked for again.
    for (what, modifies) in [
        ("override in the draft of main", false),
        ("override in staging, live", false),
        ("batch in the draft of main", false),
        ("clear in the draft of main", false),
        ("settings of staging", false),
        ("display name of main", false),
        ("new environment", false),
        ("clone of main", false),
        ("end of an environment", false),
        ("description", false),
        ("override in main, live", true),
        ("default that is overridden", true),
        ("clear in main, live", true),
        ("default", true),
        ("new secret", true),
        ("deletion", true),
        ("return", true),
        ("settings of main", true),
    ] {
        let draft = override_slot("main", Stage::Draft);
        let live = override_slot("main", Stage::Live);
        let deny = v1::Environment { fallback: v1::Fallback::Deny.into(), ..Default::default() };
        let name = v1::Environment { display_name: "Main".to_owned(), ..Default::default() };
        match what {
            "override in the draft of main" => {
                builder.set("demo", "KEY", draft, "x").await.map(drop).unwrap();
            }
            "override in staging, live" => {
                let slot = override_slot("staging", Stage::Live);
                builder.set("demo", "KEY", slot, "x").await.map(drop).unwrap();
            }
            "batch in the draft of main" => {
                let batch = [("KEY", "y"), ("OTHER", "y")];
                let answer = builder.batch_set("demo", "main", Stage::Draft, &batch).await;
                answer.map(drop).unwrap();
            }
            "clear in the draft of main" => {
                builder.clear("demo", "KEY", draft).await.map(drop).unwrap();
            }
            "settings of staging" => {
                let answer = admin.update_environment("demo", "staging", deny, &["fallback"]).await;
                answer.map(drop).unwrap();
            }
            "display name of main" => {
                let paths = ["display_name"];
                let answer = admin.update_environment("demo", "main", name, &paths).await;
                answer.map(drop).unwrap();
            }
            "new environment" => admin.create_environment("demo", "new").await.map(drop).unwrap(),
            "clone of main" => {
                let answer = admin.clone_environment("demo", "main", "copy", "").await;
                answer.map(drop).unwrap();
            }
            "end of an environment" => {
                admin.delete_environment("demo", "copy", false).await.map(drop).unwrap();
            }
            "description" => describe(&builder, "KEY").await,
            "override in main, live" => {
                builder.set("demo", "KEY", live, "x").await.map(drop).unwrap();
            }
            "clear in main, live" => builder.clear("demo", "KEY", live).await.map(drop).unwrap(),
            "default" | "default that is overridden" => {
                builder.set("demo", "KEY", default_slot(), "x").await.map(drop).unwrap();
            }
            "new secret" => {
                let answer = builder.create_secret("demo", "NEW", Visibility::Masked, None).await;
                answer.map(drop).unwrap();
            }
            "deletion" => builder.delete_secret("demo", "NEW").await.map(drop).unwrap(),
            "return" => builder.undelete_secret("demo", "NEW").await.map(drop).unwrap(),
            "settings of main" => {
                let answer = admin.update_environment("demo", "main", deny, &["fallback"]).await;
                answer.map(drop).unwrap();
            }
            _ => unreachable!(),
        }
        let answer = ask(&runtime, asked(None, &held)).await.unwrap();
        assert_eq!(answer.not_modified, !modifies, "{what}");
        assert_ne!(answer.revision, held, "{what}: the project has moved on");
        // What came with an answer stands for the view even if that was not sent again.
        held = answer.revision;
        assert!(ask(&runtime, asked(None, &held)).await.unwrap().not_modified, "{what}");
    }
}

async fn describe(builder: &Client, secret: &str) {
    let request = v1::UpdateSecretRequest {
        secret: Some(v1::Secret {
            name: format!("projects/demo/secrets/{secret}"),
            description: "Said anew".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    builder.secrets.clone().update_secret(request).await.unwrap();
}

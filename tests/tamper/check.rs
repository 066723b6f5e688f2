//! Asks for every view and every value, and for changes.

use super::world::{ENVIRONMENTS, MASKED, PROJECTS, RESTRICTED, SLOTS, slot, stage, value};
use crate::support::client::shown;
use crate::support::refusal::read;
use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use tonic::{Code, Status};
use waxseal_proto::v1::{self, Visibility};

/// What cannot be trusted any more.
#[derive(Clone, Copy, Debug)]
pub enum Damage {
    /// A project's head or settings: everything in it.
    Head(&'static str),
    /// A project's secrets or default slots: every view and every value.
    Catalogue(&'static str),
    /// The overrides of one environment and stage of a project.
    Overrides(&'static str, &'static str),
    /// One value: project, secret, slot.
    Value(&'static str, &'static str, &'static str),
}

use Damage::{Catalogue, Head, Overrides, Value};

impl Damage {
    fn hits_view(self, project: &str, view: &str) -> bool {
        match self {
            Head(hit) | Catalogue(hit) => hit == project,
            Overrides(hit, in_view) => (hit, in_view) == (project, view),
            Value(hit, _, "default") => (hit, "staging.live") == (project, view),
            Value(hit, _, in_view) => (hit, in_view) == (project, view),
        }
    }

    fn hits_value(self, project: &str, secret: &str, slot: &str) -> bool {
        match self {
            Head(hit) | Catalogue(hit) => hit == project,
            Overrides(hit, in_slot) => (hit, in_slot) == (project, slot),
            Value(hit, of, in_slot) => (hit, of, in_slot) == (project, secret, slot),
        }
    }
}

/// Every view whole and by names, and every value. What is damaged is refused; all else is what
/// it always was.
pub async fn everything(server: &Server, case: &str, damage: &[Damage]) {
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for project in PROJECTS {
        for environment in ENVIRONMENTS {
            for name in ["draft", "live"] {
                let view = format!("{environment}.{name}");
                let case = format!("{case}: view {view} of {project}");
                let lost = damage.iter().any(|hit| hit.hits_view(project, &view));
                let answer = runtime.resolve(project, environment, stage(name)).await;
                view_is(&case, lost, answer.map(|answer| answer.secrets), &right(project, &view));
                let named = ["ALPHA", "TIGHT"];
                let answer =
                    runtime.resolve_named(project, environment, stage(name), &named, true).await;
                let mut right = right(project, &view);
                right.retain(|secret, _| named.contains(&secret.as_str()));
                view_is(&case, lost, answer.map(|answer| answer.secrets), &right);
            }
        }
        for (name, versions) in SLOTS {
            for secret in MASKED {
                let case = format!("{case}: {secret} of {project}, {name}");
                let lost = damage.iter().any(|hit| hit.hits_value(project, secret, name));
                match builder.reveal(project, secret, slot(name)).await {
                    Ok(revealed) => {
                        assert!(!lost, "{case} is shown");
                        let right = value(project, secret, name, versions);
                        assert_eq!(shown(revealed.payload.as_ref()), right, "{case}");
                    }
                    Err(status) => {
                        assert!(lost, "{case}: {status:?}");
                        let reason = read(&status).reason;
                        let fits = ["DATA_LOSS", "SECRET_RESTRICTED"].contains(&reason.as_str());
                        assert!(fits, "{case}: {reason}");
                    }
                }
            }
            for secret in RESTRICTED {
                for version in [0, 1] {
                    let answer = builder.reveal_version(project, secret, slot(name), version).await;
                    let reason = refused(answer).reason;
                    let fits = ["DATA_LOSS", "SECRET_RESTRICTED"].contains(&reason.as_str());
                    assert!(fits, "{case}: {secret} of {project}, {name}: {reason}");
                }
            }
        }
    }
}

type View = BTreeMap<String, (String, i64)>;

/// What a view says when nobody has tampered with it.
fn right(project: &str, view: &str) -> View {
    let mut right = View::new();
    if view.starts_with("denied") {
        return right;
    }
    let filled = SLOTS.iter().find(|(slot, _)| *slot == view).unwrap_or(&SLOTS[0]);
    for secret in MASKED.into_iter().chain(RESTRICTED) {
        let value = value(project, secret, filled.0, filled.1);
        right.insert(secret.to_owned(), (value, filled.1));
    }
    if project == "demo" {
        right.insert("ONLY".to_owned(), ("here".to_owned(), 1));
    }
    right
}

fn view_is(case: &str, lost: bool, answer: Result<Vec<v1::ResolvedSecret>, Status>, right: &View) {
    match answer {
        Ok(secrets) => {
            assert!(!lost, "{case} resolves");
            let view = secrets.into_iter().map(|entry| {
                let value = shown(entry.payload.as_ref()).to_owned();
                (entry.secret, (value, entry.version))
            });
            assert_eq!(view.collect::<View>(), *right, "{case}");
        }
        Err(status) => {
            assert!(lost, "{case}: {status:?}");
            let refusal = read(&status);
            assert_eq!(
                (refusal.code, refusal.reason.as_str()),
                (Code::DataLoss, "DATA_LOSS"),
                "{case}"
            );
        }
    }
}

/// No change can be made to what is damaged: it would sign what someone else has put there.
pub async fn changes_are_refused(server: &Server, case: &str, damage: &[Damage]) {
    let (admin, builder) = (server.admin().await, server.builder().await);
    let refused_all = |changes: Vec<Change>| -> BoxFuture<'static, ()> {
        let case = case.to_owned();
        Box::pin(async move {
            for (name, change) in changes {
                let Err(status) = change.await else { panic!("{case}: {name} is made") };
                let reason = read(&status).reason;
                assert_eq!(reason, "DATA_LOSS", "{case}: {name}: {status:?}");
            }
        })
    };
    for hit in damage {
        match *hit {
            Head(project) => {
                refused_all(in_project(&admin, project)).await;
                refused_all(in_catalogue(&builder, project)).await;
                refused_all(in_view(&builder, project, "staging.draft")).await;
            }
            Catalogue(project) => refused_all(in_catalogue(&builder, project)).await,
            Overrides(project, view) => refused_all(in_view(&builder, project, view)).await,
            // A value that is written over is well again, so only what would open it is refused.
            Value(project, secret, _) if MASKED.contains(&secret) => {
                let client = builder.clone();
                let ratchet =
                    Box::pin(async move { client.restrict(project, secret).await.map(drop) });
                refused_all(vec![("the ratchet", ratchet)]).await;
            }
            Value(..) => {}
        }
    }
}

type Change = (&'static str, BoxFuture<'static, Result<(), Status>>);

fn in_project(admin: &Client, project: &'static str) -> Vec<Change> {
    let client = || admin.clone();
    let (create, clone, update, delete) = (client(), client(), client(), client());
    let name = move |environment: &str| format!("projects/{project}/environments/{environment}");
    vec![
        (
            "a new environment",
            Box::pin(async move { create.create_environment(project, "fresh").await.map(drop) }),
        ),
        (
            "a clone",
            Box::pin(async move {
                clone.clone_environment(project, "staging", "fresh", "").await.map(drop)
            }),
        ),
        (
            "other settings",
            Box::pin(async move {
                let request = v1::UpdateEnvironmentRequest {
                    environment: Some(v1::Environment {
                        name: name("staging"),
                        protected: true,
                        ..Default::default()
                    }),
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["protected".to_owned()],
                    }),
                    ..Default::default()
                };
                update.environments.clone().update_environment(request).await.map(drop)
            }),
        ),
        (
            "a deletion",
            Box::pin(async move {
                let request = v1::DeleteEnvironmentRequest {
                    name: name("denied"),
                    force: true,
                    ..Default::default()
                };
                delete.environments.clone().delete_environment(request).await.map(drop)
            }),
        ),
    ]
}

fn in_catalogue(builder: &Client, project: &'static str) -> Vec<Change> {
    let c = || builder.clone();
    let (create, set, over, clear) = (c(), c(), c(), c());
    let (ratchet, delete, undelete) = (c(), c(), c());
    vec![
        (
            "a new secret",
            Box::pin(async move {
                create
                    .create_secret(project, "FRESH", Visibility::Masked, Some("v"))
                    .await
                    .map(drop)
            }),
        ),
        (
            "a default",
            Box::pin(
                async move { set.set(project, "CLEARED", default_slot(), "v").await.map(drop) },
            ),
        ),
        (
            "an override",
            Box::pin(async move {
                let live = override_slot("staging", v1::Stage::Live);
                over.set(project, "CLEARED", live, "v").await.map(drop)
            }),
        ),
        (
            "a clearing",
            Box::pin(
                async move { clear.clear(project, "CLEARED", default_slot()).await.map(drop) },
            ),
        ),
        (
            "the ratchet",
            Box::pin(async move { ratchet.restrict(project, "LATER").await.map(drop) }),
        ),
        (
            "a deletion",
            Box::pin(async move { delete.delete_secret(project, "LATER").await.map(drop) }),
        ),
        (
            "an undeletion",
            Box::pin(async move { undelete.undelete_secret(project, "GONE").await.map(drop) }),
        ),
    ]
}

fn in_view(builder: &Client, project: &'static str, view: &'static str) -> Vec<Change> {
    let (set, clear, batch) = (builder.clone(), builder.clone(), builder.clone());
    vec![
        (
            "an override",
            Box::pin(async move { set.set(project, "CLEARED", slot(view), "v").await.map(drop) }),
        ),
        (
            "a clearing",
            Box::pin(async move { clear.clear(project, "CLEARED", slot(view)).await.map(drop) }),
        ),
        (
            "a batch",
            Box::pin(async move {
                let (environment, name) = view.split_once('.').unwrap();
                let request = v1::BatchSetOverridesRequest {
                    parent: format!("projects/{project}/environments/{environment}"),
                    stage: stage(name).into(),
                    overrides: vec![v1::OverrideValue {
                        secret: "LATER".to_owned(),
                        payload: text("v"),
                    }],
                    ..Default::default()
                };
                batch.secrets.clone().batch_set_overrides(request).await.map(drop)
            }),
        ),
    ]
}

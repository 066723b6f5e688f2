//! The rule of resolution, in full: every state of the slots, under either fallback, asked in
//! three ways that have to agree.

use crate::support::client::shown;
use crate::support::{Client, Server, default_slot, override_slot};
use waxseal_proto::v1::{self, Fallback, Origin, Stage, UnsetReason, Visibility};

/// What became of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Never,
    Set,
    Cleared,
    SetAgain,
}

const STATES: [State; 4] = [State::Never, State::Set, State::Cleared, State::SetAgain];
const STAGES: [Stage; 2] = [Stage::Draft, Stage::Live];

impl State {
    /// The version that holds a value.
    const fn holds(self) -> Option<i64> {
        match self {
            Self::Set => Some(1),
            Self::SetAgain => Some(3),
            Self::Never | Self::Cleared => None,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Never => 'n',
            Self::Set => 's',
            Self::Cleared => 'c',
            Self::SetAgain => 'a',
        }
    }

    async fn bring_about(self, builder: &Client, secret: &str, slot: fn(&str) -> Slot, at: &str) {
        let set = async |value: &str| builder.set("demo", secret, slot(at), value).await.unwrap();
        if self == Self::Never {
            return;
        }
        set(&format!("{secret} {at} 1")).await;
        if self == Self::Set {
            return;
        }
        builder.clear("demo", secret, slot(at)).await.unwrap();
        if self == Self::SetAgain {
            set(&format!("{secret} {at} 3")).await;
        }
    }
}

type Slot = Option<v1::Slot>;

/// What a view says about one secret.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Value(String, Origin, i64),
    Unset(UnsetReason),
}

/// The rule, written down once more.
fn expected(secret: &str, at: &str, fallback: Fallback, default: State, over: State) -> Says {
    match (over.holds(), default.holds()) {
        (Some(version), _) => {
            Says::Value(format!("{secret} {at} {version}"), Origin::Override, version)
        }
        (None, None) => Says::Unset(UnsetReason::NoValue),
        (None, Some(_)) if fallback == Fallback::Deny => Says::Unset(UnsetReason::FallbackDenied),
        (None, Some(version)) => {
            Says::Value(format!("{secret} default {version}"), Origin::Default, version)
        }
    }
}

fn said(secrets: &[v1::ResolvedSecret], unset: &[v1::UnsetSecret]) -> Vec<(String, Says)> {
    let values = secrets.iter().map(|entry| {
        let value = shown(entry.payload.as_ref()).to_owned();
        (entry.secret.clone(), Says::Value(value, entry.origin(), entry.version))
    });
    let unset = unset.iter().map(|entry| (entry.secret.clone(), Says::Unset(entry.reason())));
    let mut said: Vec<_> = values.chain(unset).collect();
    said.sort_by(|(a, _), (b, _)| a.cmp(b));
    said
}

fn slot_at(at: &str) -> Slot {
    match at.split_once('/') {
        None => default_slot(),
        Some((environment, "draft")) => override_slot(environment, Stage::Draft),
        Some((environment, _)) => override_slot(environment, Stage::Live),
    }
}

fn place(environment: &str, stage: Stage) -> String {
    format!("{environment}/{}", if stage == Stage::Draft { "draft" } else { "live" })
}

#[tokio::test]
async fn resolve_and_explain_follow_the_rule_in_every_state_of_the_slots() {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let (viewer, runtime) = (server.viewer().await, server.runtime().await);
    let strict = v1::Environment { fallback: Fallback::Deny.into(), ..Default::default() };
    admin.create_environment_as("demo", "strict", strict).await.unwrap();
    let environments = [("staging", Fallback::Allow), ("strict", Fallback::Deny)];

    // Each secret has its own combination: of the default, and of the overrides of each stage.
    let mut secrets = Vec::new();
    for default in STATES {
        for draft in STATES {
            for live in STATES {
                let letters: String = [default, draft, live].map(State::letter).iter().collect();
                secrets.push((format!("S_{letters}"), default, [draft, live]));
            }
        }
    }
    secrets.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    for (secret, default, overrides) in &secrets {
        builder.create_secret("demo", secret, Visibility::Masked, None).await.unwrap();
        default.bring_about(&builder, secret, slot_at, "default").await;
        for (environment, _) in environments {
            for (stage, over) in STAGES.into_iter().zip(overrides) {
                let at = place(environment, stage);
                over.bring_about(&builder, secret, slot_at, &at).await;
            }
        }
    }

    let names: Vec<&str> = secrets.iter().map(|(secret, ..)| secret.as_str()).collect();
    for (environment, fallback) in environments {
        for (index, stage) in STAGES.into_iter().enumerate() {
            let at = place(environment, stage);
            let rule: Vec<_> = secrets
                .iter()
                .map(|(secret, default, overrides)| {
                    let says = expected(secret, &at, fallback, *default, overrides[index]);
                    (secret.clone(), says)
                })
                .collect();

            let view = runtime.resolve("demo", environment, stage).await.unwrap();
            assert_eq!(said(&view.secrets, &view.unset), rule, "{at}");
            let named = runtime.resolve_named("demo", environment, stage, &names, true).await;
            let named = named.unwrap();
            assert_eq!(said(&named.secrets, &named.unset), rule, "{at}, by name");

            let explained = viewer.explain("demo", environment, stage).await.unwrap();
            assert_eq!(explained.len(), secrets.len());
            for ((line, (secret, says)), (_, default, overrides)) in
                explained.iter().zip(&rule).zip(&secrets)
            {
                let (origin, version, reason) = match says {
                    Says::Value(_, origin, version) => (*origin, *version, UnsetReason::default()),
                    Says::Unset(reason) => (Origin::default(), 0, *reason),
                };
                let expected = v1::ExplainedSecret {
                    secret: secret.clone(),
                    origin: origin.into(),
                    version,
                    unset_reason: reason.into(),
                    default_set: default.holds().is_some(),
                    override_set: overrides[index].holds().is_some(),
                };
                assert_eq!(*line, expected, "{at}");
            }
        }
    }
}

#[tokio::test]
async fn explaining_opens_nothing() {
    let server = Server::with_demo().await;
    let (builder, viewer) = (server.builder().await, server.viewer().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let before = server.key_operations();
    viewer.explain("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(server.key_operations(), before);
}

#[tokio::test]
async fn refusing_defaults_can_be_turned_on_and_off() {
    let server = Server::with_demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
    for fallback in [Fallback::Deny, Fallback::Allow, Fallback::Deny] {
        let settings = v1::Environment { fallback: fallback.into(), ..Default::default() };
        admin.update_environment("demo", "staging", settings, &["fallback"]).await.unwrap();
        for stage in STAGES {
            let view = runtime.resolve("demo", "staging", stage).await.unwrap();
            let says = expected("KEY", "staging", fallback, State::Set, State::Never);
            let says = match says {
                Says::Value(_, origin, version) => {
                    Says::Value("default".to_owned(), origin, version)
                }
                unset => unset,
            };
            assert_eq!(said(&view.secrets, &view.unset), [("KEY".to_owned(), says)]);
        }
        // The other environments go on as they were.
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        assert_eq!(view.secrets.len(), 1);
    }
}

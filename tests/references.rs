//! References: what the editor is told of the secrets that a text names, and what its `{` dropdown
//! offers.

use crate::support::refusal::read;
use crate::support::stored::audited;
use crate::support::{Client, Server, override_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::ReferenceState::{self, Deleted, Renamed, Resolved, Unknown, Unset};
use waxseal_proto::v1::{self, RenderContext, Stage, Visibility};

/// Where a text can be looked at from.
type Place = Option<(&'static str, Stage)>;

const VIEWS: [(&str, Stage); 6] = [
    ("main", Stage::Draft),
    ("main", Stage::Live),
    ("staging", Stage::Draft),
    ("staging", Stage::Live),
    ("strict", Stage::Draft),
    ("strict", Stage::Live),
];

/// A project with secrets in every state.
async fn demo() -> (Server, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client) {
    let admin = server.admin().await;
    let fallback = v1::Fallback::Deny.into();
    let strict = v1::Environment { fallback, ..Default::default() };
    admin.create_environment_as("demo", "strict", strict).await.unwrap();
    let draft = || override_slot("staging", Stage::Draft);
    for (name, value) in [
        ("SET", Some("value")),
        ("TIGHT", Some("value")),
        ("PLACED", None),
        ("LATER", None),
        ("CLEARED", Some("value")),
        ("OLD", Some("value")),
        ("OLD_PLACED", None),
        ("OLD_LATER", None),
        ("GONE", Some("value")),
        ("OLD_GONE", Some("value")),
        ("PURGED", Some("value")),
    ] {
        let tight = name == "TIGHT" || name == "OLD";
        let visibility = if tight { Visibility::Restricted } else { Visibility::Masked };
        admin.create_secret("demo", name, visibility, value).await.unwrap();
    }
    for name in ["PLACED", "OLD_PLACED"] {
        admin.set("demo", name, draft(), "value").await.unwrap();
    }
    admin.clear("demo", "CLEARED", crate::support::default_slot()).await.unwrap();
    for name in ["OLD", "OLD_PLACED", "OLD_LATER", "OLD_GONE"] {
        admin.rename("demo", name, &name.replace("OLD", "NEW")).await.unwrap();
    }
    for name in ["GONE", "NEW_GONE", "PURGED"] {
        admin.delete_secret("demo", name).await.unwrap();
    }
    admin.purge("demo", "PURGED").await.unwrap();
    (server, admin)
}

/// Each name, its state without a view, in the draft of `staging`, in its live stage, and where
/// defaults are refused.
const STATES: &[(&str, [ReferenceState; 4])] = &[
    ("SET", [Resolved, Resolved, Resolved, Unset]),
    ("TIGHT", [Resolved, Resolved, Resolved, Unset]),
    ("PLACED", [Resolved, Resolved, Unset, Unset]),
    ("LATER", [Unset; 4]),
    ("CLEARED", [Unset; 4]),
    ("OLD", [Renamed, Renamed, Renamed, Unset]),
    ("NEW", [Resolved, Resolved, Resolved, Unset]),
    ("OLD_PLACED", [Renamed, Renamed, Unset, Unset]),
    ("NEW_PLACED", [Resolved, Resolved, Unset, Unset]),
    ("OLD_LATER", [Unset; 4]),
    ("NEW_LATER", [Unset; 4]),
    ("GONE", [Deleted; 4]),
    ("OLD_GONE", [Deleted; 4]),
    ("NEW_GONE", [Deleted; 4]),
    ("PURGED", [Unknown; 4]),
    ("NEVER", [Unknown; 4]),
    ("set", [Unknown; 4]),
    ("old", [Unknown; 4]),
];

const PLACES: [Place; 4] = [
    None,
    Some(("staging", Stage::Draft)),
    Some(("staging", Stage::Live)),
    Some(("strict", Stage::Draft)),
];

fn token(name: &str) -> String {
    format!("{{secret:{name}}}")
}

async fn state(client: &Client, name: &str, place: Place) -> ReferenceState {
    let found = client.references(&token(name), place).await.unwrap();
    assert_eq!((found.len(), found[0].secret.as_str()), (1, name));
    found[0].state()
}

#[tokio::test]
async fn each_reference_has_the_state_of_its_secret() {
    let (server, _) = demo_on(Server::demo_on_sqlite().await).await;
    let viewer = server.viewer().await;
    let (operations, records) = (server.key_operations(), audited(&server.setup.database()));
    let text: String = STATES.iter().map(|(name, _)| token(name)).collect();
    for (number, place) in PLACES.into_iter().enumerate() {
        let found = viewer.references(&text, place).await.unwrap();
        let found: Vec<_> =
            found.iter().map(|found| (found.secret.as_str(), found.state())).collect();
        let expected: Vec<_> =
            STATES.iter().map(|(name, states)| (*name, states[number])).collect();
        assert_eq!(found, expected, "{place:?}");
    }
    assert_eq!(server.key_operations(), operations, "nothing was decrypted");
    assert_eq!(audited(&server.setup.database()), records);
}

/// What the editor says of a name in a view is what an agent meets there.
#[tokio::test]
async fn what_is_said_of_a_reference_is_what_rendering_makes_of_it() {
    let (server, admin) = demo().await;
    let runtime = server.runtime().await;
    for place in VIEWS {
        for (name, _) in STATES {
            let templates =
                vec![crate::support::texts::template(&token(name), RenderContext::Text)];
            let rendered = runtime.render_all("demo", place, templates, &[]).await;
            let reason = rendered.as_ref().err().map(|status| read(status).reason);
            let expected = match state(&admin, name, Some(place)).await {
                Resolved | Renamed => None,
                Unset => Some("SECRET_UNSET"),
                Deleted | Unknown => Some("SECRET_NOT_FOUND"),
                ReferenceState::Unspecified => panic!("{name}"),
            };
            assert_eq!(reason.as_deref(), expected, "{name} in {place:?}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_taken_back_or_over_changes_its_state() {
    let (_server, admin) = demo().await;
    assert_eq!(state(&admin, "OLD", None).await, Renamed);
    admin.rename("demo", "NEW", "OLD").await.unwrap();
    assert_eq!(state(&admin, "OLD", None).await, Resolved);
    assert_eq!(state(&admin, "NEW", None).await, Renamed);
    admin.release_alias("demo", "OLD", "NEW").await.unwrap();
    assert_eq!(state(&admin, "NEW", None).await, Unknown);
    admin.create_secret("demo", "NEW", Visibility::Masked, None).await.unwrap();
    assert_eq!(state(&admin, "NEW", None).await, Unset);
    admin.undelete_secret("demo", "NEW_GONE").await.unwrap();
    assert_eq!(state(&admin, "OLD_GONE", None).await, Renamed);
    assert_eq!(state(&admin, "NEW_GONE", None).await, Resolved);
}

#[tokio::test]
async fn a_place_is_counted_in_bytes_and_every_place_is_told() {
    let (_server, admin) = demo().await;
    let text = "é {secret:SET}\u{1f600}{secret:NEVER}\\{secret:SET}{v}{secret:}{Secret:SET}田\n\
                {{secret:SET}}\\\\{secret:LATER}{secret:SET {\"a\": \"{secret:LATER}\"}\0{secret:OLD}";
    let found = admin.references(text, None).await.unwrap();
    let sliced: Vec<_> = found
        .iter()
        .map(|found| {
            let (offset, length) = (found.offset as usize, found.length as usize);
            (&text[offset..offset + length], found.secret.as_str(), found.state())
        })
        .collect();
    assert_eq!(
        sliced,
        [
            ("{secret:SET}", "SET", Resolved),
            ("{secret:NEVER}", "NEVER", Unknown),
            ("{secret:SET}", "SET", Resolved),
            ("{secret:LATER}", "LATER", Unset),
            ("{secret:OLD}", "OLD", Renamed),
        ]
    );
    assert_eq!((found[0].offset, found[1].offset), (3, 19));
    assert!(found.windows(2).all(|pair| pair[0].offset < pair[1].offset));
    for none in ["", "plain", "{v}", r"\{secret:SET}", "{secret:", "{ secret:SET}"] {
        assert_eq!(admin.references(none, None).await.unwrap(), [], "{none}");
    }
}

#[tokio::test]
async fn a_text_has_a_mebibyte_and_ten_thousand_tokens_at_most() {
    let (_server, admin) = demo().await;
    let too_large = async |text: &str| {
        let answer = admin.references(text, None).await;
        refused(answer).is(Code::ResourceExhausted, "RENDER_TOO_LARGE");
    };
    let most = format!("{}{}", "x".repeat((1 << 20) - 12), token("SET"));
    let found = admin.references(&most, None).await.unwrap();
    assert_eq!((found[0].offset, found[0].length), ((1 << 20) - 12, 12));
    too_large(&format!("{most}.")).await;
    let most = token("SET").repeat(10_000);
    assert_eq!(admin.references(&most, None).await.unwrap().len(), 10_000);
    for one in [&*token("SET"), "{v}", r"\{secret:SET}"] {
        too_large(&format!("{most}{one}")).await;
    }
    // What is no token is not counted.
    assert_eq!(admin.references(&format!("{most}{{}}"), None).await.unwrap().len(), 10_000);
}

#[tokio::test]
async fn a_view_is_named_whole_or_not_at_all() {
    let (server, admin) = demo().await;
    let ask = async |environment: &str, stage: i32| {
        let request = v1::ParseReferencesRequest {
            parent: "projects/demo".to_owned(),
            text: "CANARY {secret:SET}".to_owned(),
            environment: environment.to_owned(),
            stage,
        };
        admin.secrets.clone().parse_references(request).await
    };
    for (environment, stage) in [("", 1), ("", 2), ("", 3), ("", -1), ("main", 0), ("main", 3)] {
        refused(ask(environment, stage).await).is_about("INVALID_FIELD", "stage");
    }
    refused(ask("Main", 1).await).is_about("INVALID_NAME", "environment");
    refused(ask("none", 1).await).is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
    admin.delete_project("demo").await.unwrap();
    refused(ask("", 0).await).is(Code::FailedPrecondition, "PROJECT_DELETED");
    for role in [Role::Runtime, Role::Auditor, Role::Keyholder] {
        let client = server.client(role, false, "deployment").await;
        let answer = client.references("{secret:SET}", None).await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
}

/// What the `{` dropdown shows: a name, whether it is restricted, set, and overridden here.
#[tokio::test]
async fn a_prefix_offers_what_stands_with_all_that_a_choice_needs() {
    let (server, _) = demo().await;
    let viewer = server.viewer().await;
    let operations = server.key_operations();
    let offered = async |prefix: &str, place: Place| {
        let (environment, stage) = place.unwrap_or_default();
        let request = v1::ListSecretsRequest {
            parent: "projects/demo".to_owned(),
            prefix: prefix.to_owned(),
            environment: environment.to_owned(),
            stage: stage.into(),
            ..Default::default()
        };
        let listed = viewer.secrets.clone().list_secrets(request).await.unwrap().into_inner();
        assert_eq!(usize::try_from(listed.total_size).unwrap(), listed.secrets.len());
        let offered = listed.secrets.into_iter().map(|secret| {
            let name = secret.name.trim_start_matches("projects/demo/secrets/").to_owned();
            let restricted = secret.visibility() == Visibility::Restricted;
            (name, restricted, secret.has_value, secret.has_override)
        });
        offered.collect::<Vec<_>>()
    };
    let entry = |name: &str, restricted, has_value, has_override| {
        (name.to_owned(), restricted, has_value, has_override)
    };
    assert_eq!(
        offered("NEW", Some(("staging", Stage::Draft))).await,
        [
            entry("NEW", true, true, Some(false)),
            entry("NEW_LATER", false, false, Some(false)),
            entry("NEW_PLACED", false, false, Some(true)),
        ]
    );
    assert_eq!(
        offered("NEW_P", Some(("staging", Stage::Live))).await,
        [entry("NEW_PLACED", false, false, Some(false))]
    );
    assert_eq!(offered("NEW_P", None).await, [entry("NEW_PLACED", false, false, None)]);
    // Neither an old name, nor one that is deleted, nor one in another case.
    for none in ["OLD", "GONE", "PURGED", "new"] {
        assert_eq!(offered(none, None).await, [], "{none}");
    }
    let all: Vec<_> = offered("", None).await.into_iter().map(|(name, ..)| name).collect();
    let standing = ["CLEARED", "LATER", "NEW", "NEW_LATER", "NEW_PLACED", "PLACED", "SET", "TIGHT"];
    assert_eq!(all, standing);
    assert_eq!(server.key_operations(), operations);
}

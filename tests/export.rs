//! A project without its values: taken out, in, and across.

mod documents;
mod duplicates;
mod schema;

use crate::support::{Client, Server, default_slot, override_slot, refused};
use std::collections::HashSet;
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, UnsetReason, Visibility};

const CANARY: &str = "c4n4ry";

/// The names of secrets that stand, with their visibility.
const SECRETS: [(&str, Visibility); 4] = [
    ("A_MASKED", Visibility::Masked),
    ("b_restricted", Visibility::Restricted),
    ("NOW_SO", Visibility::Restricted),
    ("_LATER", Visibility::Masked),
];

/// The environments with their settings.
async fn environments(admin: &Client, project: &str) {
    let deny = v1::Fallback::Deny.into();
    for (id, settings) in [
        ("zulu", v1::Environment { fallback: deny, protected: true, ..Default::default() }),
        (
            "eu-1",
            v1::Environment { display_name: "EU \"1\" \u{e9}\\".into(), ..Default::default() },
        ),
    ] {
        admin.create_environment_as(project, id, settings).await.unwrap();
    }
    let main = v1::Environment { display_name: "Main".to_owned(), ..Default::default() };
    admin.update_environment(project, "main", main, &["display_name"]).await.unwrap();
}

/// A project with nothing in it but what an export carries.
async fn bare(admin: &Client, project: &str) {
    admin.create_project(project).await.unwrap();
    environments(admin, project).await;
    for (name, visibility) in SECRETS {
        admin.create_secret(project, name, visibility, None).await.unwrap();
    }
}

/// The same with all that it does not carry: each of these holds the canary.
async fn full(admin: &Client, project: &str) {
    admin.create_project(project).await.unwrap();
    admin.rename_project(project, CANARY).await.unwrap();
    admin.create_environment(project, CANARY).await.unwrap();
    environments(admin, project).await;
    admin.delete_environment(project, CANARY, true).await.unwrap();
    for (name, visibility) in [
        ("c4n4ry_gone", Visibility::Masked),
        ("_LATER", Visibility::Masked),
        ("c4n4ry_old", Visibility::Masked),
        ("b_restricted", Visibility::Restricted),
        ("A_MASKED", Visibility::Masked),
    ] {
        let request = v1::CreateSecretRequest {
            parent: format!("projects/{project}"),
            secret_id: name.to_owned(),
            secret: Some(v1::Secret {
                visibility: visibility.into(),
                description: format!("{CANARY} of {name}"),
                ..Default::default()
            }),
            ..Default::default()
        };
        admin.secrets.clone().create_secret(request).await.unwrap();
    }
    for (name, slots) in [
        ("c4n4ry_old", vec![default_slot()]),
        ("A_MASKED", vec![default_slot(), override_slot("main", Stage::Live)]),
        ("b_restricted", vec![override_slot("eu-1", Stage::Draft)]),
        ("c4n4ry_gone", vec![default_slot()]),
    ] {
        for slot in slots {
            for version in 1..3 {
                let value = format!("{CANARY} of {name} {version}");
                admin.set(project, name, slot.clone(), &value).await.unwrap();
            }
        }
    }
    admin.rename(project, "c4n4ry_old", "NOW_SO").await.unwrap();
    admin.restrict(project, "NOW_SO").await.unwrap();
    admin.delete_secret(project, "c4n4ry_gone").await.unwrap();
}

/// Two projects that differ in all that an export must not tell export to the same bytes.
#[tokio::test]
async fn an_export_tells_names_and_settings_and_nothing_else() {
    let server = Server::on_sqlite().await;
    let admin = server.admin().await;
    bare(&admin, "bare").await;
    full(&admin, "full").await;
    server.pass(std::time::Duration::from_secs(1_000));
    let document = admin.export("full").await.unwrap();
    assert_eq!(document, admin.export("bare").await.unwrap());
    assert!(!document.contains(CANARY), "{document}");
    let parsed: serde_json::Value = serde_json::from_str(&document).unwrap();
    let expected = serde_json::json!({
        "format": "waxseal.project",
        "version": 1,
        "environments": [
            {"id": "eu-1", "display_name": "EU \"1\" é\\", "fallback": "ALLOW", "protected": false},
            {"id": "main", "display_name": "Main", "fallback": "ALLOW", "protected": false},
            {"id": "zulu", "display_name": "", "fallback": "DENY", "protected": true},
        ],
        "secrets": [
            {"name": "A_MASKED", "visibility": "MASKED"},
            {"name": "NOW_SO", "visibility": "RESTRICTED"},
            {"name": "_LATER", "visibility": "MASKED"},
            {"name": "b_restricted", "visibility": "RESTRICTED"},
        ],
    });
    assert_eq!(parsed, expected);

    // Of the rows in the store it holds nothing either: no key id, no ciphertext, no digest.
    let database = server.setup.database();
    let mut statement = database
        .prepare("SELECT wrapped_key_id FROM value WHERE wrapped_key_id IS NOT NULL")
        .unwrap();
    let ids: HashSet<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| !document.contains(id.as_str())));
}

#[tokio::test]
async fn an_export_that_was_imported_exports_again_to_the_same_bytes() {
    let server = Server::on_sqlite().await;
    let (admin, viewer) = (server.admin().await, server.viewer().await);
    full(&admin, "full").await;
    let document = admin.export("full").await.unwrap();
    let imported = admin.import("copy", &document).await.unwrap();
    assert_eq!(imported.project.as_ref().unwrap().name, "projects/copy");
    assert_eq!(imported.project.unwrap().display_name, "");
    // In their order, regardless of case.
    assert_eq!(imported.secrets_needing_value, ["_LATER", "A_MASKED", "b_restricted", "NOW_SO"]);
    assert_eq!(admin.export("copy").await.unwrap(), document);

    // Every secret is a placeholder of the visibility that it had.
    for (name, visibility) in SECRETS {
        let secret = viewer.get_secret("copy", name).await.unwrap();
        assert_eq!(secret.visibility(), visibility, "{name}");
        let is = (secret.has_value, secret.default_version, &*secret.description);
        assert_eq!(is, (false, 0, ""), "{name}");
        assert!(secret.aliases.is_empty(), "{name}");
        assert_ne!(secret.uid, viewer.get_secret("full", name).await.unwrap().uid);
    }
    all_unset(&server, "copy").await;
    // And it is a project like another one.
    admin.set("copy", "A_MASKED", default_slot(), "own").await.unwrap();
    admin.create_secret("copy", "c4n4ry_old", Visibility::Masked, None).await.unwrap();
}

/// No view of a project made from an outline holds a value.
async fn all_unset(server: &Server, project: &str) {
    let runtime = server.runtime().await;
    for environment in ["main", "eu-1", "zulu"] {
        for stage in [Stage::Draft, Stage::Live] {
            let view = runtime.resolve(project, environment, stage).await.unwrap();
            assert_eq!(view.secrets, [], "{environment} {stage:?}");
            assert_eq!(view.unset.len(), SECRETS.len());
            assert!(view.unset.iter().all(|unset| unset.reason() == UnsetReason::NoValue));
        }
    }
    let database = server.setup.database();
    let sql = "SELECT count(*) FROM value v JOIN secret s ON s.uid = v.secret \
               JOIN project p ON p.uid = s.project WHERE p.id = ?1";
    let values: i64 = database.query_row(sql, [project], |row| row.get(0)).unwrap();
    assert_eq!(values, 0);
}

#[tokio::test]
async fn what_is_deleted_is_not_exported() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    admin.delete_project("demo").await.unwrap();
    refused(admin.export("demo").await).is(Code::FailedPrecondition, "PROJECT_DELETED");
    refused(admin.export("none").await).is(Code::NotFound, "PROJECT_NOT_FOUND");
}

#[tokio::test]
async fn an_export_is_for_those_who_build() {
    let server = Server::with_demo().await;
    for role in Role::ALL {
        for (scope, covers) in [
            ("deployment", true),
            ("projects/demo", true),
            ("projects/demo/environments/main/stages/live", false),
        ] {
            let client = server.client(role, false, scope).await;
            let answer = client.export("demo").await;
            match role {
                Role::Admin | Role::Builder if covers => drop(answer.unwrap()),
                _ => refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED"),
            }
        }
    }
}

//! A clone has the settings of its source, and none of its overrides.

use crate::support::client::values;
use crate::support::{Client, Server, override_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Fallback, Origin, Stage, UnsetReason, Visibility};

const STAGES: [Stage; 2] = [Stage::Draft, Stage::Live];

/// `staging` with overrides in both stages, of a masked, a restricted and a deleted secret, and
/// one that was cleared.
async fn demo() -> (Server, Client) {
    demo_on(Server::with_demo().await).await
}

/// [`demo`] on this server.
async fn demo_on(server: Server) -> (Server, Client) {
    let builder = server.builder().await;
    for (name, visibility) in [
        ("B_MASKED", Visibility::Masked),
        ("A_TIGHT", Visibility::Restricted),
        ("C_CLEARED", Visibility::Masked),
        ("D_DELETED", Visibility::Masked),
    ] {
        builder.create_secret("demo", name, visibility, Some("default")).await.unwrap();
        for stage in STAGES {
            let slot = override_slot("staging", stage);
            builder.set("demo", name, slot, "override").await.unwrap();
        }
    }
    builder.clear("demo", "B_MASKED", override_slot("staging", Stage::Draft)).await.unwrap();
    for stage in STAGES {
        builder.clear("demo", "C_CLEARED", override_slot("staging", stage)).await.unwrap();
    }
    builder.delete_secret("demo", "D_DELETED").await.unwrap();
    (server, builder)
}

#[tokio::test]
async fn a_clone_has_no_override_and_says_which_it_lacks() {
    let (server, builder) = demo().await;
    let runtime = server.runtime().await;
    let answer = builder.clone_environment("demo", "staging", "copy", "A copy").await.unwrap();
    let lacks: Vec<_> = answer
        .overrides_not_copied
        .iter()
        .map(|lacking| (lacking.secret.as_str(), lacking.stage()))
        .collect();
    let expected = [("A_TIGHT", Stage::Draft), ("A_TIGHT", Stage::Live), ("B_MASKED", Stage::Live)];
    assert_eq!(lacks, expected);

    for stage in STAGES {
        assert!(builder.overrides("demo", "copy", stage).await.unwrap().is_empty());
        let view = runtime.resolve("demo", "copy", stage).await.unwrap();
        let default = |name| (name, "default", Origin::Default, 1);
        let expected = ["A_TIGHT", "B_MASKED", "C_CLEARED"].map(default);
        assert_eq!(values(&view.secrets), expected);
    }
    // What the list names can be set again, and is then there.
    for lacking in &answer.overrides_not_copied {
        let slot = override_slot("copy", lacking.stage());
        assert_eq!(builder.set("demo", &lacking.secret, slot, "again").await.unwrap().version, 1);
    }
    assert_eq!(builder.overrides("demo", "copy", Stage::Live).await.unwrap().len(), 2);
}

#[tokio::test]
async fn not_even_ciphertext_is_copied() {
    let (server, builder) = demo_on(Server::demo_on_sqlite().await).await;
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        server.setup.database().query_row(&sql, (), |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = (count("slot"), count("value"), count("environment"));
    builder.clone_environment("demo", "staging", "copy", "").await.unwrap();
    let (slots, values, environments) = before;
    assert_eq!(
        (count("slot"), count("value"), count("environment")),
        (slots, values, 1 + environments)
    );
    let of_the_copy = |table: &str| {
        let sql = format!(
            "SELECT count(*) FROM {table} WHERE environment = \
             (SELECT uid FROM environment WHERE id = 'copy')"
        );
        server.setup.database().query_row(&sql, (), |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((of_the_copy("slot"), of_the_copy("value")), (0, 0));
}

#[tokio::test]
async fn a_clone_has_its_sources_settings_and_a_name_of_its_own() {
    let (server, builder) = demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let settings = v1::Environment {
        display_name: "Strict".to_owned(),
        fallback: Fallback::Deny.into(),
        protected: true,
        ..Default::default()
    };
    let source = admin.create_environment_as("demo", "strict", settings).await.unwrap();
    for (id, display_name) in [("named", "Named"), ("nameless", "")] {
        let answer = builder.clone_environment("demo", "strict", id, display_name).await.unwrap();
        let made = answer.environment.unwrap();
        assert_eq!(made.name, format!("projects/demo/environments/{id}"));
        assert_eq!((made.fallback(), made.protected), (Fallback::Deny, true));
        assert_eq!(made.display_name, display_name);
        assert_ne!(made.uid, source.uid);
        assert!(answer.overrides_not_copied.is_empty());
        assert_eq!(admin.get_environment("demo", id).await.unwrap(), made);
        // The reason why a clone can refuse defaults: it does not run on them unnoticed.
        let view = runtime.resolve("demo", id, Stage::Live).await.unwrap();
        assert!(view.secrets.is_empty());
        assert!(view.unset.iter().all(|unset| unset.reason() == UnsetReason::FallbackDenied));
    }
    let unchanged = admin.get_environment("demo", "strict").await.unwrap();
    assert_eq!(unchanged, source);
}

#[tokio::test]
async fn a_clone_and_its_source_go_their_own_ways() {
    let (server, builder) = demo().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    builder.clone_environment("demo", "staging", "copy", "").await.unwrap();
    let live = || override_slot("copy", Stage::Live);
    builder.set("demo", "B_MASKED", live(), "of the copy").await.unwrap();
    let deny = v1::Environment { fallback: Fallback::Deny.into(), ..Default::default() };
    admin.update_environment("demo", "copy", deny, &["fallback"]).await.unwrap();
    let source = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
    let expected = [
        ("A_TIGHT", "override", Origin::Override, 1),
        ("B_MASKED", "override", Origin::Override, 1),
        ("C_CLEARED", "default", Origin::Default, 1),
    ];
    assert_eq!(values(&source.secrets), expected);
    admin.delete_environment("demo", "staging", true).await.unwrap();
    let copy = runtime.resolve("demo", "copy", Stage::Live).await.unwrap();
    assert_eq!(values(&copy.secrets), [("B_MASKED", "of the copy", Origin::Override, 1)]);
}

#[tokio::test]
async fn admins_and_builders_clone_and_what_is_not_there_cannot_be() {
    let (server, builder) = demo().await;
    server.admin().await.clone_environment("demo", "main", "by-admin", "").await.unwrap();
    let answer = builder.clone_environment("demo", "never", "copy", "").await;
    refused(answer).is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
    let answer = builder.clone_environment("never", "main", "copy", "").await;
    refused(answer).is(Code::NotFound, "PROJECT_NOT_FOUND");
    for role in [Role::Runtime, Role::Viewer, Role::Auditor, Role::Keyholder] {
        let client = server.client(role, false, "deployment").await;
        let answer = client.clone_environment("demo", "main", "copy", "").await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
}

//! Limits, each on both of its sides. Those of values are in `values.rs`, of names in `names.rs`,
//! of pages in `paging.rs`.

mod views;

use crate::support::raw::Raw;
use crate::support::{Client, Server, Setup, override_slot, refused, text};
use prost::Message as _;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

#[tokio::test]
async fn a_secret_has_a_name_of_64_bytes_and_a_project_or_environment_one_of_63() {
    let server = Server::start().await;
    let admin = server.admin().await;
    let (id, name) = ("p".repeat(63), "N".repeat(64));
    admin.create_project(&id).await.unwrap();
    admin.create_environment(&id, &"e".repeat(63)).await.unwrap();
    admin.create_secret(&id, &name, Visibility::Masked, Some("value")).await.unwrap();

    let answer = admin.create_project(&"p".repeat(64)).await;
    refused(answer).is_about("INVALID_NAME", "project_id");
    let answer = admin.create_environment(&id, &"e".repeat(64)).await;
    refused(answer).is_about("INVALID_NAME", "environment_id");
    let answer = admin.create_secret(&id, &"N".repeat(65), Visibility::Masked, None).await;
    refused(answer).is_about("INVALID_NAME", "secret_id");
    let view = server.runtime().await.resolve(&id, &"e".repeat(63), Stage::Live).await.unwrap();
    assert_eq!(view.secrets[0].secret, name);
}

#[tokio::test]
async fn a_project_has_10_environments_with_main_among_them() {
    let server = Server::start().await;
    let admin = server.admin().await;
    for project in ["demo", "other"] {
        admin.create_project(project).await.unwrap();
        for number in 1..10 {
            admin.create_environment(project, &format!("e{number}")).await.unwrap();
        }
        let full = admin.create_environment(project, "e10").await;
        refused(full).is(Code::ResourceExhausted, "ENVIRONMENT_LIMIT");
        // That it exists is said before that there is no room for it.
        let again = admin.create_environment(project, "e9").await;
        refused(again).is(Code::AlreadyExists, "ENVIRONMENT_EXISTS");
    }
    let clone = v1::CloneEnvironmentRequest {
        name: "projects/demo/environments/e1".to_owned(),
        environment_id: "clone".to_owned(),
        ..Default::default()
    };
    let answer = admin.environments.clone().clone_environment(clone.clone()).await;
    refused(answer).is(Code::ResourceExhausted, "ENVIRONMENT_LIMIT");
    let name = "projects/demo/environments/e9".to_owned();
    let request = v1::DeleteEnvironmentRequest { name, ..Default::default() };
    admin.environments.clone().delete_environment(request).await.unwrap();
    admin.environments.clone().clone_environment(clone).await.unwrap();
}

/// Creates placeholders with these numbers.
async fn placeholders(client: &Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let name = long_name(number);
        client.create_secret("demo", &name, Visibility::Masked, None).await.unwrap();
    }
}

fn long_name(number: usize) -> String {
    format!("N{number:063}")
}

#[tokio::test]
async fn a_project_has_1000_secrets_with_deleted_ones_among_them() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    placeholders(&admin, 0..1_000).await;
    let create = || admin.create_secret("demo", "ONE_MORE", Visibility::Masked, None);
    refused(create().await).is(Code::ResourceExhausted, "SECRET_LIMIT");
    admin.delete_secret("demo", &long_name(7)).await.unwrap();
    refused(create().await).is(Code::ResourceExhausted, "SECRET_LIMIT");
    let twin = long_name(8).to_lowercase();
    let answer = admin.create_secret("demo", &twin, Visibility::Masked, None).await;
    refused(answer).is(Code::AlreadyExists, "SECRET_EXISTS");
    admin.undelete_secret("demo", &long_name(7)).await.unwrap();

    // All of them fit a page and a resolve, and all are named or counted where they are unset.
    let request = v1::ListSecretsRequest {
        parent: "projects/demo".to_owned(),
        page_size: i32::MAX,
        ..Default::default()
    };
    let listed = admin.secrets.clone().list_secrets(request).await.unwrap().into_inner();
    assert_eq!((listed.secrets.len(), listed.total_size), (1_000, 1_000));
    assert!(listed.next_page_token.is_empty());
    let runtime = server.runtime().await;
    let names: Vec<_> = (0..1_000).map(long_name).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let answer = runtime.resolve_named("demo", "main", Stage::Live, &names, true).await.unwrap();
    assert_eq!(answer.unset.len(), 1_000);
    let unset = runtime.resolve_named("demo", "main", Stage::Live, &names, false).await;
    let status = unset.unwrap_err();
    assert!(status.details().len() <= 8 * 1_024, "{}", status.details().len());
    crate::support::refusal::read(&status).is(Code::FailedPrecondition, "SECRET_UNSET");
}

#[tokio::test]
async fn an_operator_sets_other_limits() {
    let mut setup = Setup::new();
    (setup.config.max_secrets, setup.config.max_environments) = (3, 2);
    let server = setup.start().await;
    let admin = server.admin().await;
    admin.create_project("demo").await.unwrap();
    admin.create_environment("demo", "second").await.unwrap();
    let answer = admin.create_environment("demo", "third").await;
    refused(answer).is(Code::ResourceExhausted, "ENVIRONMENT_LIMIT");
    placeholders(&admin, 0..3).await;
    let create = |admin: Client| async move {
        admin.create_secret("demo", "FOURTH", Visibility::Masked, None).await
    };
    refused(create(admin).await).is(Code::ResourceExhausted, "SECRET_LIMIT");

    // A lower limit takes nothing away, a higher one makes room.
    let mut setup = server.stop().await;
    (setup.config.max_secrets, setup.config.max_environments) = (1, 1);
    let server = setup.start().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    assert_eq!(runtime.resolve("demo", "second", Stage::Live).await.unwrap().unset.len(), 3);
    let slot = override_slot("second", Stage::Live);
    admin.set("demo", &long_name(0), slot, "value").await.unwrap();
    refused(create(admin).await).is(Code::ResourceExhausted, "SECRET_LIMIT");
    let mut setup = server.stop().await;
    (setup.config.max_secrets, setup.config.max_environments) = (4, 3);
    let server = setup.start().await;
    create(server.admin().await).await.unwrap();
    server.admin().await.create_environment("demo", "third").await.unwrap();
}

/// Sets overrides of these lengths, of the secrets of these numbers.
async fn batch(
    client: &Client,
    lengths: &[usize],
) -> Result<v1::BatchSetOverridesResponse, Status> {
    let entry = |(number, length): (usize, &usize)| v1::OverrideValue {
        secret: long_name(number),
        payload: text(&"v".repeat(*length)),
    };
    let request = v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        overrides: lengths.iter().enumerate().map(entry).collect(),
        ..Default::default()
    };
    client.secrets.clone().batch_set_overrides(request).await.map(|answer| answer.into_inner())
}

#[tokio::test]
async fn a_batch_has_100_overrides_and_1_mib_of_values() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    placeholders(&builder, 0..101).await;
    let set = async || {
        let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
        (view.secrets.len(), view.secrets.first().map_or(0, |secret| secret.version))
    };
    refused(batch(&builder, &[4; 101]).await).is(Code::ResourceExhausted, "BATCH_TOO_LARGE");
    assert_eq!(set().await, (0, 0));
    assert_eq!(batch(&builder, &[4; 100]).await.unwrap().overrides.len(), 100);
    assert_eq!(set().await, (100, 1));
    refused(batch(&builder, &[]).await).is_about("INVALID_FIELD", "overrides");

    // 16 times 65,536 is 1 MiB.
    let full = [65_536; 16];
    let over = [&full[..], &[1]].concat();
    refused(batch(&builder, &over).await).is(Code::ResourceExhausted, "BATCH_TOO_LARGE");
    assert_eq!(set().await, (100, 1));
    batch(&builder, &full).await.unwrap();
    let mut spread = vec![10_485; 100];
    spread[0] += 76;
    assert_eq!(spread.iter().sum::<usize>(), 1 << 20);
    batch(&builder, &spread).await.unwrap();
    spread[99] += 1;
    refused(batch(&builder, &spread).await).is(Code::ResourceExhausted, "BATCH_TOO_LARGE");
    assert_eq!(set().await, (100, 3));
}

#[tokio::test]
async fn a_resolve_names_1_to_1000_secrets() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    for (count, fits) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        let names = vec!["KEY"; count];
        let answer = runtime.resolve_named("demo", "main", Stage::Live, &names, false).await;
        match answer {
            // One that is named again and again is answered once.
            Ok(answer) => assert!(fits && answer.secrets.len() == 1, "{count}"),
            Err(status) => {
                assert!(!fits, "{count}: {status:?}");
                crate::support::refusal::read(&status).is_about("INVALID_FIELD", "secrets");
            }
        }
    }
}

#[tokio::test]
async fn a_message_has_2_mib() {
    let server = Server::with_demo().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let mut message = v1::GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec();
    // A field that no version knows yet, as long as makes it full; its key and length take 5 bytes.
    let rest = (2 << 20) - message.len() - 5;
    prost::encoding::encode_varint(999 << 3 | 2, &mut message);
    prost::encoding::encode_varint(rest as u64, &mut message);
    message.resize(2 << 20, 0);
    raw.call("GetProject", &token, message.clone()).await.unwrap();
    message.push(0);
    let answer = raw.call("GetProject", &token, message).await;
    refused(answer).is(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn texts_for_people_have_128_and_1024_bytes() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    // Of two-byte characters, so that bytes are counted.
    for (display, described, fits) in [
        ("d".repeat(128), "d".repeat(1_024), true),
        ("\u{e9}".repeat(64), "\u{e9}".repeat(512), true),
        ("d".repeat(129), "d".repeat(1_025), false),
        ("\u{e9}".repeat(65), "\u{e9}".repeat(513), false),
        ("d".repeat(10_000), "d".repeat(10_000), false),
        ("a\nb".to_owned(), "a\rb".to_owned(), false),
        ("a\tb".to_owned(), "a\u{1b}[0m".to_owned(), false),
        ("a\0".to_owned(), "a\0".to_owned(), false),
        ("\u{1f511} key".to_owned(), "one\n\ttwo".to_owned(), true),
    ] {
        for (field, answer) in texts(&admin, &display, &described).await {
            match answer {
                Ok(stored) => {
                    assert!(fits && (stored == display || stored == described), "{field}")
                }
                Err(status) => {
                    assert!(!fits, "{field}: {status:?}");
                    crate::support::refusal::read(&status).is_about("INVALID_FIELD", field);
                    assert!(!status.message().contains(&display), "{field}");
                }
            }
        }
    }
}

/// Writes the texts wherever there are some, and gives what was stored.
async fn texts(
    admin: &Client,
    display: &str,
    described: &str,
) -> Vec<(&'static str, Result<String, Status>)> {
    let unique = waxseal_envelope::sha256(display.as_bytes());
    let unique = unique.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
    let environment = |name: &str| v1::Environment {
        name: format!("projects/demo/environments/{name}"),
        display_name: display.to_owned(),
        ..Default::default()
    };
    let project = v1::CreateProjectRequest {
        project_id: format!("p{unique}"),
        project: Some(v1::Project { display_name: display.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let project = admin.projects.clone().create_project(project).await;
    let created = admin.create_environment_as("demo", &format!("e{unique}"), environment("")).await;
    let clone = v1::CloneEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        environment_id: format!("c{unique}"),
        display_name: display.to_owned(),
        ..Default::default()
    };
    let cloned = admin.environments.clone().clone_environment(clone).await;
    let update = v1::UpdateEnvironmentRequest {
        environment: Some(environment("main")),
        ..Default::default()
    };
    let updated = admin.environments.clone().update_environment(update).await;
    let secret = v1::Secret {
        name: format!("projects/demo/secrets/S{unique}"),
        visibility: Visibility::Masked.into(),
        description: described.to_owned(),
        ..Default::default()
    };
    let create = v1::CreateSecretRequest {
        parent: "projects/demo".to_owned(),
        secret_id: format!("S{unique}"),
        secret: Some(secret.clone()),
        ..Default::default()
    };
    let made = admin.secrets.clone().create_secret(create).await;
    drop(admin.create_secret("demo", &format!("S{unique}"), Visibility::Masked, None).await);
    let update = v1::UpdateSecretRequest { secret: Some(secret), ..Default::default() };
    let described = admin.secrets.clone().update_secret(update).await;
    let shown = |environment: Option<v1::Environment>| environment.unwrap().display_name;
    vec![
        (
            "project.display_name",
            project.map(|answer| answer.into_inner().project.unwrap().display_name),
        ),
        ("environment.display_name", created.map(|environment| environment.display_name)),
        ("display_name", cloned.map(|answer| shown(answer.into_inner().environment))),
        ("environment.display_name", updated.map(|answer| shown(answer.into_inner().environment))),
        ("secret.description", made.map(|answer| answer.into_inner().secret.unwrap().description)),
        (
            "secret.description",
            described.map(|answer| answer.into_inner().secret.unwrap().description),
        ),
    ]
}

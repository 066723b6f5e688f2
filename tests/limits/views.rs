//! The size of a view: by whatever way it grows, it reaches 3.5 MiB and no further.

use crate::support::raw::Raw;
use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use prost::Message;
use tonic::{Code, Status};
use waxseal_domain::caller::Role;
use waxseal_domain::limits::VIEW_BYTES;
use waxseal_domain::name::SecretName;
use waxseal_domain::view::{encoded_unset, encoded_value};
use waxseal_proto::v1::{self, Fallback, Stage, Visibility};

const FULL: usize = 65_536;
const LAST: &str = "LAST";

fn name(name: &str) -> SecretName {
    SecretName::parse(name).unwrap()
}

fn big(number: u64) -> String {
    format!("BIG_{number:02}")
}

/// A project with `main` alone, in whose views nothing but a last secret is missing, and the length
/// that this one may have.
async fn nearly_full() -> (Server, Client, usize) {
    let server = Server::start().await;
    let admin = server.admin().await;
    admin.create_project("demo").await.unwrap();
    let each = encoded_value(&name(&big(0)), FULL as u64, 1);
    let count = (VIEW_BYTES - 1_000) / each;
    let value = "v".repeat(FULL);
    for number in 0..count {
        let name = big(number);
        admin.create_secret("demo", &name, Visibility::Masked, Some(&value)).await.unwrap();
    }
    let size = |length| count * each + encoded_value(&name(LAST), length as u64, 1);
    let length = (1..FULL).rfind(|length| size(*length) <= VIEW_BYTES).unwrap();
    assert_eq!(size(length), VIEW_BYTES, "it can be filled to the byte");
    (server, admin, length)
}

fn too_large<T>(answer: Result<T, Status>) {
    refused(answer).is(Code::ResourceExhausted, "VIEW_TOO_LARGE");
}

fn value(length: usize) -> String {
    "l".repeat(length)
}

async fn create(admin: &Client, id: &str, length: usize) -> Result<(), Status> {
    admin.create_secret("demo", id, Visibility::Masked, Some(&value(length))).await.map(drop)
}

async fn update(admin: &Client, environment: &str, fallback: Fallback) -> Result<(), Status> {
    let request = v1::UpdateEnvironmentRequest {
        environment: Some(v1::Environment {
            name: format!("projects/demo/environments/{environment}"),
            fallback: fallback.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    admin.environments.clone().update_environment(request).await.map(drop)
}

/// Hides the default from every view of an environment, or lets it through again.
async fn cover(admin: &Client, environment: &str) {
    for stage in [Stage::Draft, Stage::Live] {
        admin.set("demo", LAST, override_slot(environment, stage), "s").await.unwrap();
    }
}

#[tokio::test]
async fn the_largest_view_is_resolved_whole_and_fits_a_message() {
    let (server, admin, length) = nearly_full().await;
    create(&admin, LAST, length).await.unwrap();
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Runtime, false, "deployment").await;
    let request = v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        ..Default::default()
    };
    let answer = raw.call("ResolveEnvironment", &token, request.encode_to_vec()).await.unwrap();
    let answer = answer.into_inner();
    assert!(answer.len() < 4 << 20, "{}", answer.len());
    let mut view = v1::ResolveEnvironmentResponse::decode(&*answer).unwrap();
    assert_eq!(view.encoded_len(), answer.len());
    view.revision.clear();
    let (size, entries) = (view.encoded_len() as u64, view.secrets.len() as u64);
    // A checksum is counted at its longest, and few are shorter by more than a byte.
    assert!(size <= VIEW_BYTES && size + 2 * entries >= VIEW_BYTES, "{size} of {VIEW_BYTES}");
    // A client with the limit of 4 MiB that clients have by default.
    let client = server.runtime().await.runtime.max_decoding_message_size(4 << 20);
    assert_eq!(
        client.clone().resolve_environment(request).await.unwrap().into_inner().secrets,
        view.secrets
    );
}

#[tokio::test]
async fn a_new_secret_fills_a_view_to_the_byte() {
    let (_server, admin, length) = nearly_full().await;
    too_large(create(&admin, LAST, length + 1).await);
    refused(admin.get_secret("demo", LAST).await).is(Code::NotFound, "SECRET_NOT_FOUND");
    create(&admin, LAST, length).await.unwrap();
    // Even a placeholder takes its place in a view.
    too_large(admin.create_secret("demo", "P", Visibility::Masked, None).await);
    let room = encoded_unset(&name("P")) as usize;
    admin.set("demo", LAST, default_slot(), &value(length - room + 1)).await.unwrap();
    too_large(admin.create_secret("demo", "P", Visibility::Masked, None).await);
    admin.set("demo", LAST, default_slot(), &value(length - room)).await.unwrap();
    admin.create_secret("demo", "P", Visibility::Masked, None).await.unwrap();
}

#[tokio::test]
async fn a_default_and_an_override_fill_a_view_to_the_byte() {
    let (_server, admin, length) = nearly_full().await;
    create(&admin, LAST, 1).await.unwrap();
    for slot in
        [default_slot(), override_slot("main", Stage::Draft), override_slot("main", Stage::Live)]
    {
        too_large(admin.set("demo", LAST, slot.clone(), &value(length + 1)).await);
        admin.set("demo", LAST, slot.clone(), &value(length)).await.unwrap();
        too_large(admin.set("demo", LAST, slot, &value(length + 1)).await);
    }
}

#[tokio::test]
async fn a_full_view_takes_a_value_again_until_its_number_takes_a_byte_more() {
    let (_server, admin, length) = nearly_full().await;
    create(&admin, LAST, length).await.unwrap();
    let size = |version| encoded_value(&name(LAST), length as u64, version);
    let last = (1..).find(|version| size(version + 1) > size(1)).unwrap();
    for _ in 1..last {
        admin.set("demo", LAST, default_slot(), &value(length)).await.unwrap();
    }
    too_large(admin.set("demo", LAST, default_slot(), &value(length)).await);
    admin.set("demo", LAST, default_slot(), &value(length - 1)).await.unwrap();
}

#[tokio::test]
async fn a_batch_fills_a_view_to_the_byte_or_changes_nothing() {
    let (server, admin, length) = nearly_full().await;
    create(&admin, LAST, 1).await.unwrap();
    let batch = |lengths: [usize; 2]| v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Draft.into(),
        overrides: [(big(0), lengths[0]), (LAST.to_owned(), lengths[1])]
            .map(|(secret, length)| v1::OverrideValue { secret, payload: text(&value(length)) })
            .into(),
        ..Default::default()
    };
    too_large(admin.secrets.clone().batch_set_overrides(batch([FULL, length + 1])).await);
    let view = server.runtime().await.resolve("demo", "main", Stage::Draft).await.unwrap();
    assert!(view.secrets.iter().all(|secret| secret.origin() == v1::Origin::Default));
    admin.secrets.clone().batch_set_overrides(batch([FULL, length])).await.unwrap();
    // What one gives up another may take.
    admin.secrets.clone().batch_set_overrides(batch([FULL - 1, length + 1])).await.unwrap();
    too_large(admin.secrets.clone().batch_set_overrides(batch([FULL, length + 1])).await);
}

#[tokio::test]
async fn clearing_does_not_uncover_a_default_that_is_too_long() {
    let (_server, admin, length) = nearly_full().await;
    create(&admin, LAST, 1).await.unwrap();
    cover(&admin, "main").await;
    admin.set("demo", LAST, default_slot(), &value(length + 1)).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        too_large(admin.clear("demo", LAST, override_slot("main", stage)).await);
    }
    admin.set("demo", LAST, default_slot(), &value(length)).await.unwrap();
    for stage in [Stage::Draft, Stage::Live] {
        admin.clear("demo", LAST, override_slot("main", stage)).await.unwrap();
    }
}

#[tokio::test]
async fn undeleting_brings_back_only_what_fits() {
    let (_server, admin, length) = nearly_full().await;
    let set = async |length: usize| {
        admin.set("demo", &big(0), default_slot(), &value(length)).await.unwrap();
    };
    set(FULL - 1).await;
    create(&admin, LAST, length + 1).await.unwrap();
    admin.delete_secret("demo", LAST).await.unwrap();
    set(FULL).await;
    too_large(admin.undelete_secret("demo", LAST).await);
    assert!(admin.get_secret("demo", LAST).await.unwrap().delete_time.is_some());
    set(FULL - 1).await;
    admin.undelete_secret("demo", LAST).await.unwrap();
    too_large(admin.set("demo", &big(0), default_slot(), &value(FULL)).await);
}

#[tokio::test]
async fn allowing_defaults_shows_only_what_fits() {
    let (_server, admin, length) = nearly_full().await;
    create(&admin, LAST, 1).await.unwrap();
    update(&admin, "main", Fallback::Deny).await.unwrap();
    admin.set("demo", LAST, default_slot(), &value(length + 1)).await.unwrap();
    too_large(update(&admin, "main", Fallback::Allow).await);
    admin.set("demo", LAST, default_slot(), &value(length)).await.unwrap();
    update(&admin, "main", Fallback::Allow).await.unwrap();
}

#[tokio::test]
async fn a_new_environment_shows_every_default_and_so_has_to_have_room() {
    let (_server, admin, length) = nearly_full().await;
    create(&admin, LAST, 1).await.unwrap();
    cover(&admin, "main").await;
    admin.set("demo", LAST, default_slot(), &value(length + 1)).await.unwrap();
    let clone = |id: &str| v1::CloneEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        environment_id: id.to_owned(),
        ..Default::default()
    };
    too_large(admin.create_environment("demo", "new").await);
    too_large(admin.environments.clone().clone_environment(clone("new")).await);
    let deny = v1::Environment { fallback: Fallback::Deny.into(), ..Default::default() };
    admin.create_environment_as("demo", "denying", deny).await.unwrap();
    admin.set("demo", LAST, default_slot(), &value(length)).await.unwrap();
    admin.create_environment("demo", "new").await.unwrap();
    admin.environments.clone().clone_environment(clone("clone")).await.unwrap();
}

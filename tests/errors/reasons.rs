//! Every public reason is reached, or it is said why not.

mod access;
mod load;
mod verbs;

use crate::support::raw::{Raw, bearer, path, plain};
use crate::support::refusal::read;
use crate::support::{Client, Server, Setup, default_slot, override_slot, text};
use std::collections::BTreeSet;
use std::fmt::Debug;
use tonic::{Code, Response, Status};
use uuid::Uuid;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, ErrorReason, Stage, Visibility};

/// What no call to a healthy server on a healthy machine can be made to say at will. That each has
/// a status is tested beside the mapping, in the server's `status/tests.rs`.
const OUT_OF_REACH: [(&str, &str); 7] = [
    ("STREAM_EXPIRED", "a stream ends with it and not a call: `watch.rs`"),
    ("SLOW_CONSUMER", "a stream ends with it and not a call: `watch.rs`"),
    ("CONFLICT", "eight other writes have to come first, each in the moment between two steps"),
    ("STORAGE_FULL", "the machine's disk would have to be full"),
    ("COMMIT_UNKNOWN", "the disk would have to fail in the middle of a commit"),
    ("SHUTTING_DOWN", "the process has to end between a change and its answer"),
    ("INTERNAL", "a programming error"),
];

/// The reasons that were given, each with what gave it.
#[derive(Default)]
struct Given(BTreeSet<String>);

impl Given {
    #[track_caller]
    fn by<T: Debug>(&mut self, reason: &str, answer: Result<T, Status>) {
        let refusal = read(&answer.unwrap_err());
        assert_eq!(refusal.reason, reason);
        self.0.insert(refusal.reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_is_given_by_some_call() {
    let mut given = Given::default();
    of_arguments(&mut given).await;
    of_state(&mut given).await;
    of_limits(&mut given).await;
    of_calls(&mut given).await;
    of_requests(&mut given).await;
    verbs::of_versions(&mut given).await;
    verbs::of_names(&mut given).await;
    verbs::of_projects(&mut given).await;
    verbs::of_texts(&mut given).await;
    access::of_access(&mut given).await;
    of_tampering(&mut given).await;
    load::of_load(&mut given).await;
    of_neighbours(&mut given).await;
    let out_of_reach = OUT_OF_REACH.iter().map(|(reason, _)| (*reason).to_owned());
    let covered: BTreeSet<_> = given.0.iter().cloned().chain(out_of_reach).collect();
    let public: BTreeSet<_> = (1..1_000)
        // Numbers are given in blocks.
        .filter_map(|number| ErrorReason::try_from(number).ok())
        .map(|reason| reason.as_str_name().trim_start_matches("ERROR_REASON_").to_owned())
        .collect();
    assert_eq!(covered, public);
    assert_eq!(given.0.len() + OUT_OF_REACH.len(), public.len(), "reached after all");
}

fn key() -> String {
    "projects/demo/secrets/KEY".to_owned()
}

async fn update(
    client: &Client,
    secret: v1::Secret,
    path: &str,
    etag: &str,
) -> Result<Response<v1::UpdateSecretResponse>, Status> {
    let request = v1::UpdateSecretRequest {
        secret: Some(v1::Secret { name: key(), ..secret }),
        update_mask: Some(prost_types::FieldMask { paths: vec![path.to_owned()] }),
        etag: etag.to_owned(),
        ..Default::default()
    };
    client.secrets.clone().update_secret(request).await
}

async fn of_arguments(given: &mut Given) {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    let runtime = server.runtime().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    given.by("INVALID_NAME", admin.create_project("-").await);
    given.by("INVALID_FIELD", builder.set("demo", "KEY", None, "value").await);
    given.by("INVALID_VALUE", builder.set("demo", "KEY", default_slot(), "").await);
    let payload = text("value").map(|payload| v1::SecretPayload { crc32c: Some(1), ..payload });
    let request = v1::SetSecretValueRequest {
        name: key(),
        slot: default_slot(),
        payload,
        ..Default::default()
    };
    given.by("CHECKSUM_MISMATCH", builder.secrets.clone().set_secret_value(request).await);
    let request = v1::ListProjectsRequest { page_token: "x".to_owned(), ..Default::default() };
    given.by("INVALID_PAGE_TOKEN", admin.projects.clone().list_projects(request).await);
    given.by("INVALID_FIELD_MASK", update(&builder, v1::Secret::default(), "value", "").await);
    let ask = |revision: &str| v1::ResolveEnvironmentRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        consistency: Some(v1::Consistency {
            mode: Some(v1::consistency::Mode::AtLeast(v1::consistency::AtLeast {
                revision: revision.to_owned(),
            })),
        }),
        ..Default::default()
    };
    given.by("INVALID_REVISION", runtime.runtime.clone().resolve_environment(ask("42")).await);
    let project = v1::CreateProjectRequest { project_id: "other".to_owned(), ..Default::default() };
    let other = admin.projects.clone().create_project(project).await.unwrap().into_inner();
    let answer = runtime.runtime.clone().resolve_environment(ask(&other.revision)).await;
    given.by("REVISION_MISMATCH", answer);
    let request = v1::CreateProjectRequest {
        project_id: "third".to_owned(),
        request_id: "1".to_owned(),
        ..Default::default()
    };
    given.by("INVALID_REQUEST_ID", admin.projects.clone().create_project(request).await);
}

async fn of_state(given: &mut Given) {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    given.by("PROJECT_EXISTS", admin.create_project("demo").await);
    given.by("ENVIRONMENT_EXISTS", admin.create_environment("demo", "main").await);
    let masked = Visibility::Masked;
    given.by("SECRET_EXISTS", builder.create_secret("demo", "key", masked, None).await);
    given.by("PROJECT_NOT_FOUND", builder.get_secret("gone", "KEY").await);
    let gone = override_slot("gone", Stage::Live);
    given.by("ENVIRONMENT_NOT_FOUND", builder.set("demo", "KEY", gone, "value").await);
    given.by("SECRET_NOT_FOUND", builder.get_secret("demo", "GONE").await);
    let request = v1::RevealSecretValueRequest { name: key(), slot: default_slot(), version: 7 };
    given.by("VERSION_NOT_FOUND", builder.secrets.clone().reveal_secret_value(request).await);
    let unset = builder.reveal("demo", "KEY", override_slot("main", Stage::Live)).await;
    given.by("SECRET_UNSET", unset);
    given.by("ETAG_MISMATCH", update(&builder, v1::Secret::default(), "description", "x").await);
    given.by("SECRET_NOT_DELETED", builder.undelete_secret("demo", "KEY").await);

    let delete = |id: &str| v1::DeleteEnvironmentRequest {
        name: format!("projects/demo/environments/{id}"),
        ..Default::default()
    };
    let environments = &admin.environments;
    given.by("ENVIRONMENT_IS_MAIN", environments.clone().delete_environment(delete("main")).await);
    let slot = override_slot("staging", Stage::Live);
    builder.set("demo", "KEY", slot.clone(), "value").await.unwrap();
    let answer = environments.clone().delete_environment(delete("staging")).await;
    given.by("ENVIRONMENT_HAS_OVERRIDES", answer);
    let guarded = v1::Environment { protected: true, ..Default::default() };
    admin.create_environment_as("demo", "guarded", guarded).await.unwrap();
    given.by("ENVIRONMENT_PROTECTED", builder.set("demo", "KEY", default_slot(), "other").await);
    given.by("PERMISSION_DENIED", admin.reveal("demo", "KEY", default_slot()).await);

    builder.restrict("demo", "KEY").await.unwrap();
    given.by("SECRET_RESTRICTED", builder.reveal("demo", "KEY", default_slot()).await);
    let back = v1::Secret { visibility: Visibility::Masked.into(), ..Default::default() };
    given.by("VISIBILITY_RATCHET", update(&builder, back, "visibility", "").await);
    admin.delete_secret("demo", "KEY").await.unwrap();
    given.by("SECRET_DELETED", builder.clear("demo", "KEY", slot).await);
    given.by("NAME_HELD_BY_DELETED", builder.create_secret("demo", "Key", masked, None).await);
}

async fn of_limits(given: &mut Given) {
    let mut setup = Setup::new();
    (setup.config.max_environments, setup.config.max_secrets) = (1, 60);
    let server = setup.start().await;
    let admin = server.admin().await;
    admin.create_project("demo").await.unwrap();
    given.by("ENVIRONMENT_LIMIT", admin.create_environment("demo", "second").await);
    let value = "v".repeat(65_536);
    let create = async |number: usize, value: Option<&str>| {
        admin.create_secret("demo", &format!("S{number}"), Visibility::Masked, value).await
    };
    for number in 0..55 {
        create(number, Some(&value)).await.unwrap();
    }
    given.by("VIEW_TOO_LARGE", create(55, Some(&value)).await);
    for number in 55..60 {
        create(number, None).await.unwrap();
    }
    given.by("SECRET_LIMIT", create(60, None).await);
    let entry = |number| v1::OverrideValue { secret: format!("S{number}"), payload: text("v") };
    let request = v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Draft.into(),
        overrides: (0..101).map(entry).collect(),
        ..Default::default()
    };
    given.by("BATCH_TOO_LARGE", admin.secrets.clone().batch_set_overrides(request).await);
    let huge = "v".repeat(8 << 20);
    given.by("MESSAGE_TOO_LARGE", admin.set("demo", "S0", default_slot(), &huge).await);
}

async fn of_calls(given: &mut Given) {
    let server = Server::start().await;
    let raw = Raw::connect(&server.address).await;
    let token = server.token(Role::Admin, false, "deployment").await;
    let call = async |path: &str, metadata, message: &[u8]| {
        raw.send(path, metadata, message.to_vec()).await
    };
    let known = path("ListProjects");
    given.by("CREDENTIALS_MISSING", call(known, Default::default(), b"").await);
    given.by("CREDENTIALS_INVALID", call(known, bearer("x"), b"").await);
    given.by("MALFORMED_MESSAGE", call(known, bearer(&token), b"\xff").await);
    given.by("METHOD_UNKNOWN", call("/waxseal.v1.SecretService/Rename", bearer(&token), b"").await);
    let late = [("authorization", &*format!("Bearer {token}")), ("grpc-timeout", "0m")];
    let status = plain(&server.address, known, &late, vec![0; 5]).await;
    given.by("DEADLINE_EXCEEDED", Err::<(), _>(status));
}

async fn of_requests(given: &mut Given) {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let request = v1::CreateProjectRequest {
        project_id: "one".to_owned(),
        request_id: Uuid::now_v7().to_string(),
        ..Default::default()
    };
    // Whichever comes first waits for the key provider, and the other one is refused meanwhile.
    let paused = server.pause_keys().await;
    let create = |request| {
        let mut projects = admin.projects.clone();
        Box::pin(async move { projects.create_project(request).await })
    };
    let race = futures::future::select(create(request.clone()), create(request.clone())).await;
    let (refused, waiting) = race.factor_first();
    given.by("REQUEST_IN_PROGRESS", refused);
    drop(paused);
    waiting.await.unwrap();
    let other = v1::CreateProjectRequest { project_id: "two".to_owned(), ..request };
    given.by("REQUEST_ID_REUSED", admin.projects.clone().create_project(other).await);
}

async fn of_tampering(given: &mut Given) {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let tamper = |database: &rusqlite::Connection| {
        assert_eq!(database.execute("UPDATE project SET revision = revision + 1", []).unwrap(), 1);
    };
    let server = server.tamper(tamper).await;
    let runtime = server.runtime().await;
    given.by("DATA_LOSS", runtime.resolve("demo", "main", Stage::Live).await);
}

async fn of_neighbours(given: &mut Given) {
    const CANARY: &str = "CANARY-7f3a9c";
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let key_id = || CANARY.to_owned();
    for (refusal, code) in [
        (waxseal_kms::Error::Unavailable { key_id: key_id() }, Code::Unavailable),
        (waxseal_kms::Error::Throttled { key_id: key_id() }, Code::Unavailable),
        (waxseal_kms::Error::Revoked { key_id: key_id() }, Code::FailedPrecondition),
        (waxseal_kms::Error::Denied { key_id: key_id() }, Code::FailedPrecondition),
    ] {
        server.refuse_keys(Some(refusal));
        let status = builder.reveal("demo", "KEY", default_slot()).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(!format!("{status:?}").contains(CANARY), "{status:?}");
        given.by("KEY_UNAVAILABLE", Err::<(), _>(status));
    }
    server.refuse_keys(None);
    builder.reveal("demo", "KEY", default_slot()).await.unwrap();

    let silent = server.setup.database();
    let trigger =
        "CREATE TRIGGER silent BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END";
    silent.execute_batch(trigger).unwrap();
    given.by("AUDIT_UNAVAILABLE", builder.reveal("demo", "KEY", default_slot()).await);
    silent.execute_batch("DROP TRIGGER silent").unwrap();
    drop(silent);

    let refuse = |database: &rusqlite::Connection| {
        let trigger = format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON value \
             BEGIN SELECT RAISE(ABORT, '{CANARY}'); END"
        );
        database.execute_batch(&trigger).unwrap();
    };
    let server = server.tamper(refuse).await;
    let builder = server.builder().await;
    let status = builder.set("demo", "KEY", default_slot(), "other").await.unwrap_err();
    assert!(!format!("{status:?}").contains(CANARY), "{status:?}");
    given.by("STORAGE_UNAVAILABLE", Err::<(), _>(status));
}

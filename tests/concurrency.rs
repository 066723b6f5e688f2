//! Many callers at once: of those who want the same, one gets it.

mod abandoned;
mod mutations;
mod request_ids;

use crate::support::{Client, Refusal, Server, default_slot, override_slot, refused, text};
use std::future::Future;
use tonic::{Code, Status};
use waxseal_proto::v1::{self, Stage, Visibility};

const CALLERS: usize = 100;
const CONNECTIONS: usize = 5;

/// Calls from everybody at once; who succeeded, and what the others were told.
async fn all_at_once<F>(
    server: &Server,
    call: impl Fn(Client, usize) -> F,
) -> (Vec<usize>, Vec<Refusal>)
where
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(server.builder().await);
    }
    let calls: Vec<_> = (0..CALLERS)
        .map(|number| tokio::spawn(call(clients[number % CONNECTIONS].clone(), number)))
        .collect();
    let (mut succeeded, mut others) = (Vec::new(), Vec::new());
    for (number, call) in calls.into_iter().enumerate() {
        match call.await.unwrap() {
            Ok(()) => succeeded.push(number),
            refusal => others.push(refused(refusal)),
        }
    }
    (succeeded, others)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_create_one_name_one_does() {
    let server = Server::with_demo().await;
    let (succeeded, others) = all_at_once(&server, |client, number| async move {
        // The same name, in two cases.
        let name = if number % 2 == 0 { "KEY" } else { "key" };
        let value = format!("from {number}");
        let made = client.create_secret("demo", name, Visibility::Masked, Some(&value)).await;
        made.map(drop)
    })
    .await;
    assert_eq!(succeeded.len(), 1);
    assert_eq!(others.len(), CALLERS - 1);
    others.iter().for_each(|refusal| refusal.is(Code::AlreadyExists, "SECRET_EXISTS"));
    let runtime = server.runtime().await;
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(view.secrets.len(), 1);
    let value = crate::support::client::shown(view.secrets[0].payload.as_ref()).to_owned();
    assert_eq!(value, format!("from {}", succeeded[0]), "the value is that of who succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_create_one_project_or_environment_one_does() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let projects = (0..CALLERS).map(|_| admin.create_project("new"));
    let projects = futures::future::join_all(projects).await;
    let (made, others): (Vec<_>, Vec<_>) = projects.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    others.into_iter().for_each(|o| refused(o).is(Code::AlreadyExists, "PROJECT_EXISTS"));

    let environments = (0..CALLERS).map(|_| admin.create_environment("demo", "new"));
    let environments = futures::future::join_all(environments).await;
    let (made, others): (Vec<_>, Vec<_>) = environments.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    others.into_iter().for_each(|o| refused(o).is(Code::AlreadyExists, "ENVIRONMENT_EXISTS"));
}

/// What is changed under an etag.
#[derive(Clone, Copy, Debug)]
enum Guarded {
    UpdateSecret,
    DeleteSecret,
    SetDefault,
    SetOverride,
    SetNeverWritten,
    ClearOverride,
}

impl Guarded {
    async fn etag(self, builder: &Client) -> String {
        let secret = builder.get_secret("demo", "KEY").await.unwrap();
        match self {
            Self::UpdateSecret | Self::DeleteSecret => secret.etag,
            Self::SetDefault => secret.default_etag,
            Self::SetNeverWritten => {
                builder.get_secret("demo", "LATER").await.unwrap().default_etag
            }
            Self::SetOverride | Self::ClearOverride => {
                let overrides = builder.overrides("demo", "staging", Stage::Live).await.unwrap();
                overrides[0].etag.clone()
            }
        }
    }

    async fn call(self, client: Client, etag: String, number: usize) -> Result<(), Status> {
        let name = "projects/demo/secrets/KEY".to_owned();
        let live = override_slot("staging", Stage::Live);
        let mut secrets = client.secrets.clone();
        let (name, slot) = match self {
            Self::UpdateSecret => {
                let description = format!("by {number}");
                let secret = v1::Secret { name, description, ..Default::default() };
                let request =
                    v1::UpdateSecretRequest { secret: Some(secret), etag, ..Default::default() };
                return secrets.update_secret(request).await.map(drop);
            }
            Self::DeleteSecret => {
                let request = v1::DeleteSecretRequest { name, etag, ..Default::default() };
                return secrets.delete_secret(request).await.map(drop);
            }
            Self::ClearOverride => {
                let slot = live;
                let request =
                    v1::ClearSecretValueRequest { name, slot, etag, ..Default::default() };
                return secrets.clear_secret_value(request).await.map(drop);
            }
            Self::SetDefault => (name, default_slot()),
            Self::SetOverride => (name, live),
            Self::SetNeverWritten => ("projects/demo/secrets/LATER".to_owned(), default_slot()),
        };
        let payload = text(&format!("by {number}"));
        let request = v1::SetSecretValueRequest { name, slot, payload, etag, ..Default::default() };
        secrets.set_secret_value(request).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_change_the_same_state_one_does() {
    for guarded in [
        Guarded::UpdateSecret,
        Guarded::DeleteSecret,
        Guarded::SetDefault,
        Guarded::SetOverride,
        Guarded::SetNeverWritten,
        Guarded::ClearOverride,
    ] {
        let server = Server::with_demo().await;
        let builder = server.builder().await;
        builder.create_secret("demo", "KEY", Visibility::Masked, Some("default")).await.unwrap();
        builder.create_secret("demo", "LATER", Visibility::Masked, None).await.unwrap();
        let live = override_slot("staging", Stage::Live);
        builder.set("demo", "KEY", live, "override").await.unwrap();
        let etag = guarded.etag(&builder).await;
        let (succeeded, others) = all_at_once(&server, |client, number| {
            let etag = etag.clone();
            async move { guarded.call(client, etag, number).await }
        })
        .await;
        assert_eq!((succeeded.len(), others.len()), (1, CALLERS - 1), "{guarded:?}");
        others.iter().for_each(|refusal| refusal.is(Code::Aborted, "ETAG_MISMATCH"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_that_change_an_environment_from_the_same_state_one_does() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let environment = admin.get_environment("demo", "staging").await.unwrap();
    let update = async |number: usize| {
        let display_name = format!("by {number}");
        let settings = v1::Environment { display_name, ..environment.clone() };
        let request = v1::UpdateEnvironmentRequest {
            environment: Some(settings),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
            etag: environment.etag.clone(),
            ..Default::default()
        };
        admin.environments.clone().update_environment(request).await
    };
    let answers = futures::future::join_all((0..CALLERS).map(update)).await;
    let (done, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    others.into_iter().for_each(|other| refused(other).is(Code::Aborted, "ETAG_MISMATCH"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_writes_without_an_etag_all_count() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, None).await.unwrap();
    let (succeeded, _) = all_at_once(&server, |client, number| async move {
        let value = format!("from {number}");
        client.set("demo", "KEY", default_slot(), &value).await.map(drop)
    })
    .await;
    assert_eq!(succeeded.len(), CALLERS);
    let secret = builder.get_secret("demo", "KEY").await.unwrap();
    assert_eq!(secret.default_version, i64::try_from(CALLERS).unwrap());
}

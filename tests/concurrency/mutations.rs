//! Every mutation, as one thing that a table can hold.

use crate::support::{Client, Server, default_slot, override_slot, text};
use tonic::{Response, Status};
use waxseal_proto::v1::{self, Stage, Visibility};

/// A method that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    CreateProject,
    CreateEnvironment,
    UpdateEnvironment,
    DeleteEnvironment,
    CloneEnvironment,
    CreateSecret,
    UpdateSecret,
    DeleteSecret,
    UndeleteSecret,
    SetSecretValue,
    ClearSecretValue,
    BatchSetOverrides,
}

use Mutation as M;

pub(super) const ALL: [Mutation; 12] = [
    M::CreateProject,
    M::CreateEnvironment,
    M::UpdateEnvironment,
    M::DeleteEnvironment,
    M::CloneEnvironment,
    M::CreateSecret,
    M::UpdateSecret,
    M::DeleteSecret,
    M::UndeleteSecret,
    M::SetSecretValue,
    M::ClearSecretValue,
    M::BatchSetOverrides,
];

/// Those that need the key provider.
pub(super) const WITH_KEYS: [Mutation; 5] =
    [M::CreateProject, M::CreateSecret, M::UpdateSecret, M::SetSecretValue, M::BatchSetOverrides];

/// One of two requests, either of which can be carried out before or after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    One,
    Other,
}

/// A project in which each of them can be carried out, with either body.
pub(super) async fn demo() -> Server {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    for id in ["doomed", "doomed-too"] {
        admin.create_environment("demo", id).await.unwrap();
    }
    for name in ["KEY", "KEY_TOO", "DOOMED", "DOOMED_TOO", "GONE", "GONE_TOO"] {
        admin.create_secret("demo", name, Visibility::Masked, Some("default")).await.unwrap();
    }
    for stage in [Stage::Draft, Stage::Live] {
        admin.set("demo", "KEY", override_slot("main", stage), "override").await.unwrap();
    }
    for name in ["GONE", "GONE_TOO"] {
        admin.delete_secret("demo", name).await.unwrap();
    }
    server
}

/// Deletes what can be deleted: what the answers were about is not there any more.
pub(super) async fn devastate(admin: &Client) {
    let request = v1::ListSecretsRequest { parent: "projects/demo".into(), ..Default::default() };
    let secrets = admin.secrets.clone().list_secrets(request).await.unwrap().into_inner().secrets;
    for secret in secrets {
        let id = secret.name.rsplit('/').next().unwrap();
        admin.delete_secret("demo", id).await.unwrap();
    }
    let parent = "projects/demo".to_owned();
    let request = v1::ListEnvironmentsRequest { parent, ..Default::default() };
    let environments = admin.environments.clone().list_environments(request).await.unwrap();
    for environment in environments.into_inner().environments {
        let id = environment.name.rsplit('/').next().unwrap();
        if id != "main" {
            admin.delete_environment("demo", id, true).await.unwrap();
        }
    }
}

impl Mutation {
    /// Calls the method; gives the encoded response.
    pub(super) async fn call(
        self,
        client: &Client,
        body: Body,
        request_id: &str,
    ) -> Result<Vec<u8>, Status> {
        let Client { mut projects, mut environments, mut secrets, .. } = client.clone();
        let pick = |one: &str, other: &str| if body == Body::One { one } else { other }.to_owned();
        let secret_name =
            |one: &str, other: &str| format!("projects/demo/secrets/{}", pick(one, other));
        let environment_name =
            |one: &str, other: &str| format!("projects/demo/environments/{}", pick(one, other));
        let request_id = request_id.to_owned();
        match self {
            Self::CreateProject => {
                let project_id = pick("new", "new-too");
                let request =
                    v1::CreateProjectRequest { project_id, request_id, ..Default::default() };
                encoded(projects.create_project(request).await)
            }
            Self::CreateEnvironment => {
                let request = v1::CreateEnvironmentRequest {
                    parent: "projects/demo".to_owned(),
                    environment_id: pick("fresh", "fresh-too"),
                    request_id,
                    ..Default::default()
                };
                encoded(environments.create_environment(request).await)
            }
            Self::UpdateEnvironment => {
                let settings = v1::Environment {
                    name: environment_name("staging", "staging"),
                    display_name: pick("One", "Other"),
                    ..Default::default()
                };
                let request = v1::UpdateEnvironmentRequest {
                    environment: Some(settings),
                    request_id,
                    ..Default::default()
                };
                encoded(environments.update_environment(request).await)
            }
            Self::DeleteEnvironment => {
                let name = environment_name("doomed", "doomed-too");
                let request =
                    v1::DeleteEnvironmentRequest { name, request_id, ..Default::default() };
                encoded(environments.delete_environment(request).await)
            }
            Self::CloneEnvironment => {
                let request = v1::CloneEnvironmentRequest {
                    name: environment_name("main", "main"),
                    environment_id: pick("copy", "copy-too"),
                    request_id,
                    ..Default::default()
                };
                encoded(environments.clone_environment(request).await)
            }
            Self::CreateSecret => {
                let visibility = Visibility::Masked.into();
                let request = v1::CreateSecretRequest {
                    parent: "projects/demo".to_owned(),
                    secret_id: pick("NEW", "NEW_TOO"),
                    secret: Some(v1::Secret { visibility, ..Default::default() }),
                    payload: text("ab"),
                    request_id,
                };
                encoded(secrets.create_secret(request).await)
            }
            Self::UpdateSecret => {
                let secret = v1::Secret {
                    name: secret_name("KEY", "KEY_TOO"),
                    visibility: Visibility::Restricted.into(),
                    ..Default::default()
                };
                let secret = Some(secret);
                let request = v1::UpdateSecretRequest { secret, request_id, ..Default::default() };
                encoded(secrets.update_secret(request).await)
            }
            Self::DeleteSecret => {
                let name = secret_name("DOOMED", "DOOMED_TOO");
                let request = v1::DeleteSecretRequest { name, request_id, ..Default::default() };
                encoded(secrets.delete_secret(request).await)
            }
            Self::UndeleteSecret => {
                let name = secret_name("GONE", "GONE_TOO");
                let request = v1::UndeleteSecretRequest { name, request_id, ..Default::default() };
                encoded(secrets.undelete_secret(request).await)
            }
            Self::SetSecretValue => {
                let request = v1::SetSecretValueRequest {
                    name: secret_name("KEY", "KEY"),
                    slot: default_slot(),
                    payload: text(&pick(" a", " b")),
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.set_secret_value(request).await)
            }
            Self::ClearSecretValue => {
                let stage = if body == Body::One { Stage::Draft } else { Stage::Live };
                let request = v1::ClearSecretValueRequest {
                    name: secret_name("KEY", "KEY"),
                    slot: override_slot("main", stage),
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.clear_secret_value(request).await)
            }
            Self::BatchSetOverrides => {
                let payload = text(&pick(" a", " b"));
                let overrides = ["KEY", "KEY_TOO"].map(|secret| v1::OverrideValue {
                    secret: secret.to_owned(),
                    payload: payload.clone(),
                });
                let request = v1::BatchSetOverridesRequest {
                    parent: environment_name("staging", "staging"),
                    stage: Stage::Live.into(),
                    overrides: overrides.to_vec(),
                    request_id,
                };
                encoded(secrets.batch_set_overrides(request).await)
            }
        }
    }
}

fn encoded<T: prost::Message>(answer: Result<Response<T>, Status>) -> Result<Vec<u8>, Status> {
    answer.map(|response| response.into_inner().encode_to_vec())
}

//! Every mutation, as one thing that a table can hold.

mod world;

pub(super) use world::{demo, demo_on, devastate};

use crate::support::{Client, default_slot, override_slot, text};
use tonic::{Response, Status};
use waxseal_proto::v1::{self, Stage, Visibility};

/// A method that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutation {
    CreateProject,
    UpdateProject,
    DeleteProject,
    UndeleteProject,
    DuplicateProject,
    ImportProject,
    CreateEnvironment,
    UpdateEnvironment,
    DeleteEnvironment,
    CloneEnvironment,
    CreateSecret,
    UpdateSecret,
    DeleteSecret,
    UndeleteSecret,
    RenameSecret,
    ReleaseSecretAlias,
    PurgeSecret,
    SetSecretValue,
    ClearSecretValue,
    RollbackSecretValue,
    DestroySecretVersion,
    BatchSetOverrides,
}

use Mutation as M;

pub(super) const ALL: [Mutation; 22] = [
    M::CreateProject,
    M::UpdateProject,
    M::DeleteProject,
    M::UndeleteProject,
    M::DuplicateProject,
    M::ImportProject,
    M::CreateEnvironment,
    M::UpdateEnvironment,
    M::DeleteEnvironment,
    M::CloneEnvironment,
    M::CreateSecret,
    M::UpdateSecret,
    M::DeleteSecret,
    M::UndeleteSecret,
    M::RenameSecret,
    M::ReleaseSecretAlias,
    M::PurgeSecret,
    M::SetSecretValue,
    M::ClearSecretValue,
    M::RollbackSecretValue,
    M::DestroySecretVersion,
    M::BatchSetOverrides,
];

/// Those that need the key provider.
pub(super) const WITH_KEYS: [Mutation; 7] = [
    M::CreateProject,
    M::DuplicateProject,
    M::ImportProject,
    M::CreateSecret,
    M::UpdateSecret,
    M::SetSecretValue,
    M::BatchSetOverrides,
];

/// One of two requests, either of which can be carried out before or after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    One,
    Other,
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
            Self::UpdateProject => {
                let name = "projects/demo".to_owned();
                let display_name = pick("One", "Other");
                let project = Some(v1::Project { name, display_name, ..Default::default() });
                let request =
                    v1::UpdateProjectRequest { project, request_id, ..Default::default() };
                encoded(projects.update_project(request).await)
            }
            Self::DeleteProject => {
                let name = pick("projects/ending", "projects/ending-too");
                let request = v1::DeleteProjectRequest { name, request_id, ..Default::default() };
                encoded(projects.delete_project(request).await)
            }
            Self::UndeleteProject => {
                let name = pick("projects/ended", "projects/ended-too");
                let request = v1::UndeleteProjectRequest { name, request_id, ..Default::default() };
                encoded(projects.undelete_project(request).await)
            }
            Self::DuplicateProject => {
                let (name, project_id) = ("projects/demo".to_owned(), pick("double", "double-too"));
                let request = v1::DuplicateProjectRequest { name, project_id, request_id };
                encoded(projects.duplicate_project(request).await)
            }
            Self::ImportProject => {
                let document = r#"{"format": "waxseal.project", "version": 1,
                    "environments": [], "secrets": [{"name": "KEY"}]}"#;
                let document = document.to_owned();
                let project_id = pick("import", "import-too");
                let request = v1::ImportProjectRequest { project_id, document, request_id };
                encoded(projects.import_project(request).await)
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
            Self::RenameSecret => {
                let request = v1::RenameSecretRequest {
                    name: secret_name("OLD", "OLD_TOO"),
                    new_secret_id: pick("RENAMED", "RENAMED_TOO"),
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.rename_secret(request).await)
            }
            Self::ReleaseSecretAlias => {
                let request = v1::ReleaseSecretAliasRequest {
                    name: secret_name("PRESENT", "PRESENT_TOO"),
                    alias: pick("FORMER", "FORMER_TOO"),
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.release_secret_alias(request).await)
            }
            Self::PurgeSecret => {
                let name = secret_name("PURGED", "PURGED_TOO");
                let request = v1::PurgeSecretRequest { name, request_id, ..Default::default() };
                encoded(secrets.purge_secret(request).await)
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
            Self::RollbackSecretValue => {
                let request = v1::RollbackSecretValueRequest {
                    name: secret_name("KEY", "KEY_TOO"),
                    slot: default_slot(),
                    version: 1,
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.rollback_secret_value(request).await)
            }
            Self::DestroySecretVersion => {
                let request = v1::DestroySecretVersionRequest {
                    name: secret_name("WORN", "WORN"),
                    slot: default_slot(),
                    version: if body == Body::One { 1 } else { 2 },
                    request_id,
                    ..Default::default()
                };
                encoded(secrets.destroy_secret_version(request).await)
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

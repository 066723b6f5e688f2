//! A caller with a token: the generated clients, and the calls that most tests make.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use waxseal_proto::v1::access_service_client::AccessServiceClient;
use waxseal_proto::v1::audit_service_client::AuditServiceClient;
use waxseal_proto::v1::environment_service_client::EnvironmentServiceClient;
use waxseal_proto::v1::key_service_client::KeyServiceClient;
use waxseal_proto::v1::project_service_client::ProjectServiceClient;
use waxseal_proto::v1::runtime_service_client::RuntimeServiceClient;
use waxseal_proto::v1::secret_service_client::SecretServiceClient;
use waxseal_proto::v1::{self, slot};

/// Puts the token on every call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorized = InterceptedService<Channel, Bearer>;

/// A caller.
#[derive(Clone)]
pub struct Client {
    pub access: AccessServiceClient<Authorized>,
    pub projects: ProjectServiceClient<Authorized>,
    pub environments: EnvironmentServiceClient<Authorized>,
    pub secrets: SecretServiceClient<Authorized>,
    pub runtime: RuntimeServiceClient<Authorized>,
    pub keys: KeyServiceClient<Authorized>,
    pub audit: AuditServiceClient<Authorized>,
}

pub type Answer<T> = Result<T, Status>;

pub async fn channel(address: &str) -> Channel {
    Endpoint::from_shared(address.to_owned()).unwrap().connect().await.unwrap()
}

impl Client {
    pub async fn connect(address: &str, token: &str) -> Self {
        Self::over(channel(address).await, token)
    }

    /// One that connects when it is used, and again when its connection has ended.
    pub fn lazy(address: &str, token: &str) -> Self {
        Self::over(Endpoint::from_shared(address.to_owned()).unwrap().connect_lazy(), token)
    }

    /// One that no message gets through to: it grants its streams not a byte.
    pub async fn without_window(address: &str, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(address.to_owned()).unwrap();
        Self::over(endpoint.initial_stream_window_size(0).connect().await.unwrap(), token)
    }

    fn over(channel: Channel, token: &str) -> Self {
        let bearer = Bearer(format!("Bearer {token}").parse().unwrap());
        let service = InterceptedService::new(channel, bearer);
        const LIMIT: usize = 16 << 20;
        Self {
            access: AccessServiceClient::new(service.clone()),
            projects: ProjectServiceClient::new(service.clone()),
            environments: EnvironmentServiceClient::new(service.clone()),
            secrets: SecretServiceClient::new(service.clone()).max_encoding_message_size(LIMIT),
            runtime: RuntimeServiceClient::new(service.clone()).max_decoding_message_size(LIMIT),
            keys: KeyServiceClient::new(service.clone()),
            audit: AuditServiceClient::new(service),
        }
    }

    pub async fn create_project(&self, id: &str) -> Answer<v1::Project> {
        let request = v1::CreateProjectRequest { project_id: id.to_owned(), ..Default::default() };
        let answer = self.projects.clone().create_project(request).await?;
        Ok(answer.into_inner().project.unwrap())
    }

    pub async fn create_environment(&self, project: &str, id: &str) -> Answer<v1::Environment> {
        self.create_environment_as(project, id, v1::Environment::default()).await
    }

    pub async fn create_environment_as(
        &self,
        project: &str,
        id: &str,
        environment: v1::Environment,
    ) -> Answer<v1::Environment> {
        let request = v1::CreateEnvironmentRequest {
            parent: format!("projects/{project}"),
            environment_id: id.to_owned(),
            environment: Some(environment),
            ..Default::default()
        };
        let answer = self.environments.clone().create_environment(request).await?;
        Ok(answer.into_inner().environment.unwrap())
    }

    /// A secret with this default, or a placeholder.
    pub async fn create_secret(
        &self,
        project: &str,
        id: &str,
        visibility: v1::Visibility,
        value: Option<&str>,
    ) -> Answer<v1::CreateSecretResponse> {
        let request = v1::CreateSecretRequest {
            parent: format!("projects/{project}"),
            secret_id: id.to_owned(),
            secret: Some(v1::Secret { visibility: visibility.into(), ..Default::default() }),
            payload: value.and_then(text),
            ..Default::default()
        };
        self.secrets.clone().create_secret(request).await.map(Response::into_inner)
    }

    pub async fn set(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        value: &str,
    ) -> Answer<v1::SetSecretValueResponse> {
        let request = v1::SetSecretValueRequest {
            name: format!("projects/{project}/secrets/{secret}"),
            slot,
            payload: text(value),
            ..Default::default()
        };
        self.secrets.clone().set_secret_value(request).await.map(Response::into_inner)
    }

    pub async fn clear(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
    ) -> Answer<v1::ClearSecretValueResponse> {
        let request = v1::ClearSecretValueRequest {
            name: format!("projects/{project}/secrets/{secret}"),
            slot,
            ..Default::default()
        };
        self.secrets.clone().clear_secret_value(request).await.map(Response::into_inner)
    }

    /// The current value of a slot.
    pub async fn reveal(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
    ) -> Answer<v1::RevealSecretValueResponse> {
        let request = v1::RevealSecretValueRequest {
            name: format!("projects/{project}/secrets/{secret}"),
            slot,
            ..Default::default()
        };
        self.secrets.clone().reveal_secret_value(request).await.map(Response::into_inner)
    }

    /// An older value of a slot; 0 is the current one.
    pub async fn reveal_version(
        &self,
        project: &str,
        secret: &str,
        slot: Option<v1::Slot>,
        version: i64,
    ) -> Answer<v1::RevealSecretValueResponse> {
        let name = format!("projects/{project}/secrets/{secret}");
        let request = v1::RevealSecretValueRequest { name, slot, version };
        self.secrets.clone().reveal_secret_value(request).await.map(Response::into_inner)
    }

    pub async fn get_secret(&self, project: &str, secret: &str) -> Answer<v1::Secret> {
        let name = format!("projects/{project}/secrets/{secret}");
        let answer = self.secrets.clone().get_secret(v1::GetSecretRequest { name }).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    pub async fn delete_secret(&self, project: &str, secret: &str) -> Answer<v1::Secret> {
        let name = format!("projects/{project}/secrets/{secret}");
        let request = v1::DeleteSecretRequest { name, ..Default::default() };
        let answer = self.secrets.clone().delete_secret(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    pub async fn undelete_secret(&self, project: &str, secret: &str) -> Answer<v1::Secret> {
        let name = format!("projects/{project}/secrets/{secret}");
        let request = v1::UndeleteSecretRequest { name, ..Default::default() };
        let answer = self.secrets.clone().undelete_secret(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    /// Turns the ratchet.
    pub async fn restrict(&self, project: &str, secret: &str) -> Answer<v1::Secret> {
        let request = v1::UpdateSecretRequest {
            secret: Some(v1::Secret {
                name: format!("projects/{project}/secrets/{secret}"),
                visibility: v1::Visibility::Restricted.into(),
                ..Default::default()
            }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["visibility".to_owned()] }),
            ..Default::default()
        };
        let answer = self.secrets.clone().update_secret(request).await?;
        Ok(answer.into_inner().secret.unwrap())
    }

    pub async fn resolve(
        &self,
        project: &str,
        environment: &str,
        stage: v1::Stage,
    ) -> Answer<v1::ResolveEnvironmentResponse> {
        let request = v1::ResolveEnvironmentRequest {
            name: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
            ..Default::default()
        };
        self.runtime.clone().resolve_environment(request).await.map(Response::into_inner)
    }

    pub async fn resolve_named(
        &self,
        project: &str,
        environment: &str,
        stage: v1::Stage,
        secrets: &[&str],
        allow_unset: bool,
    ) -> Answer<v1::ResolveSecretsResponse> {
        let request = v1::ResolveSecretsRequest {
            name: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
            secrets: secrets.iter().map(|&secret| secret.to_owned()).collect(),
            allow_unset,
            ..Default::default()
        };
        self.runtime.clone().resolve_secrets(request).await.map(Response::into_inner)
    }
}

/// An environment, its stage and what is in it.
impl Client {
    pub async fn explain(
        &self,
        project: &str,
        environment: &str,
        stage: v1::Stage,
    ) -> Answer<Vec<v1::ExplainedSecret>> {
        let request = v1::ExplainEnvironmentRequest {
            name: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
        };
        let answer = self.environments.clone().explain_environment(request).await?;
        Ok(answer.into_inner().secrets)
    }

    pub async fn clone_environment(
        &self,
        project: &str,
        source: &str,
        id: &str,
        display_name: &str,
    ) -> Answer<v1::CloneEnvironmentResponse> {
        let request = v1::CloneEnvironmentRequest {
            name: format!("projects/{project}/environments/{source}"),
            environment_id: id.to_owned(),
            display_name: display_name.to_owned(),
            ..Default::default()
        };
        self.environments.clone().clone_environment(request).await.map(Response::into_inner)
    }

    pub async fn get_environment(&self, project: &str, id: &str) -> Answer<v1::Environment> {
        let name = format!("projects/{project}/environments/{id}");
        let request = v1::GetEnvironmentRequest { name };
        let answer = self.environments.clone().get_environment(request).await?;
        Ok(answer.into_inner().environment.unwrap())
    }

    /// Changes the settings that `paths` name to those of `environment`.
    pub async fn update_environment(
        &self,
        project: &str,
        id: &str,
        environment: v1::Environment,
        paths: &[&str],
    ) -> Answer<v1::Environment> {
        let name = format!("projects/{project}/environments/{id}");
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let request = v1::UpdateEnvironmentRequest {
            environment: Some(v1::Environment { name, ..environment }),
            update_mask: Some(prost_types::FieldMask { paths }),
            ..Default::default()
        };
        let answer = self.environments.clone().update_environment(request).await?;
        Ok(answer.into_inner().environment.unwrap())
    }

    pub async fn delete_environment(
        &self,
        project: &str,
        id: &str,
        force: bool,
    ) -> Answer<v1::DeleteEnvironmentResponse> {
        let name = format!("projects/{project}/environments/{id}");
        let request = v1::DeleteEnvironmentRequest { name, force, ..Default::default() };
        self.environments.clone().delete_environment(request).await.map(Response::into_inner)
    }

    /// Sets several overrides of one environment and stage at once.
    pub async fn batch_set(
        &self,
        project: &str,
        environment: &str,
        stage: v1::Stage,
        overrides: &[(&str, &str)],
    ) -> Answer<v1::BatchSetOverridesResponse> {
        let overrides = overrides.iter().map(|&(secret, value)| v1::OverrideValue {
            secret: secret.to_owned(),
            payload: text(value),
        });
        let request = v1::BatchSetOverridesRequest {
            parent: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
            overrides: overrides.collect(),
            ..Default::default()
        };
        self.secrets.clone().batch_set_overrides(request).await.map(Response::into_inner)
    }

    /// The first page of the overrides of one environment and stage.
    pub async fn overrides(
        &self,
        project: &str,
        environment: &str,
        stage: v1::Stage,
    ) -> Answer<Vec<v1::Override>> {
        let request = v1::ListOverridesRequest {
            parent: format!("projects/{project}/environments/{environment}"),
            stage: stage.into(),
            ..Default::default()
        };
        let answer = self.secrets.clone().list_overrides(request).await?;
        Ok(answer.into_inner().overrides)
    }
}

pub fn text(value: &str) -> Option<v1::SecretPayload> {
    let payload = Some(v1::secret_payload::Payload::Text(value.to_owned()));
    Some(v1::SecretPayload { payload, crc32c: None })
}

/// The text of a payload.
pub fn shown(payload: Option<&v1::SecretPayload>) -> &str {
    match payload.and_then(|payload| payload.payload.as_ref()) {
        Some(v1::secret_payload::Payload::Text(text)) => text,
        _ => panic!("no text"),
    }
}

pub fn default_slot() -> Option<v1::Slot> {
    Some(v1::Slot { slot: Some(slot::Slot::Default(v1::DefaultSlot {})) })
}

pub fn override_slot(environment: &str, stage: v1::Stage) -> Option<v1::Slot> {
    let environment = environment.to_owned();
    let slot = slot::Slot::Override(v1::OverrideSlot { environment, stage: stage.into() });
    Some(v1::Slot { slot: Some(slot) })
}

/// What a view says, as `(secret, value, origin, version)`, in its order.
pub fn values(view: &[v1::ResolvedSecret]) -> Vec<(&str, &str, v1::Origin, i64)> {
    view.iter()
        .map(|entry| {
            (entry.secret.as_str(), shown(entry.payload.as_ref()), entry.origin(), entry.version)
        })
        .collect()
}

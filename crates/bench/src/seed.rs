//! What the measured server holds, put there through its own front.

use crate::Fault;
use crate::call::Call;
use crate::child::Running;
use prost::Message as _;
use std::path::Path;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use waxseal_proto::v1::consistency::{Bounded, Mode, Strong};
use waxseal_proto::v1::project_service_client::ProjectServiceClient;
use waxseal_proto::v1::runtime_service_client::RuntimeServiceClient;
use waxseal_proto::v1::secret_payload::Payload;
use waxseal_proto::v1::secret_service_client::SecretServiceClient;
use waxseal_proto::v1::{self, Stage};

/// Secrets of a batch.
const BATCH: usize = 100;
/// A value of a typical secret, in bytes: with 50 of them a view is about 8 KB.
const VALUE: usize = 128;

/// A measured server and who may do what there.
pub(crate) struct Waxseal {
    pub(crate) running: Running,
    admin: MetadataValue<Ascii>,
    builder: MetadataValue<Ascii>,
    runtime: String,
    channel: Channel,
}

impl Waxseal {
    /// Starts a server on an empty directory.
    pub(crate) async fn start(dir: &Path, view_cache: u64) -> Result<Self, Fault> {
        Self::start_on(dir, view_cache, &[]).await
    }

    /// Starts a server on the engines that these options name.
    pub(crate) async fn start_on(
        dir: &Path,
        view_cache: u64,
        engines: &[String],
    ) -> Result<Self, Fault> {
        let own = [format!("--dir={}", dir.display()), format!("--view-cache={view_cache}")];
        let arguments = own.iter().chain(engines);
        let running = Running::start("waxseal", arguments).await?;
        let token = |who: &str| running.said[who].as_str().map(str::to_owned).ok_or("no token");
        let bearer = |who| Ok::<_, Fault>(format!("Bearer {}", token(who)?).parse()?);
        let (admin, builder, runtime) = (bearer("admin")?, bearer("builder")?, token("runtime")?);
        let endpoint = Endpoint::from_shared(format!("http://{}", running.address))?;
        let channel = endpoint.connect().await?;
        Ok(Self { running, admin, builder, runtime, channel })
    }

    /// A project of so many secrets `S0`.., all of them with a value in the live `main`, and
    /// environments `e1`.. beside it.
    pub(crate) async fn project(
        &self,
        id: &str,
        secrets: usize,
        environments: usize,
        value: usize,
    ) -> Result<(), Fault> {
        let names: Vec<_> = (0..secrets).map(|number| format!("S{number}")).collect();
        let of = |id: String| serde_json::json!({ "id": id });
        let document = serde_json::json!({
            "format": "waxseal.project",
            "version": 1,
            "environments": (1..environments).map(|e| of(format!("e{e}"))).collect::<Vec<_>>(),
            "secrets": names.iter().map(|s| serde_json::json!({ "name": s })).collect::<Vec<_>>(),
        });
        let import = v1::ImportProjectRequest {
            project_id: id.to_owned(),
            document: document.to_string(),
            ..Default::default()
        };
        let mut projects = ProjectServiceClient::new(self.channel.clone());
        projects.import_project(by(&self.admin, import)).await?;
        for names in names.chunks(BATCH) {
            let overrides = names.iter().map(|secret| v1::OverrideValue {
                secret: secret.clone(),
                payload: payload(value),
            });
            let batch = v1::BatchSetOverridesRequest {
                parent: format!("projects/{id}/environments/main"),
                stage: Stage::Live.into(),
                overrides: overrides.collect(),
                ..Default::default()
            };
            let mut secrets = SecretServiceClient::new(self.channel.clone());
            secrets.batch_set_overrides(by(&self.builder, batch)).await?;
        }
        Ok(())
    }

    /// The same with values of the typical size.
    pub(crate) async fn typical(&self, id: &str, secrets: usize) -> Result<(), Fault> {
        self.project(id, secrets, 1, VALUE).await
    }

    /// Gives a secret of the live `main` a text.
    pub(crate) async fn set(&self, project: &str, secret: &str, text: String) -> Result<(), Fault> {
        let main = v1::OverrideSlot { environment: "main".to_owned(), stage: Stage::Live.into() };
        let set = v1::SetSecretValueRequest {
            name: format!("projects/{project}/secrets/{secret}"),
            slot: Some(v1::Slot { slot: Some(v1::slot::Slot::Override(main)) }),
            payload: Some(v1::SecretPayload { payload: Some(Payload::Text(text)), crc32c: None }),
            ..Default::default()
        };
        let mut secrets = SecretServiceClient::new(self.channel.clone());
        secrets.set_secret_value(by(&self.builder, set)).await?;
        Ok(())
    }

    /// The answer to a resolve of the live `main`, encoded.
    pub(crate) async fn answer(&self, project: &str) -> Result<Vec<u8>, Fault> {
        const LIMIT: usize = 64 << 20;
        let client = RuntimeServiceClient::new(self.channel.clone());
        let bearer = format!("Bearer {}", self.runtime).parse()?;
        let request = by(&bearer, environment(project, "main", strong()));
        let answer = client.max_decoding_message_size(LIMIT).resolve_environment(request).await?;
        Ok(answer.into_inner().encode_to_vec())
    }

    /// Resolves of the live stage of these environments, in turn.
    pub(crate) fn resolves(
        &self,
        environments: &[(String, String)],
        consistency: v1::Consistency,
    ) -> Call {
        let asked: Vec<_> = environments
            .iter()
            .map(|(project, id)| environment(project, id, consistency.clone()))
            .collect();
        Call::new("/waxseal.v1.RuntimeService/ResolveEnvironment", Some(&self.runtime), &asked)
    }

    /// Resolves of the live `main` of a project.
    pub(crate) fn resolve(&self, project: &str, consistency: v1::Consistency) -> Call {
        self.resolves(&[(project.to_owned(), "main".to_owned())], consistency)
    }

    /// Resolves of one secret by its name.
    pub(crate) fn resolve_one(&self, project: &str) -> Call {
        let asked = v1::ResolveSecretsRequest {
            name: format!("projects/{project}/environments/main"),
            stage: Stage::Live.into(),
            secrets: vec!["S0".to_owned()],
            consistency: Some(bounded()),
            ..Default::default()
        };
        Call::new("/waxseal.v1.RuntimeService/ResolveSecrets", Some(&self.runtime), &[asked])
    }

    /// A watch of the live `main` of a project.
    pub(crate) fn watch(&self, project: &str) -> Call {
        let asked = v1::WatchEnvironmentRequest {
            name: format!("projects/{project}/environments/main"),
            stage: Stage::Live.into(),
            ..Default::default()
        };
        Call::new("/waxseal.v1.RuntimeService/WatchEnvironment", Some(&self.runtime), &[asked])
    }

    /// Writes of the default values of a project's secrets, in turn.
    pub(crate) fn write(&self, project: &str, secrets: usize) -> Result<Call, Fault> {
        let write = |number| v1::SetSecretValueRequest {
            name: format!("projects/{project}/secrets/S{number}"),
            slot: Some(v1::Slot { slot: Some(v1::slot::Slot::Default(v1::DefaultSlot {})) }),
            payload: payload(VALUE),
            ..Default::default()
        };
        let writes: Vec<_> = (0..secrets).map(write).collect();
        let token = self.builder.to_str()?.trim_start_matches("Bearer ");
        Ok(Call::new("/waxseal.v1.SecretService/SetSecretValue", Some(token), &writes))
    }
}

pub(crate) fn bounded() -> v1::Consistency {
    let second = prost_types::Duration { seconds: 1, nanos: 0 };
    v1::Consistency { mode: Some(Mode::Bounded(Bounded { max_staleness: Some(second) })) }
}

pub(crate) fn strong() -> v1::Consistency {
    v1::Consistency { mode: Some(Mode::Strong(Strong {})) }
}

/// A request for the live stage of an environment.
pub(crate) fn environment(
    project: &str,
    environment: &str,
    consistency: v1::Consistency,
) -> v1::ResolveEnvironmentRequest {
    v1::ResolveEnvironmentRequest {
        name: format!("projects/{project}/environments/{environment}"),
        stage: Stage::Live.into(),
        consistency: Some(consistency),
        ..Default::default()
    }
}

fn payload(length: usize) -> Option<v1::SecretPayload> {
    let payload = Some(Payload::Text("v".repeat(length)));
    Some(v1::SecretPayload { payload, crc32c: None })
}

fn by<T>(bearer: &MetadataValue<Ascii>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", bearer.clone());
    request
}

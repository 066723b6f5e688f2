//! Who calls: a connection, and the token that goes along.

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use waxseal_proto::v1::access_service_client::AccessServiceClient;
use waxseal_proto::v1::audit_service_client::AuditServiceClient;
use waxseal_proto::v1::environment_service_client::EnvironmentServiceClient;
use waxseal_proto::v1::key_service_client::KeyServiceClient;
use waxseal_proto::v1::project_service_client::ProjectServiceClient;
use waxseal_proto::v1::runtime_service_client::RuntimeServiceClient;
use waxseal_proto::v1::secret_service_client::SecretServiceClient;
use zeroize::Zeroizing;

/// More than the largest answer: a rendered text of 4 MiB and its redacted twin.
const ANSWER_BYTES: usize = 16 << 20;

type Authenticated = InterceptedService<Channel, Bearer>;

/// One caller.
pub(crate) struct Caller {
    pub(crate) channel: Channel,
    pub(crate) bearer: Bearer,
}

/// Sends a token along, if it can be sent at all.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Caller {
    pub(crate) fn access(&self) -> AccessServiceClient<Authenticated> {
        AccessServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn projects(&self) -> ProjectServiceClient<Authenticated> {
        ProjectServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn environments(&self) -> EnvironmentServiceClient<Authenticated> {
        EnvironmentServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn secrets(&self) -> SecretServiceClient<Authenticated> {
        SecretServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Authenticated> {
        AuditServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn keys(&self) -> KeyServiceClient<Authenticated> {
        KeyServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(crate) fn runtime(&self) -> RuntimeServiceClient<Authenticated> {
        RuntimeServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(ANSWER_BYTES)
    }
}

impl Bearer {
    /// For whom a certificate does.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn of(token: &str) -> Self {
        let bearer = Zeroizing::new(format!("Bearer {token}"));
        let mut value = MetadataValue::try_from(bearer.as_str()).ok();
        if let Some(value) = &mut value {
            value.set_sensitive(true);
        }
        Self(value)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Self(Some(bearer)) = self {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        Ok(request)
    }
}

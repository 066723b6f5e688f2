//! The server as its callers see it: one connection, and a token for each part.

use super::tokens::Kept;
use crate::failure::Failure;
use std::fmt;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::environment_service_client::EnvironmentServiceClient;
use waxseal_proto::v1::project_service_client::ProjectServiceClient;
use waxseal_proto::v1::runtime_service_client::RuntimeServiceClient;
use waxseal_proto::v1::secret_service_client::SecretServiceClient;
use zeroize::Zeroizing;

type Authenticated = InterceptedService<Channel, Bearer>;

/// The callers in the story.
pub(super) struct Clients {
    pub(super) admin: As,
    pub(super) builder: As,
    pub(super) runtime: As,
}

/// One caller.
pub(super) struct As {
    channel: Channel,
    bearer: Bearer,
}

/// Sends a token along.
#[derive(Clone)]
pub(super) struct Bearer(Option<MetadataValue<Ascii>>);

/// What the server answered instead of doing as it was asked. Its message stays out: code and
/// reason are what scripts look at.
#[derive(Debug)]
pub(crate) struct Refused {
    code: Code,
    reason: String,
}

impl Clients {
    pub(super) async fn connect(address: &str, kept: &[Kept]) -> Result<Self, Failure> {
        let failed = |source| Failure::Connect { address: address.to_owned(), source };
        let uri = match address.strip_prefix("unix:") {
            Some(path) => format!("unix://{path}"),
            None => format!("http://{address}"),
        };
        let endpoint = Endpoint::from_shared(uri).map_err(failed)?;
        let channel = endpoint.connect().await.map_err(failed)?;
        let caller = |role| As { channel: channel.clone(), bearer: Bearer::of(role, kept) };
        Ok(Self {
            admin: caller(Role::Admin),
            builder: caller(Role::Builder),
            runtime: caller(Role::Runtime),
        })
    }
}

impl As {
    pub(super) fn projects(&self) -> ProjectServiceClient<Authenticated> {
        ProjectServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(super) fn environments(&self) -> EnvironmentServiceClient<Authenticated> {
        EnvironmentServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(super) fn secrets(&self) -> SecretServiceClient<Authenticated> {
        SecretServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    pub(super) fn runtime(&self) -> RuntimeServiceClient<Authenticated> {
        RuntimeServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

impl Bearer {
    fn of(role: Role, kept: &[Kept]) -> Self {
        let token = kept.iter().find(|kept| kept.role == role).map(|kept| &kept.token);
        Self(token.and_then(|token| {
            let bearer = Zeroizing::new(format!("Bearer {}", **token));
            let mut value = MetadataValue::try_from(bearer.as_str()).ok()?;
            value.set_sensitive(true);
            Some(value)
        }))
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

impl Refused {
    /// Whether the answer is about what there is, and not about a server that does not work.
    pub(super) fn is_about_state(&self) -> bool {
        matches!(
            self.code,
            Code::AlreadyExists
                | Code::NotFound
                | Code::FailedPrecondition
                | Code::PermissionDenied
                | Code::ResourceExhausted
        )
    }

    pub(super) fn is_there_already(&self) -> bool {
        self.code == Code::AlreadyExists
    }

    pub(super) fn is_absent(&self) -> bool {
        self.code == Code::NotFound
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        Self { code: status.code(), reason }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&wire_name(self.code))?;
        if !self.reason.is_empty() {
            write!(f, ", reason {}", self.reason)?;
        }
        Ok(())
    }
}

/// `PermissionDenied` as gRPC writes it: `PERMISSION_DENIED`.
fn wire_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_names_of_grpc() {
        for (code, name) in [
            (Code::PermissionDenied, "PERMISSION_DENIED"),
            (Code::NotFound, "NOT_FOUND"),
            (Code::DataLoss, "DATA_LOSS"),
            (Code::Unavailable, "UNAVAILABLE"),
        ] {
            assert_eq!(wire_name(code), name);
        }
    }

    #[test]
    fn a_refusal_is_its_code_and_its_reason() {
        let details = tonic_types::ErrorDetails::with_error_info(
            "SECRET_RESTRICTED",
            "waxseal.dev",
            std::collections::HashMap::new(),
        );
        let with = Status::with_error_details(Code::PermissionDenied, "no", details);
        let refused = Refused::from(with).to_string();
        assert_eq!(refused, "PERMISSION_DENIED, reason SECRET_RESTRICTED");
        assert_eq!(Refused::from(Status::unavailable("")).to_string(), "UNAVAILABLE");
    }
}

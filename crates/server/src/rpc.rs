//! One file for each service. A handler checks in one order: the syntax of the resource name, the
//! caller's right, the rest of the request; what exists and in which state is the engine's.
//!
//! No method takes a stream. tonic takes the first message of a call and passes over any further
//! one; it is never executed. Where the answer is a stream, the stream ends when the server is told
//! to stop.

mod access;
mod audit;
mod environment;
mod health;
mod key;
mod message;
mod project;
mod runtime;
mod secret;
mod streams;
mod views;

pub(crate) use access::INITIALIZE;
pub(crate) use health::Health;
pub(crate) use runtime::RuntimeServer;
pub(crate) use streams::{Streams, Views};
pub(crate) use views::ViewMethod;

use crate::config;
use crate::front::{Access, Methods};
use crate::status;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use waxseal_domain::caller::Caller;
use waxseal_engine::{Engine, Error};
use waxseal_proto::v1::access_service_server::AccessServiceServer;
use waxseal_proto::v1::audit_service_server::AuditServiceServer;
use waxseal_proto::v1::environment_service_server::EnvironmentServiceServer;
use waxseal_proto::v1::key_service_server::KeyServiceServer;
use waxseal_proto::v1::project_service_server::ProjectServiceServer;
use waxseal_proto::v1::secret_service_server::SecretServiceServer;

/// The largest request, in bytes.
const REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// Everything that is served.
pub(crate) struct Services {
    pub(crate) routes: Routes,
    pub(crate) runtime: RuntimeServer,
    pub(crate) methods: Methods,
    pub(crate) health: Health,
}

/// Puts the services together; `private` says that only this machine can reach them, so that
/// reflection needs no credentials. Methods of services that are not `served` are unknown here.
pub(crate) fn services(
    engine: &Arc<Engine>,
    private: bool,
    streams: Streams,
    served: config::Services,
) -> Result<Services, Box<dyn StdError + Send + Sync>> {
    let projects = ProjectServiceServer::new(project::Projects(engine.clone()));
    let environments = EnvironmentServiceServer::new(environment::Environments(engine.clone()));
    let secrets = SecretServiceServer::new(secret::Secrets(engine.clone()));
    let keys = KeyServiceServer::new(key::KeyRings::new(engine.clone(), &streams));
    let access = AccessServiceServer::new(access::Accesses(engine.clone()));
    let audit = AuditServiceServer::new(audit::Trails::new(engine.clone(), &streams));
    let runtime = RuntimeServer::new(engine.clone(), streams);
    let (health, health_server) = health::health(served);
    let described = [
        waxseal_proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        // So that clients can read the details of errors.
        tonic_types::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let routes = Routes::new(projects.max_decoding_message_size(REQUEST_BYTES))
        .add_service(environments.max_decoding_message_size(REQUEST_BYTES))
        .add_service(secrets.max_decoding_message_size(REQUEST_BYTES))
        .add_service(keys.max_decoding_message_size(REQUEST_BYTES))
        .add_service(access.max_decoding_message_size(REQUEST_BYTES))
        .add_service(audit.max_decoding_message_size(REQUEST_BYTES))
        .add_service(runtime.clone())
        .add_service(health_server)
        .add_service(reflection(&described).build_v1()?)
        .add_service(reflection(&described).build_v1alpha()?)
        .prepare();
    let reflection = if private { Access::Open } else { Access::Closed };
    let methods = Methods::read(&[
        (waxseal_proto::FILE_DESCRIPTOR_SET, Access::Ours),
        (tonic_health::pb::FILE_DESCRIPTOR_SET, Access::Open),
        (tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET, reflection),
        (tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET, reflection),
    ])?;
    let methods = methods.only(|path| served_path(served, path));
    Ok(Services { routes, runtime, methods, health })
}

/// Whether a path is of a service that is served here; the standard ones always are.
fn served_path(served: config::Services, path: &str) -> bool {
    let ours = path.strip_prefix("/waxseal.v1.").and_then(|rest| rest.split_once('/'));
    ours.is_none_or(|(service, _)| served.serve(service))
}

fn reflection<'a>(described: &[&'a [u8]]) -> tonic_reflection::server::Builder<'a> {
    let builder = tonic_reflection::server::Builder::configure().include_reflection_service(false);
    described.iter().fold(builder, |builder, set| builder.register_encoded_file_descriptor_set(set))
}

/// What a generated trait asks for.
type Answer<T> = Result<Response<T>, Status>;

/// Runs a handler for the caller that the front has found.
async fn answer<Q, A, F>(
    request: Request<Q>,
    handler: impl FnOnce(Arc<Caller>, Q) -> F,
) -> Answer<A>
where
    F: Future<Output = Result<A, Error>>,
{
    let (_, mut extensions, message) = request.into_parts();
    let Some(caller) = extensions.remove::<Arc<Caller>>() else {
        return Err(status::of(Error::CredentialsMissing));
    };
    handler(caller, message).await.map(Response::new).map_err(status::of)
}

//! `ResolveEnvironment` and `ResolveSecrets`, past tonic: a view is encoded when it is filled, and
//! every answer sends the same bytes by reference. A codec of tonic's could only copy them.

use super::message;
use super::runtime::{RuntimeServer, resolve_environment, resolve_secrets};
use crate::front::Reply;
use crate::status::{self, Refusal};
use crate::wire::view;
use http::{HeaderValue, Response, header};
use hyper::body::Incoming;
use tonic::Status;
use waxseal_domain::caller::Caller;
use waxseal_engine::Resolution;

/// A method that answers with views.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ViewMethod {
    ResolveEnvironment,
    ResolveSecrets,
}

impl ViewMethod {
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/waxseal.v1.RuntimeService/ResolveEnvironment" => Some(Self::ResolveEnvironment),
            "/waxseal.v1.RuntimeService/ResolveSecrets" => Some(Self::ResolveSecrets),
            _ => None,
        }
    }
}

impl RuntimeServer {
    /// Answers a call for a caller that the front has found.
    pub(crate) async fn view(
        &self,
        method: ViewMethod,
        caller: &Caller,
        body: Incoming,
    ) -> Response<Reply> {
        match self.resolved(method, caller, body).await {
            Ok(resolution) => answer(resolution),
            Err(status) => status.into_http(),
        }
    }

    async fn resolved(
        &self,
        method: ViewMethod,
        caller: &Caller,
        body: Incoming,
    ) -> Result<Resolution, Status> {
        let engine = self.engine();
        match method {
            ViewMethod::ResolveEnvironment => {
                resolve_environment(engine, caller, message::read(body).await?).await
            }
            ViewMethod::ResolveSecrets => {
                resolve_secrets(engine, caller, message::read(body).await?).await
            }
        }
        .map_err(status::of)
    }
}

fn answer(resolution: Resolution) -> Response<Reply> {
    let Some(message) = view::message(resolution) else {
        return Status::from(Refusal::Internal).into_http();
    };
    let mut response = Response::new(Reply::message(message));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

//! `ResolveEnvironment`, `ResolveSecrets` and `WatchEnvironment`, past tonic: a view is encoded when it is filled, and
//! every answer sends the same bytes by reference. A codec of tonic's could only copy them.

use super::message;
use super::runtime::{RuntimeServer, resolve_environment, resolve_secrets, watch_environment};
use crate::front::Reply;
use crate::status::{self, Refusal};
use crate::wire::view;
use http::{HeaderValue, Response, header};
use hyper::body::Incoming;
use tonic::Status;
use waxseal_domain::caller::Caller;

/// A method that answers with views.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ViewMethod {
    ResolveEnvironment,
    ResolveSecrets,
    WatchEnvironment,
}

impl ViewMethod {
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "/waxseal.v1.RuntimeService/ResolveEnvironment" => Some(Self::ResolveEnvironment),
            "/waxseal.v1.RuntimeService/ResolveSecrets" => Some(Self::ResolveSecrets),
            "/waxseal.v1.RuntimeService/WatchEnvironment" => Some(Self::WatchEnvironment),
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
        body: &mut Option<Incoming>,
    ) -> Response<Reply> {
        match self.answered(method, caller, body).await {
            Ok(reply) => answer(reply),
            Err(status) => status.into_http(),
        }
    }

    async fn answered(
        &self,
        method: ViewMethod,
        caller: &Caller,
        body: &mut Option<Incoming>,
    ) -> Result<Reply, Status> {
        let engine = self.engine();
        let resolution = match method {
            ViewMethod::ResolveEnvironment => {
                let request = message::read(body).await?;
                resolve_environment(engine, caller, &request).await
            }
            ViewMethod::ResolveSecrets => {
                let request = message::read(body).await?;
                resolve_secrets(engine, caller, &request).await
            }
            ViewMethod::WatchEnvironment => {
                let request = message::read(body).await?;
                // Boxed: rare, and otherwise carried along by every call.
                let views = watch_environment(engine, self.streams(), caller, request);
                return Ok(Reply::stream(Box::pin(views).await.map_err(status::of)?));
            }
        };
        let message = view::message(resolution.map_err(status::of)?);
        Ok(Reply::message(message.ok_or(Refusal::Internal)?))
    }
}

fn answer(reply: Reply) -> Response<Reply> {
    let mut response = Response::new(reply);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

//! What every call passes on its way in and out, in one place and in order.
//!
//! **Architecture Invariant:** a call reaches a service only if its path is exactly that of a
//! known method and, but for the open ones, its caller is known. Every error that leaves has one
//! `ErrorInfo`, and every answer an `x-request-id` of ours.

mod elsewhere;
mod in_flight;
mod methods;
mod panics;
mod reply;
mod request_id;
mod timeout;

pub(crate) use in_flight::InFlight;
pub(crate) use methods::{Access, Methods};
pub(crate) use reply::{Chunk, Reply};

use crate::auth;
use crate::listeners::Peer;
use crate::rpc::{INITIALIZE, RuntimeServer, ViewMethod};
use crate::status::{self, Refusal};
use elsewhere::Elsewhere;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use in_flight::Guard;
use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Handle;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use uuid::Uuid;
use waxseal_engine::Engine;

const REQUEST_ID: &str = "x-request-id";

/// The front of all services.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) engine: Arc<Engine>,
    pub(crate) methods: Arc<Methods>,
    pub(crate) in_flight: InFlight,
    pub(crate) routes: Routes,
    /// Answered past the routes: its views are sent without a copy, which tonic cannot do.
    pub(crate) runtime: RuntimeServer,
    /// Where what a call starts goes on without it.
    pub(crate) background: Handle,
}

impl Front {
    /// Answers a call.
    pub(crate) async fn call(&self, request: Request<Incoming>) -> Response<Reply> {
        let id = request_id::new();
        let access = self.methods.access(request.uri());
        let guard = (access == Some(Access::Ours)).then(|| self.in_flight.enter());
        let answer = match timeout::read(request.headers()) {
            Ok(deadline) => {
                // In place: what goes through here by value is copied, kilobytes of it.
                let answer = pin!(self.answer(access, request));
                let answer = Elsewhere::new(&self.background, answer);
                deadline.bound(panics::caught(id, answer)).await
            }
            Err(refusal) => refused(refusal),
        };
        sent_off(answer, id, guard)
    }

    /// The checks on the way in, then the service.
    async fn answer(
        &self,
        access: Option<Access>,
        mut request: Request<Incoming>,
    ) -> Response<Reply> {
        let Some(access) = access else { return refused(Refusal::MethodUnknown) };
        if let Err(refusal) = ensure_grpc(request.method(), request.headers()) {
            return refused(refusal);
        }
        match access {
            Access::Open => {}
            // Whoever stands at the machine has no credentials yet.
            Access::Ours if is_first_call(&request) => {}
            Access::Ours | Access::Closed => {
                match auth::authenticate(&self.engine, request.headers_mut()).await {
                    Ok(caller) => {
                        if let Some(method) = ViewMethod::of(request.uri().path()) {
                            return self.runtime.view(method, &caller, request.into_body()).await;
                        }
                        request.extensions_mut().insert(caller);
                    }
                    Err(error) => return status::of(error).into_http(),
                }
            }
        }
        // Boxed, so that it does not make the calls that come past it larger.
        Box::pin(self.route(request.map(Body::new))).await
    }

    async fn route(&self, request: Request<Body>) -> Response<Reply> {
        let mut routes = self.routes.clone();
        match tower_service::Service::call(&mut routes, request).await {
            Ok(answer) => answer.map(Reply::from),
            Err(never) => match never {},
        }
    }
}

/// Whether it is the one call without a caller, from where that may be made.
fn is_first_call(request: &Request<Incoming>) -> bool {
    request.uri().path() == INITIALIZE
        && !request.headers().contains_key(header::AUTHORIZATION)
        && request.extensions().get::<Peer>().is_some_and(Peer::owns_this)
}

/// The looks of a gRPC call. Compression is off: the size of what is compressed together with a
/// value tells something about the value.
fn ensure_grpc(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = content_type.is_some_and(|content_type| {
        matches!(content_type.strip_prefix(b"application/grpc"), Some([] | [b'+' | b';', ..]))
    });
    if !is_grpc || method != Method::POST {
        return Err(Refusal::NotGrpc);
    }
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(()),
        Some(_) => Err(Refusal::Compressed),
    }
}

fn refused(refusal: Refusal) -> Response<Reply> {
    let mut response = Status::from(refusal).into_http();
    if refusal == Refusal::NotGrpc {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    response
}

/// What every answer gets on its way out.
fn sent_off(answer: Response<Reply>, id: Uuid, guard: Option<Guard>) -> Response<Reply> {
    let mut answer = explained(answer, id);
    if let Some(id) = request_id::header(id) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer.map(|reply| reply.counted(guard))
}

/// Logs the cause of a failure, once and here only. Gives the errors that tonic makes by itself
/// a reason, and a text of ours in place of one that can repeat parts of the request.
fn explained(answer: Response<Reply>, id: Uuid) -> Response<Reply> {
    let Some(status) = answer.extensions().get::<Status>() else { return answer };
    if status.code() == Code::Unknown {
        // No error of ours has this code: the connection broke while the request came in.
        tracing::debug!(request_id = %id, "a caller went away");
    } else if let Some(cause) = status.source() {
        tracing::error!(request_id = %id, code = ?status.code(), cause = %chain(cause), "a call failed");
    }
    if !status.details().is_empty() {
        return answer;
    }
    match status.code() {
        Code::OutOfRange => refused(Refusal::MessageTooLarge),
        Code::Internal => refused(Refusal::MalformedMessage),
        Code::Unimplemented => refused(Refusal::MethodUnknown),
        // Of the standard services, whose errors have no reasons; or nobody is left to read it.
        _ => answer,
    }
}

/// An error and what caused it, in their own words. Errors of this workspace hold no content.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

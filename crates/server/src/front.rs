//! What every call passes on its way in and out, in one place and in order.
//!
//! **Architecture Invariant:** a call reaches a service only if its path is exactly that of a
//! known method and, but for the open ones, its caller is known. Every error that leaves has one
//! `ErrorInfo`, and every answer an `x-request-id` of ours.

mod body;
mod in_flight;
mod methods;
mod panics;
mod timeout;

pub(crate) use in_flight::InFlight;
pub(crate) use methods::{Access, Methods};

use crate::auth;
use crate::status::{self, Refusal};
use body::Counted;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use in_flight::Guard;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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
}

impl tower_service::Service<Request<Body>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The routes are always ready: they are a table.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // Started here and not in the future: tonic starts a timer of its own after this one,
        // with another answer, and the earlier one wins.
        let deadline = timeout::start(request.headers());
        let front = self.clone();
        Box::pin(async move {
            let id = Uuid::now_v7();
            let access = front.methods.access(request.uri());
            let guard = (access == Some(Access::Ours)).then(|| front.in_flight.enter());
            let answer = async {
                match deadline {
                    Ok(deadline) => {
                        let answer = panics::caught(id, front.answer(access, request));
                        deadline.bound(answer).await.unwrap_or_else(|late| late)
                    }
                    Err(refusal) => refused(refusal),
                }
            };
            Ok(sent_off(answer.await, id, guard))
        })
    }
}

impl Front {
    /// The checks on the way in, then the service.
    async fn answer(
        mut self,
        access: Option<Access>,
        mut request: Request<Body>,
    ) -> Response<Body> {
        let Some(access) = access else { return refused(Refusal::MethodUnknown) };
        if let Err(refusal) = ensure_grpc(request.method(), request.headers()) {
            return refused(refusal);
        }
        match access {
            Access::Open => {}
            Access::Ours | Access::Closed => {
                match auth::authenticate(&self.engine, request.headers_mut()).await {
                    Ok(caller) => drop(request.extensions_mut().insert(caller)),
                    Err(error) => return status::of(error).into_http(),
                }
            }
        }
        match tower_service::Service::call(&mut self.routes, request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
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

fn refused(refusal: Refusal) -> Response<Body> {
    let mut response = Status::from(refusal).into_http();
    if refusal == Refusal::NotGrpc {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    response
}

/// What every answer gets on its way out.
fn sent_off(answer: Response<Body>, id: Uuid, guard: Option<Guard>) -> Response<Body> {
    let mut answer = explained(answer, id);
    if let Ok(id) = HeaderValue::try_from(id.hyphenated().to_string()) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    match guard {
        Some(guard) => answer.map(|body| Body::new(Counted::new(body, guard))),
        None => answer,
    }
}

/// Logs the cause of a failure, once and here only. Gives the errors that tonic makes by itself
/// a reason, and a text of ours in place of one that can repeat parts of the request.
fn explained(answer: Response<Body>, id: Uuid) -> Response<Body> {
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

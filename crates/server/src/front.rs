//! What every call passes on its way in and out, in one place and in order.
//!
//! **Architecture Invariant:** a call reaches a service only if its path is exactly that of a
//! known method and, but for the open ones, its caller is known. Every error that leaves has one
//! `ErrorInfo`, and every answer an `x-request-id` of ours.

mod admission;
mod elsewhere;
mod in_flight;
mod methods;
mod panics;
mod reply;
mod request_id;
mod timeout;

pub(crate) use admission::Admission;
pub(crate) use in_flight::InFlight;
pub(crate) use methods::{Access, Methods};
pub(crate) use reply::{Chunk, Reply};

use crate::auth;
use crate::identity::{Peer, Workloads};
use crate::metrics::{Call, Meter, Metrics};
use crate::rpc::{INITIALIZE, RuntimeServer, ViewMethod};
use crate::status::{self, Refusal};
use crate::traces::Traces;
use elsewhere::Elsewhere;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use in_flight::Guard;
use methods::Method as Called;
use reply::Streaming;
use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Handle;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use uuid::Uuid;
use waxseal_domain::caller::Caller;
use waxseal_engine::{Engine, Error, holding, watched};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// A call as it comes in. The body is taken by whoever reads it.
type Request = http::Request<Option<Incoming>>;

/// The front of all services.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) engine: Arc<Engine>,
    /// Who vouches for workloads, where anybody does.
    pub(crate) workloads: Option<Arc<Workloads>>,
    pub(crate) methods: Arc<Methods>,
    pub(crate) in_flight: InFlight,
    pub(crate) meter: Meter,
    pub(crate) admission: Arc<Admission>,
    pub(crate) traces: Traces,
    pub(crate) routes: Routes,
    /// Answered past the routes: its views are sent without a copy, which tonic cannot do.
    pub(crate) runtime: RuntimeServer,
    /// Where what a call starts goes on without it.
    pub(crate) background: Handle,
}

impl Front {
    /// Answers a call. It is lent here, and further in: what goes through futures by value is in
    /// each of them, twice.
    pub(crate) async fn call(&self, peer: &Peer, request: &mut Request) -> Response<Reply> {
        let id = request_id::new();
        let called = self.methods.find(request.uri());
        let mut call = self.meter.call(called.map(|called| called.number));
        let known = called.map(|_| request.uri().path().trim_start_matches('/'));
        let trace = self.traces.sample(request.headers(), id, known);
        let ours = called.is_some_and(|called| called.access == Access::Ours);
        let guard = ours.then(|| self.in_flight.enter());
        let streams = called.is_some_and(|called| called.streams);
        let answer = match timeout::read(request.headers(), self.admission.max_deadline()) {
            Ok(deadline) => {
                let streaming = streams
                    .then(|| Streaming::new(id, deadline.asked, self.meter.metrics().clone()));
                // In place: what goes through here by value is copied, kilobytes of it.
                let answer = pin!(self.answer(called, peer, request, streaming));
                let answer = waxseal_engine::called(id, answer);
                let answer = Elsewhere::new(&self.background, answer);
                let answer = panics::caught(id, answer);
                match trace {
                    None => deadline.bound(answer).await,
                    Some(trace) => {
                        call.traced(trace.clone());
                        Box::pin(watched(trace, deadline.bound(answer))).await
                    }
                }
            }
            Err(refusal) => refused(refusal),
        };
        self.sent_off(answer, id, guard, call)
    }

    /// The checks on the way in, then the service.
    async fn answer(
        &self,
        called: Option<Called>,
        peer: &Peer,
        request: &mut Request,
        streaming: Option<Streaming>,
    ) -> Response<Reply> {
        let Some(called) = called else { return refused(Refusal::MethodUnknown) };
        if let Err(refusal) = ensure_grpc(request.method(), request.headers()) {
            return refused(refusal);
        }
        // Whoever stands at the machine has no credentials yet.
        let first = is_first_call(request, peer);
        if first {
            request.extensions_mut().insert(peer.clone());
        }
        if first || called.access == Access::Open {
            let answer = Box::pin(self.route(request)).await;
            return streamed(answer, streaming);
        }
        let place = match self.admission.place(called.priority) {
            Ok(place) => place,
            Err(refusal) => return self.turned_away(refusal),
        };
        let caller = match self.caller(peer, request).await {
            Ok(caller) => caller,
            Err(status) => return status.into_http(),
        };
        let mut admitted = match self.admission.admit(&caller.principal, called.streams) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.turned_away(refusal),
        };
        let stream = admitted.stream.take();
        let answer = if let Some(method) = ViewMethod::of(request.uri().path()) {
            self.runtime.view(method, &caller, request.body_mut()).await
        } else {
            request.extensions_mut().insert(caller);
            // Boxed, so that it does not make the calls that come past it larger. A change that
            // goes on without its caller goes on taking the place of a call.
            Box::pin(holding(Arc::new((place, admitted)), self.route(request))).await
        };
        streamed(answer, streaming.map(|streaming| streaming.taking(stream)))
    }

    /// Who calls. Wrong credentials count against the address that they come from.
    async fn caller(&self, peer: &Peer, request: &mut Request) -> Result<Arc<Caller>, Status> {
        if let Some(caller) = &self.engine.without().authentication {
            return Ok(caller.clone());
        }
        let from = peer.address();
        if let Err(refusal) = self.admission.ensure_tries(from)
            && !auth::is_no_guess(&self.engine, request.headers())
        {
            self.meter.metrics().rate_limited();
            return Err(refusal.into());
        }
        let (workloads, headers) = (self.workloads.as_deref(), request.headers_mut());
        match auth::authenticate(&self.engine, workloads, peer, headers).await {
            Ok(caller) => Ok(caller),
            Err(error) => {
                if matches!(error, Error::CredentialsInvalid) {
                    self.admission.failed(from);
                }
                Err(status::of(error))
            }
        }
    }

    async fn route(&self, request: &mut Request) -> Response<Reply> {
        let request = std::mem::take(request);
        let request = request.map(|body| body.map_or_else(Body::empty, Body::new));
        let mut routes = self.routes.clone();
        match tower_service::Service::call(&mut routes, request).await {
            Ok(answer) => answer.map(Reply::from),
            Err(never) => match never {},
        }
    }

    /// Refuses a call for what else is under way.
    fn turned_away(&self, refusal: Refusal) -> Response<Reply> {
        match refusal {
            Refusal::Overloaded => self.meter.metrics().shed(),
            _ => self.meter.metrics().rate_limited(),
        }
        refused(refusal)
    }

    /// What every answer gets on its way out.
    fn sent_off(
        &self,
        answer: Response<Reply>,
        id: Uuid,
        guard: Option<Guard>,
        mut call: Call,
    ) -> Response<Reply> {
        let mut answer = self.explained(answer, id);
        // The status of an answer without a failure is not known before its end.
        if let Some(status) = answer.extensions().get::<Status>() {
            call.ended(status.code());
        }
        if let Some(id) = request_id::header(id) {
            answer.headers_mut().insert(&REQUEST_ID, id);
        }
        answer.map(|reply| reply.counted(guard, call))
    }

    /// Gives the errors that tonic makes by itself a reason, and a text of ours in place of one that
    /// can repeat parts of the request.
    fn explained(&self, answer: Response<Reply>, id: Uuid) -> Response<Reply> {
        let Some(status) = answer.extensions().get::<Status>() else { return answer };
        log_cause(status, id, self.meter.metrics());
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
}

/// Whether it is the one call without a caller, from where that may be made.
fn is_first_call(request: &Request, peer: &Peer) -> bool {
    request.uri().path() == INITIALIZE
        && !request.headers().contains_key(header::AUTHORIZATION)
        && peer.owns_this()
}

/// The looks of a gRPC call. Compression is off: the size of what is compressed together with a
/// value tells something about the value.
fn ensure_grpc(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_grpc = content_type.is_some_and(|content_type| {
        let rest = content_type.strip_prefix(b"application/grpc");
        let rest = rest.map(|rest| rest.strip_prefix(b"+proto").unwrap_or(rest));
        matches!(rest, Some([] | [b';', ..]))
    });
    if !is_grpc || method != Method::POST {
        return Err(Refusal::NotGrpc);
    }
    match headers.get(&ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(()),
        Some(_) => Err(Refusal::Compressed),
    }
}

/// An answer, with what it has besides where it is a stream.
fn streamed(answer: Response<Reply>, streaming: Option<Streaming>) -> Response<Reply> {
    match streaming {
        Some(streaming) => answer.map(|reply| reply.streaming(Box::new(streaming))),
        None => answer,
    }
}

fn refused(refusal: Refusal) -> Response<Reply> {
    let mut response = Status::from(refusal).into_http();
    if refusal == Refusal::NotGrpc {
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    response
}

/// Logs the cause of a failure, once and here only.
fn log_cause(status: &Status, id: Uuid, metrics: &Metrics) {
    if status.code() == Code::Unknown {
        // No error of ours has this code: the connection broke while the request came in.
        tracing::debug!(request_id = %id, "a caller went away");
    } else if let Some(cause) = status.source() {
        if matches!(cause.downcast_ref(), Some(Error::CommitUnknown)) {
            metrics.commit_unknown();
        }
        tracing::error!(request_id = %id, code = ?status.code(), cause = %chain(cause), "a call failed");
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

//! A server on tonic that does nothing but answer: the floor.
//!
//! The same bytes, produced in the ways that there are: encoded for each call, copied, and sent by
//! reference, in one frame or in two.

use crate::call::framed;
use crate::{Fault, report};
use bytes::{BufMut as _, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use prost::Message as _;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_prost::{ProstCodec, ProstDecoder};
use waxseal_proto::v1::ResolveEnvironmentResponse;

/// Where the message is that is fetched from Redis.
pub(crate) const RELAYED: &str = "waxseal_bench_relayed";

/// Serves these answers until the process is killed.
pub(crate) async fn serve(answers: &[String], relay: Option<&str>) -> Result<(), Fault> {
    let redis = match relay {
        Some(url) => Some(redis::Client::open(url)?.get_multiplexed_async_connection().await?),
        None => None,
    };
    let mut read = HashMap::new();
    for answer in answers {
        let (name, file) = answer.split_once('=').ok_or("an answer is NAME=FILE")?;
        let bytes = Bytes::from(std::fs::read(file)?);
        let message = ResolveEnvironmentResponse::decode(&*bytes)?;
        let framed = framed(&bytes);
        read.insert(name.to_owned(), Arc::new(Answer { message, bytes, framed }));
    }
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    let address = incoming.local_addr()?;
    report::line(&serde_json::json!({ "address": address.to_string() }).to_string());
    let bare = Bare { answers: Arc::new(read), redis };
    Ok(Server::builder().serve_with_incoming(bare, incoming).await?)
}

struct Answer {
    message: ResolveEnvironmentResponse,
    bytes: Bytes,
    framed: Bytes,
}

#[derive(Clone)]
struct Bare {
    answers: Arc<HashMap<String, Arc<Answer>>>,
    redis: Option<MultiplexedConnection>,
}

impl tower_service::Service<Request<Body>> for Bare {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { answers, redis } = self.clone();
        Box::pin(async move {
            let mut path = request.uri().path().trim_start_matches('/').splitn(3, '/');
            let (how, name) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
            if let ("relayed", Some(redis)) = (how, redis) {
                return Ok(relayed(request, redis).await);
            }
            let Some(answer) = answers.get(name).cloned() else {
                return Ok(Status::not_found("no such answer").into_http());
            };
            Ok(match how {
                "prost" => Grpc::new(ProstCodec::default()).unary(Prost(answer), request).await,
                "copied" => Grpc::new(Copying).unary(Copied(answer), request).await,
                "chained" => by_reference(request, [answer.framed.clone()]).await,
                "frames" => {
                    let head = answer.framed.slice(..5);
                    by_reference(request, [head, answer.bytes.clone()]).await
                }
                _ => Status::unimplemented("no such way").into_http(),
            })
        })
    }
}

struct Prost(Arc<Answer>);

impl UnaryService<()> for Prost {
    type Response = ResolveEnvironmentResponse;
    type Future = std::future::Ready<Result<tonic::Response<Self::Response>, Status>>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.0.message.clone())))
    }
}

struct Copied(Arc<Answer>);

impl UnaryService<()> for Copied {
    type Response = Bytes;
    type Future = std::future::Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _: tonic::Request<()>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.0.bytes.clone())))
    }
}

/// A codec of encoded answers.
struct Copying;

impl Codec for Copying {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = ProstDecoder<()>;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> ProstDecoder<()> {
        ProstDecoder::default()
    }
}

impl Encoder for Copying {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, answer: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(answer.len());
        buffer.put_slice(&answer);
        Ok(())
    }
}

/// Fetches what is under [`RELAYED`], for each answer anew, and hands it on.
async fn relayed(request: Request<Body>, mut redis: MultiplexedConnection) -> Response<Body> {
    let fetched: redis::RedisResult<redis::Value> = redis.get(RELAYED).await;
    let Ok(redis::Value::BulkString(message)) = fetched else {
        return Status::unavailable("Redis does not hold it").into_http();
    };
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let frame = Bytes::from([&[0], &length[..]].concat());
    by_reference(request, [frame, message.into()]).await
}

/// Reads the request to its end, looks at nothing, and answers with these frames.
async fn by_reference(
    request: Request<Body>,
    frames: impl IntoIterator<Item = Bytes>,
) -> Response<Body> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = poll_fn(|cx| http_body::Body::poll_frame(Pin::new(&mut body), cx)).await
    {
    }
    let frames = frames.into_iter().collect();
    let mut response = Response::new(Body::new(Frames { frames, ended: false }));
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

struct Frames {
    frames: VecDeque<Bytes>,
    ended: bool,
}

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let first = !std::mem::replace(&mut self.ended, true);
        Poll::Ready(first.then(|| {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            Ok(Frame::trailers(trailers))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

//! The port for operators: metrics, and whether the process lives and can be called, over plain
//! HTTP. Nothing of it is secret, and nothing can be changed here.

use crate::config::Config;
use crate::listeners::ListenError;
use crate::metrics::{self, Metrics};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Connections at a time; further ones wait.
const CONNECTIONS: usize = 16;
/// How long one may take: a request, and its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes; nothing smaller is taken by hyper.
const HEAD: usize = 8 * 1024;
/// After a failed accept.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The port, from before the engines are opened, so that a probe for life needs none of them, until
/// this is dropped.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    told: Arc<OnceLock<Metrics>>,
    serving: JoinHandle<()>,
}

impl Admin {
    /// Listens, if that is configured. Until it is [told](Self::tell) of a server there are no
    /// metrics, and nothing is ready.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(config: &Config) -> Result<Option<Self>, ListenError> {
        let Some(address) = config.telemetry.admin_listen else { return Ok(None) };
        let refused =
            |source| ListenError::Address { address: crate::config::Listen::Tcp(address), source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let told = Arc::<OnceLock<Metrics>>::default();
        let serving = tokio::spawn(serve(listener, told.clone()));
        Ok(Some(Self { address, told, serving }))
    }

    /// The address, with the port that was taken where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whose metrics to show, and whose readiness.
    pub fn tell(&self, metrics: &Metrics) {
        // The first stays; a process has one server.
        let _ = self.told.set(metrics.clone());
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, told: Arc<OnceLock<Metrics>>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // It is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let told = told.clone();
                tokio::spawn(async move {
                    let _ = timeout(PATIENCE, serve_one(stream, told)).await;
                    drop(place);
                });
            }
            Err(_) => sleep(BACK_OFF).await,
        }
    }
}

async fn serve_one(stream: TcpStream, told: Arc<OnceLock<Metrics>>) {
    let service = service_fn(|request| {
        let answer = answer(&request, told.get());
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(HEAD);
    // A scrape and a probe are one request each.
    builder.keep_alive(false);
    // Whoever went away does not hear of it.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

fn answer(request: &Request<Incoming>, metrics: Option<&Metrics>) -> Response<Text> {
    let path = request.uri().path();
    if !["/metrics", "/healthz", "/readyz"].contains(&path) {
        return said(StatusCode::NOT_FOUND, "there is /metrics, /healthz and /readyz\n");
    }
    if request.method() != Method::GET {
        let mut refused = said(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    if !request.body().is_end_stream() {
        return said(StatusCode::BAD_REQUEST, "GET has no body here\n");
    }
    match (path, metrics) {
        ("/healthz", _) => said(StatusCode::OK, "alive\n"),
        ("/readyz", Some(metrics)) if metrics.is_ready() => said(StatusCode::OK, "ready\n"),
        ("/readyz", _) | (_, None) => said(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        (_, Some(metrics)) => {
            let mut answer = Response::new(Text::from(metrics.text()));
            let media_type = HeaderValue::from_static(metrics::MEDIA_TYPE);
            answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
            answer
        }
    }
}

type Text = http_body_util::Full<Bytes>;

fn said(status: StatusCode, text: &'static str) -> Response<Text> {
    let mut answer = Response::new(Text::from(text));
    *answer.status_mut() = status;
    let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    answer
}

//! The connections of one worker.

use crate::front::Front;
use crate::listeners::Accepted;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Calls that one connection may have under way.
const STREAMS: u32 = 200;
/// Metadata of one call, in bytes.
const HEADERS: u32 = 16 * 1024;
/// How often a quiet connection is asked whether it is still there, and how long it may take.
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_TIME: Duration = Duration::from_secs(20);

/// What every connection does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leg {
    Serve,
    /// Takes no further call, and ends when those under way have.
    Leave,
    /// Ends at once.
    End,
}

/// What connections watch.
#[derive(Clone, Debug)]
pub(crate) struct Course(watch::Receiver<Leg>);

/// Says when connections end. They end at once when this is dropped.
#[derive(Debug)]
pub(crate) struct Helm(watch::Sender<Leg>);

/// A helm, and what connections watch.
pub(crate) fn course() -> (Helm, Course) {
    let (sender, receiver) = watch::channel(Leg::Serve);
    (Helm(sender), Course(receiver))
}

impl Helm {
    /// Tells every connection to go away.
    pub(crate) fn leave(&self) {
        self.0.send_replace(Leg::Leave);
    }

    /// Cuts every connection: peers that are silent, or that never acknowledge, do not keep a
    /// stopping server.
    pub(crate) fn cut(&self) {
        self.0.send_replace(Leg::End);
    }
}

impl Course {
    /// The leg after this one, as soon as it begins.
    async fn after(&mut self, leg: Leg) -> Leg {
        // An error means that the helm is gone, and the server with it.
        self.0.wait_for(|now| *now > leg).await.map_or(Leg::End, |now| *now)
    }
}

/// Serves what is dealt. Over when nothing more can be and every connection has ended.
pub(super) async fn serve(
    mut dealt: mpsc::UnboundedReceiver<Accepted>,
    front: Arc<Front>,
    course: Course,
) {
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    while let Some(accepted) = dealt.recv().await {
        let (front, course, open) = (front.clone(), course.clone(), open.clone());
        tokio::spawn(async move {
            serve_one(accepted, &front, course).await;
            drop(front);
            drop(open);
        });
    }
    drop(open);
    let _ = all_closed.recv().await;
}

async fn serve_one(accepted: Accepted, front: &Arc<Front>, mut course: Course) {
    let connection = match accepted.here() {
        Ok(connection) => connection,
        Err(error) => return tracing::warn!(%error, "a connection could not be served"),
    };
    let peer = connection.peer();
    let service = service_fn(|mut request: Request<Incoming>| {
        let front = front.clone();
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        // Boxed: it is moved several times on its way into a task, and out of it when it is done.
        Box::pin(async move { Ok::<_, Infallible>(front.call(request).await) })
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIME);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(connection), service));
    let mut leg = Leg::Serve;
    while leg < Leg::End {
        tokio::select! {
            biased;
            ended = &mut serving => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection has failed");
                }
                return;
            }
            next = course.after(leg) => leg = next,
        }
        if leg == Leg::Leave {
            serving.as_mut().graceful_shutdown();
        }
    }
}

//! The connections of one worker.

mod in_place;

use crate::front::Front;
use crate::identity::Peer;
use crate::listeners::Accepted;
use crate::metrics::MeteredIo;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use in_place::{Begun, InPlace};
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

/// How long before its certificate ends a peer is asked to connect again.
const RENEWAL: Duration = Duration::from_secs(30);

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
    let here = tokio::select! {
        biased;
        // Whoever has not begun has nothing to finish.
        _ = course.after(Leg::Serve) => return,
        here = accepted.here() => here,
    };
    let (connection, peer) = match here {
        Ok((connection, peer)) => (connection, Arc::new(peer)),
        Err(error) => return tracing::debug!(%error, "a connection could not be begun"),
    };
    let metrics = front.meter.metrics();
    let _open = metrics.connection();
    let connection = MeteredIo::new(connection, metrics.clone());
    let mut renewal = pin!(renewal(front, &peer));
    let service = service_fn(|request: http::Request<Incoming>| {
        let (front, peer) = (front.clone(), peer.clone());
        let mut request = request.map(Some);
        // Boxed: it is moved several times before it is polled, and when it is done.
        Box::pin(async move { Ok::<_, Infallible>(front.call(&peer, &mut request).await) })
    });
    let begun = Begun::default();
    let mut builder = http2::Builder::new(begun.clone());
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADERS)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIME);
    let serving = builder.serve_connection(TokioIo::new(connection), service);
    let mut serving = pin!(InPlace::new(serving, begun));
    let mut leg = Leg::Serve;
    let mut renewed = false;
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
            () = &mut renewal, if !renewed => renewed = true,
        }
        if leg == Leg::Leave || renewed {
            serving.as_mut().connection().graceful_shutdown();
        }
    }
}

/// Done shortly before the certificate of a peer ends to be valid: then its connection takes no
/// further call, so that the peer connects again, with the certificate that it has by then.
async fn renewal(front: &Front, peer: &Peer) {
    let Some(certified) = &peer.certified else { return std::future::pending().await };
    let left = certified.until.micros().saturating_sub(front.engine.now().micros());
    let left = Duration::from_micros(u64::try_from(left).unwrap_or(0));
    tokio::time::sleep(left.saturating_sub(RENEWAL.min(left / 2))).await;
}

//! Streams of views: how long they live, and what ends them.

use crate::front::Chunk;
use crate::metrics::Metrics;
use crate::status;
use crate::wire::view;
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::Status;
use waxseal_engine::{Error, Resolution, Watch, in_same_call};

/// A reader that takes nothing for so long, while there is something to take, is cut off.
const PATIENCE: Duration = Duration::from_secs(10);

/// What streams are begun with.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    /// A stream's greatest age, but for a tenth more or less: those that began together do not all
    /// come back together.
    pub(crate) max_age: Duration,
    /// Whether the server is stopping.
    pub(crate) stopping: watch::Receiver<bool>,
    /// Where open streams are counted.
    pub(crate) metrics: Metrics,
}

/// The views of one watch on their way out: one that waits, and then why there is no more.
pub(crate) struct Views {
    views: mpsc::Receiver<Chunk>,
    end: oneshot::Receiver<Status>,
}

impl Streams {
    /// Begins with a view that was read already.
    pub(crate) fn begin(&self, watch: Watch, first: Resolution) -> Views {
        let (sender, views) = mpsc::channel(1);
        let (ending, end) = oneshot::channel();
        let Self { max_age, stopping, metrics } = self.clone();
        let open = metrics.stream();
        let age = max_age.mul_f64(0.9 + 0.2 * jitter());
        tokio::spawn(in_same_call(async move {
            let _open = open;
            let end = Instant::now() + age;
            let served = AssertUnwindSafe(serve(watch, first, sender, end, stopping));
            // The text of a panic is dropped: it can hold anything.
            let status = served
                .catch_unwind()
                .await
                .unwrap_or_else(|_| status::of(Error::Internal("a stream panicked".into())));
            // An error means that the reader is gone.
            let _ = ending.send(status);
        }));
        Views { views, end }
    }
}

/// Gives views until something ends the stream, and says what.
async fn serve(
    mut watch: Watch,
    first: Resolution,
    views: mpsc::Sender<Chunk>,
    end: Instant,
    mut stopping: watch::Receiver<bool>,
) -> Status {
    let mut next = Some(first);
    let ended = async {
        loop {
            let view = match next.take() {
                Some(view) => view,
                None => watch.next().await?,
            };
            match timeout(PATIENCE, views.reserve()).await {
                Ok(Ok(place)) => place.send(view::message(view).ok_or(Error::ViewTooLarge)?),
                // The reader is gone; nobody hears what is said about it.
                Ok(Err(_)) => return Err(Error::ShuttingDown),
                Err(_) => return Err(Error::SlowConsumer),
            }
        }
    };
    let ended: Result<std::convert::Infallible, Error> = tokio::select! {
        biased;
        // It fails when the server is gone altogether.
        _ = stopping.wait_for(|stopping| *stopping) => Err(Error::ShuttingDown),
        () = sleep_until(end) => Err(Error::StreamExpired),
        () = views.closed() => Err(Error::ShuttingDown),
        ended = ended => ended,
    };
    match ended {
        Ok(never) => match never {},
        Err(error) => status::of_stream(error, watch.revision()),
    }
}

/// From 0 to 1, and different for streams that begin at the same time.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0
}

impl Views {
    /// The next view, framed; or why there is none any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Chunk, Status>> {
        if let Some(view) = ready!(self.views.poll_recv(cx)) {
            return Poll::Ready(Ok(view));
        }
        let status = ready!(Pin::new(&mut self.end).poll(cx));
        // The task that says why the stream ended was stopped: the process is ending.
        Poll::Ready(Err(status.unwrap_or_else(|_| status::of(Error::ShuttingDown))))
    }
}

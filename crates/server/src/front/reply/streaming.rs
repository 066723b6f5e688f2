//! What a stream has that no other answer has: an end, whatever it is in the middle of.

use super::{Chunk, Place};
use crate::front::log_cause;
use crate::metrics::Metrics;
use crate::status::Refusal;
use http::HeaderMap;
use http_body::Frame;
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;
use uuid::Uuid;

/// A stream's end, and what it holds until then.
pub(crate) struct Streaming {
    /// Of the call, for the log.
    id: Uuid,
    /// Until when its caller wants it.
    end: Option<Pin<Box<Sleep>>>,
    pub(super) ended: bool,
    metrics: Metrics,
    _place: Option<Place>,
}

impl Streaming {
    /// The stream of a call, which its caller wants for so long and no longer.
    pub(in crate::front) fn new(id: Uuid, asked: Option<Duration>, metrics: Metrics) -> Self {
        let end = asked.map(|asked| Box::pin(tokio::time::sleep(asked)));
        Self { id, end, ended: false, metrics, _place: None }
    }

    /// The same, as one of those that its principal may have.
    pub(in crate::front) fn taking(self, place: Option<Place>) -> Self {
        Self { _place: place, ..self }
    }

    /// The next frame. An error, a panic and the caller's deadline become the trailers that say so,
    /// and nothing follows them.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        next: impl FnOnce(&mut Context<'_>) -> Poll<Option<Result<Frame<Chunk>, Status>>>,
    ) -> Poll<Option<Result<Frame<Chunk>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Some(end) = &mut self.end
            && end.as_mut().poll(cx).is_ready()
        {
            return self.end_with(&Refusal::DeadlineExceeded.into());
        }
        // What has panicked is not polled again, since this has ended then.
        let Ok(next) = catch_unwind(AssertUnwindSafe(|| next(cx))) else {
            tracing::error!(request_id = %self.id, "a stream ended in a panic");
            return self.end_with(&Refusal::Internal.into());
        };
        match ready!(next) {
            Some(Err(status)) => {
                log_cause(&status, self.id, &self.metrics);
                self.end_with(&status)
            }
            next => Poll::Ready(next),
        }
    }

    fn end_with(&mut self, status: &Status) -> Poll<Option<Result<Frame<Chunk>, Status>>> {
        self.ended = true;
        let mut trailers = HeaderMap::new();
        // It fails for a message or details that no header can hold; ours can be.
        let _ = status.add_header(&mut trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

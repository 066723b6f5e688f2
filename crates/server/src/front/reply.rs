//! The body of an answer: what tonic made, or a view by reference.

mod streaming;

pub(super) use streaming::Streaming;

use super::admission::Place;
use super::in_flight::Guard;
use crate::metrics::Call;
use crate::rpc::Views;
use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame};
use pin_project_lite::pin_project;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tonic::{Code, Status};

pin_project! {
    /// A body that counts as under way until it is done.
    pub(crate) struct Reply {
        #[pin]
        content: Content,
        // What a stream has besides; boxed, since every other answer carries it along.
        streaming: Option<Box<Streaming>>,
        guard: Option<Guard>,
        call: Option<Call>,
    }
}

pin_project! {
    #[project = ContentProjection]
    enum Content {
        Tonic { #[pin] body: Body },
        // The one message of a call that went well, then the trailers that say so.
        Message { message: Option<Chunk>, ended: bool },
        // Messages until there is a reason to end, which is the error.
        Stream { views: Views },
    }
}

/// Bytes on their way out: a head that was written for this answer, and parts that others hold
/// too. They leave in one frame of HTTP/2 and, with its header, in one system call.
#[derive(Debug)]
pub(crate) struct Chunk {
    head: Bytes,
    parts: Parts,
}

#[derive(Debug)]
enum Parts {
    One(Bytes),
    Many(VecDeque<Bytes>),
}

impl Reply {
    const fn of(content: Content) -> Self {
        Self { content, streaming: None, guard: None, call: None }
    }

    /// The answer to a unary call: one message with its gRPC frame, and the trailers of success.
    pub(crate) const fn message(message: Chunk) -> Self {
        Self::of(Content::Message { message: Some(message), ended: false })
    }

    /// The answer to a call that streams.
    pub(crate) const fn stream(views: Views) -> Self {
        Self::of(Content::Stream { views })
    }

    /// The same, with what a stream has besides.
    pub(super) fn streaming(self, streaming: Box<Streaming>) -> Self {
        Self { streaming: Some(streaming), ..self }
    }

    /// The same, under way for as long as this body is.
    pub(super) fn counted(self, guard: Option<Guard>, call: Call) -> Self {
        Self { guard, call: Some(call), ..self }
    }
}

impl From<Body> for Reply {
    fn from(body: Body) -> Self {
        Self::of(Content::Tonic { body })
    }
}

impl Default for Reply {
    fn default() -> Self {
        Body::empty().into()
    }
}

impl HttpBody for Reply {
    type Data = Chunk;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunk>, Status>>> {
        let this = self.project();
        let frame = ready!(match this.streaming {
            Some(streaming) => streaming.poll(cx, |cx| this.content.poll(cx)),
            None => this.content.poll(cx),
        });
        if let (Some(Ok(frame)), Some(call)) = (&frame, this.call)
            && let Some(trailers) = frame.trailers_ref()
        {
            call.ended(code(trailers));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            _ if self.streaming.as_ref().is_some_and(|streaming| streaming.ended) => true,
            Content::Tonic { body } => body.is_end_stream(),
            Content::Message { ended, .. } => *ended,
            Content::Stream { .. } => false,
        }
    }
}

impl Content {
    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunk>, Status>>> {
        match self.project() {
            ContentProjection::Tonic { body } => {
                body.poll_frame(cx).map_ok(|frame| frame.map_data(Chunk::from))
            }
            ContentProjection::Message { message, ended } => {
                let frame = message.take().map(Frame::data).or_else(|| {
                    let first = !std::mem::replace(ended, true);
                    first.then(|| Frame::trailers(success()))
                });
                Poll::Ready(frame.map(Ok))
            }
            ContentProjection::Stream { views } => {
                Poll::Ready(Some(ready!(views.poll(cx)).map(Frame::data)))
            }
        }
    }
}

/// How a call ended. Reading a whole status would copy what is in the trailers.
fn code(trailers: &HeaderMap) -> Code {
    let status = trailers.get(Status::GRPC_STATUS);
    status.map_or(Code::Unknown, |status| Code::from_bytes(status.as_bytes()))
}

fn success() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

impl Chunk {
    /// What was written for this answer, and then these parts.
    pub(crate) fn new(head: Bytes, mut parts: Vec<Bytes>) -> Self {
        let parts = match parts.len() {
            0 | 1 => Parts::One(parts.pop().unwrap_or_default()),
            _ => Parts::Many(parts.into()),
        };
        Self { head, parts }
    }
}

impl From<Bytes> for Chunk {
    fn from(head: Bytes) -> Self {
        Self { head, parts: Parts::One(Bytes::new()) }
    }
}

/// No part is empty but the last, so that the first that is not advanced past is the next.
impl Buf for Chunk {
    fn remaining(&self) -> usize {
        let parts = match &self.parts {
            Parts::One(part) => part.len(),
            Parts::Many(parts) => parts.iter().map(Bytes::len).sum(),
        };
        self.head.len() + parts
    }

    fn chunk(&self) -> &[u8] {
        if !self.head.is_empty() {
            return &self.head;
        }
        match &self.parts {
            Parts::One(part) => part,
            Parts::Many(parts) => parts.front().map_or(&[], Bytes::as_ref),
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = self.head.chunks_vectored(slices);
        let rest = &mut slices[filled..];
        filled
            + match &self.parts {
                Parts::One(part) => part.chunks_vectored(rest),
                Parts::Many(parts) => rest
                    .iter_mut()
                    .zip(parts.iter().filter(|part| !part.is_empty()))
                    .map(|(slice, part)| *slice = IoSlice::new(part))
                    .count(),
            }
    }

    fn advance(&mut self, mut count: usize) {
        let of_head = count.min(self.head.len());
        self.head.advance(of_head);
        count -= of_head;
        match &mut self.parts {
            Parts::One(part) => part.advance(count),
            Parts::Many(parts) => {
                while let Some(part) = parts.front_mut() {
                    if count < part.len() {
                        return part.advance(count);
                    }
                    count -= part.len();
                    parts.pop_front();
                }
                assert_eq!(count, 0, "no more is advanced than there is");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(parts: &[&'static str]) -> Chunk {
        let parts = parts.iter().map(|part| Bytes::from_static(part.as_bytes())).collect();
        Chunk::new(Bytes::from_static(b"head"), parts)
    }

    const CASES: [(&[&str], &str); 4] = [
        (&[], "head"),
        (&["one"], "headone"),
        (&["one", "t", "three"], "headonetthree"),
        (&["one", "", "three"], "headonethree"),
    ];

    #[test]
    fn a_chunk_reads_as_its_parts_however_it_is_advanced() {
        for (parts, whole) in CASES {
            for step in 1..=whole.len() {
                let (mut chunk, mut read) = (chunk(parts), Vec::<u8>::new());
                while chunk.has_remaining() {
                    assert_eq!(chunk.remaining(), whole.len() - read.len());
                    // As much as a step, across parts.
                    let taken = step.min(chunk.remaining());
                    let mut slices = [IoSlice::new(&[]); 8];
                    let filled = chunk.chunks_vectored(&mut slices);
                    let seen: Vec<u8> =
                        slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                    assert_eq!(seen.len(), chunk.remaining(), "{parts:?}");
                    assert!(seen.starts_with(chunk.chunk()) && !chunk.chunk().is_empty());
                    read.extend(&seen[..taken]);
                    chunk.advance(taken);
                }
                assert_eq!(read, whole.as_bytes(), "{parts:?} by {step}");
            }
        }
    }

    #[test]
    fn a_view_is_handed_on_and_not_copied() {
        let view = Bytes::from(vec![7; 10_000]);
        let mut chunk = Chunk::new(Bytes::from_static(b"head"), vec![view.clone()]);
        chunk.advance(4);
        assert_eq!(chunk.chunk().as_ptr(), view.as_ptr());
    }

    #[tokio::test]
    async fn a_message_is_one_frame_and_the_trailers_of_success() {
        let mut reply = std::pin::pin!(Reply::message(chunk(&["one", "two"])));
        let mut frames = Vec::new();
        while !reply.is_end_stream() {
            frames.push(std::future::poll_fn(|cx| reply.as_mut().poll_frame(cx)).await);
        }
        let [Some(Ok(data)), Some(Ok(trailers))] = <[_; 2]>::try_from(frames).unwrap() else {
            panic!("two frames")
        };
        assert_eq!(data.into_data().unwrap().remaining(), 10);
        assert_eq!(trailers.into_trailers().unwrap()["grpc-status"], "0");
    }
}

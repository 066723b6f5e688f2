//! The one message of a unary call, read without a copy where it came in one piece.

use super::REQUEST_BYTES;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use prost::Message;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::codec::Streaming;
use tonic_prost::ProstDecoder;

/// The frame of a message in gRPC: a flag, and its length.
const FRAME: usize = 5;

/// Reads the message of a call.
///
/// A small message comes as one frame of HTTP/2 that holds it and nothing else. Whatever comes
/// otherwise, mistakes too, is left to tonic, which takes the body: there is one reading of it, and
/// one set of errors.
pub(super) async fn read<Q, B>(sent: &mut Option<B>) -> Result<Q, Status>
where
    Q: Message + Default + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + Unpin,
{
    let Some(body) = sent else { return Err(Status::internal("no message")) };
    let first = next(body).await;
    if let Some(Ok(frame)) = &first
        && let Some(message) = frame.data_ref().and_then(whole)
        && body.is_end_stream()
        && let Ok(message) = Q::decode(message)
    {
        return Ok(message);
    }
    let Some(rest) = sent.take() else { return Err(Status::internal("no message")) };
    // Boxed: rare, and otherwise carried along by every call.
    Box::pin(read_as_tonic_does(Replayed { first, rest })).await
}

async fn read_as_tonic_does<Q, B>(replayed: Replayed<B>) -> Result<Q, Status>
where
    Q: Message + Default + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send + Unpin,
{
    let mut messages =
        Streaming::new_request(ProstDecoder::default(), replayed, None, Some(REQUEST_BYTES));
    let message = messages.message().await?.ok_or_else(|| Status::internal("no message"))?;
    // To the end, as tonic does with calls that have one message.
    messages.trailers().await?;
    Ok(message)
}

/// The message in a piece that holds exactly one, uncompressed and not too long.
fn whole(piece: &Bytes) -> Option<&[u8]> {
    let (frame, message) = piece.split_first_chunk::<FRAME>()?;
    let [0, length @ ..] = frame else { return None };
    let fits = u32::from_be_bytes(*length) as usize == message.len();
    (fits && message.len() <= REQUEST_BYTES).then_some(message)
}

async fn next<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
}

/// A body as it was before its first frame was looked at.
struct Replayed<B: Body> {
    first: Option<Result<Frame<B::Data>, B::Error>>,
    rest: B,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Replayed<B>
where
    B::Error: Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use tonic::Code;
    use waxseal_proto::v1::GetProjectRequest;

    /// A body in these pieces.
    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    fn framed(flag: u8, length: usize, message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        [&[flag], &length[..], message].concat()
    }

    async fn read_pieces(pieces: &[&[u8]]) -> Result<String, Code> {
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        let message: Result<GetProjectRequest, _> = read(&mut Some(Pieces(pieces))).await;
        message.map(|message| message.name).map_err(|status| status.code())
    }

    #[tokio::test]
    async fn a_message_reads_the_same_however_it_is_cut() {
        let message = GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec();
        let whole = framed(0, message.len(), &message);
        let read = Ok("projects/demo".to_owned());
        assert_eq!(read_pieces(&[&whole]).await, read);
        assert_eq!(read_pieces(&[&whole, b""]).await, read);
        for cut in 0..=whole.len() {
            assert_eq!(read_pieces(&[&whole[..cut], &whole[cut..]]).await, read, "{cut}");
        }
        let twice = [&whole[..], &whole[..]].concat();
        assert_eq!(read_pieces(&[&twice]).await, read, "a further message is passed over");
    }

    #[tokio::test]
    async fn what_is_wrong_is_what_tonic_says() {
        let message = GetProjectRequest { name: "projects/demo".to_owned() }.encode_to_vec();
        let long = message.len() + 1;
        for (pieces, code) in [
            (vec![], Code::Internal),
            (vec![framed(1, message.len(), &message)], Code::Internal),
            (vec![framed(7, message.len(), &message)], Code::Internal),
            (vec![framed(0, long, &message)], Code::Internal),
            (vec![framed(0, 3, b"\xff\xff\xff")], Code::Internal),
            (vec![framed(0, REQUEST_BYTES + 1, &message)], Code::OutOfRange),
        ] {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            assert_eq!(read_pieces(&pieces).await, Err(code), "{pieces:?}");
        }
    }
}

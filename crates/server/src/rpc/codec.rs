//! The codec of views: requests as prost has them, answers copied as they are.

use crate::wire::view::Answer;
use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

/// Decodes requests of the type `Q`, and encodes [`Answer`]s.
pub(super) struct ViewCodec<Q>(PhantomData<Q>);

/// Copies an answer into tonic's buffer: one copy, and the buffer grows at most once.
pub(super) struct Copying;

impl<Q> Default for ViewCodec<Q> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Q: Message + Default + Send + 'static> Codec for ViewCodec<Q> {
    type Encode = Answer;
    type Decode = Q;
    type Encoder = Copying;
    type Decoder = ProstDecoder<Q>;

    fn encoder(&mut self) -> Copying {
        Copying
    }

    fn decoder(&mut self) -> ProstDecoder<Q> {
        ProstDecoder::default()
    }
}

impl Encoder for Copying {
    type Item = Answer;
    type Error = Status;

    fn encode(&mut self, answer: Answer, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(answer.length());
        answer.write(buffer);
        Ok(())
    }
}

//! What is refused before a call reaches the engine.

use super::Said;
use tonic::{Code, Status};
use waxseal_proto::v1::ErrorReason;

/// A call that is wrong as a call, whatever it asks for; or that the server failed to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such method.
    MethodUnknown,
    /// The call is not gRPC.
    NotGrpc,
    /// The message is compressed; nothing here is, since a length that depends on a value tells
    /// something about it.
    Compressed,
    /// The message is larger than is taken.
    MessageTooLarge,
    /// The bytes are no message of the method's type.
    MalformedMessage,
    /// The metadata `grpc-timeout` is no timeout.
    InvalidTimeout,
    /// The caller's deadline has passed.
    DeadlineExceeded,
    /// A fault of the server.
    Internal,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        use ErrorReason as R;
        match refusal {
            Refusal::MethodUnknown => {
                Said::new(Code::Unimplemented, R::MethodUnknown, "there is no such method here")
            }
            Refusal::NotGrpc => Said::new(
                Code::Unimplemented,
                R::MethodUnknown,
                "this is gRPC only: send POST with the content-type application/grpc",
            ),
            Refusal::Compressed => Said::new(
                Code::Unimplemented,
                R::MethodUnknown,
                "compressed messages are not taken: send grpc-encoding identity, or none",
            ),
            Refusal::MessageTooLarge => Said::new(
                Code::ResourceExhausted,
                R::MessageTooLarge,
                "a request holds at most 2 MiB (2097152 bytes)",
            )
            .quota("bytes of a request"),
            Refusal::MalformedMessage => Said::new(
                Code::Internal,
                R::MalformedMessage,
                "the request is not a message of the method's type",
            ),
            Refusal::InvalidTimeout => Said::argument(
                R::InvalidField,
                "grpc-timeout",
                "must be 1 to 8 digits and one of H, M, S, m, u, n",
            ),
            Refusal::DeadlineExceeded => Said::new(
                Code::DeadlineExceeded,
                R::DeadlineExceeded,
                "the deadline passed before the answer; if the call was a change, it may have been \
                 made or not: repeat it with the same request_id, and it is applied once",
            ),
            Refusal::Internal => Said::internal(),
        }
        .into_status()
    }
}

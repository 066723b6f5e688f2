//! What is refused before a call reaches the engine.

use super::Said;
use std::time::Duration;
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
    /// The principal makes more calls a second than one may.
    RateLimited {
        /// After this the next one is let in.
        retry: Duration,
    },
    /// Wrong credentials come from the address faster than they are looked at.
    AddressLimited {
        /// After this some are looked at again.
        retry: Duration,
    },
    /// All calls together are as many as the server carries out at once.
    Overloaded,
    /// The principal has as many calls under way as one may.
    CallLimit {
        /// How many that is.
        most: usize,
    },
    /// The principal has as many streams open as one may.
    StreamLimit {
        /// How many that is.
        most: usize,
    },
    /// A fault of the server.
    Internal,
}

/// Places come free all the time.
const SOON: Duration = Duration::from_millis(100);

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
            Refusal::RateLimited { retry } => Said::new(
                Code::ResourceExhausted,
                R::RateLimited,
                "the caller makes more calls a second than one may, and nothing was done; repeat \
                 the call after the time in RetryInfo",
            )
            .quota("calls of a principal in a second")
            .pushback(retry),
            Refusal::AddressLimited { retry } => Said::new(
                Code::ResourceExhausted,
                R::RateLimited,
                "too many calls with wrong credentials came from this address, and for a moment \
                 none from there is looked at; repeat the call after the time in RetryInfo",
            )
            .quota("failed authentications of an address in a second")
            .pushback(retry),
            Refusal::Overloaded => Said::new(
                Code::Unavailable,
                R::Overloaded,
                "the server has as many calls under way as it takes, and nothing was done; repeat \
                 the call after the time in RetryInfo, best at another server",
            )
            .pushback(SOON),
            Refusal::CallLimit { most } => Said::new(
                Code::ResourceExhausted,
                R::CallLimit,
                format!(
                    "the caller has {most} calls under way here, as many as one may, and nothing \
                     was done; wait for one to end"
                ),
            )
            .quota("calls of a principal under way")
            .pushback(SOON),
            Refusal::StreamLimit { most } => Said::new(
                Code::ResourceExhausted,
                R::StreamLimit,
                format!(
                    "the caller has {most} streams open here, as many as one may; close one, or \
                     open it at another server"
                ),
            )
            .quota("streams of a principal"),
            Refusal::Internal => Said::internal(),
        }
        .into_status()
    }
}

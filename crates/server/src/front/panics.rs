//! A panic in a handler ends its call, and nothing else.

use super::{Reply, refused};
use crate::status::Refusal;
use futures::FutureExt as _;
use http::Response;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use uuid::Uuid;

/// Runs a handler; a panic becomes INTERNAL. Its text is dropped: it can hold anything. The hook
/// of `telemetry` has logged where it was.
///
/// To call this unwind safe is true as far as it matters: the handler is dropped with all it owns,
/// and the engine's own state is changed by detached tasks only.
pub(super) async fn caught(
    id: Uuid,
    handler: impl Future<Output = Response<Reply>>,
) -> Response<Reply> {
    let outcome = AssertUnwindSafe(handler).catch_unwind().await;
    outcome.unwrap_or_else(|_| {
        tracing::error!(request_id = %id, "a call ended in a panic");
        refused(Refusal::Internal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::{Code, Status};

    #[tokio::test]
    async fn a_panic_becomes_internal_without_its_text() {
        let answer = caught(Uuid::nil(), async { panic!("CANARY") }).await;
        let status = answer.extensions().get::<Status>().unwrap();
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("CANARY"));
    }
}

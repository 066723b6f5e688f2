//! For which call something is done.

use std::future::Future;
use uuid::Uuid;

tokio::task_local! {
    static CALL: Option<Uuid>;
}

/// Answers a call of this id: what it puts on record names it. Nothing else asks for it, so a call
/// that puts nothing on record costs no more than to say this.
pub fn called<F: Future>(id: Uuid, work: F) -> impl Future<Output = F::Output> {
    CALL.scope(Some(id), work)
}

/// Work of the present call, for a task of its own.
pub fn in_same_call<F: Future>(work: F) -> impl Future<Output = F::Output> {
    CALL.scope(call(), work)
}

/// The present call; none where the server does something by itself.
pub(crate) fn call() -> Option<Uuid> {
    CALL.try_with(|id| *id).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_of_a_call_is_of_that_call() {
        let id = Uuid::from_bytes([1; 16]);
        assert_eq!(call(), None);
        called(id, async {
            assert_eq!(call(), Some(id));
            assert_eq!(tokio::spawn(async { call() }).await.unwrap(), None);
            assert_eq!(tokio::spawn(in_same_call(async { call() })).await.unwrap(), Some(id));
        })
        .await;
        assert_eq!(in_same_call(async { call() }).await, None);
    }
}

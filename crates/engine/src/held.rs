//! What a change keeps until its own end.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

/// Something whose drop says that it is over.
type Held = Arc<dyn Any + Send + Sync>;

tokio::task_local! {
    static HELD: Held;
}

/// Runs a call. A change that it begins keeps `held` for as long as it takes itself, which is longer
/// than the call where the caller went away or the deadline passed: what is counted by it stays
/// counted.
pub fn holding<F: Future>(held: Held, call: F) -> impl Future<Output = F::Output> {
    HELD.scope(held, call)
}

/// What the present call holds.
pub(crate) fn held() -> Option<Held> {
    HELD.try_with(Clone::clone).ok()
}

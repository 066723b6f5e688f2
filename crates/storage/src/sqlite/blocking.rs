//! Threads that may block.

use futures::future::BoxFuture;
use std::cell::Cell;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

thread_local! {
    static ALLOWED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread may block.
pub(super) fn is_allowed() -> bool {
    ALLOWED.get()
}

/// Runs work from its beginning to its end on a thread that may block.
pub(super) fn spawn(place: OwnedSemaphorePermit, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let _allowed = Allowed::begin();
        Handle::current().block_on(work);
    })
}

/// While this is held, the thread may block: it is lent, and another task gets it next.
struct Allowed;

impl Allowed {
    fn begin() -> Self {
        ALLOWED.set(true);
        Self
    }
}

impl Drop for Allowed {
    fn drop(&mut self) {
        ALLOWED.set(false);
    }
}

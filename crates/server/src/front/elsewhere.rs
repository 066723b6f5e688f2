//! Work for another runtime, polled here.

use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

pin_project! {
    /// Polls a future on this thread. What it spawns, and its sockets and timers, belong to the
    /// other runtime: a change goes on there when its caller is gone and this thread has ended,
    /// and a connection to a database that was opened by one call serves those of other threads.
    pub(super) struct Elsewhere<'a, F> {
        there: &'a Handle,
        #[pin]
        future: F,
    }
}

impl<'a, F> Elsewhere<'a, F> {
    pub(super) const fn new(there: &'a Handle, future: F) -> Self {
        Self { there, future }
    }
}

impl<F: Future> Future for Elsewhere<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _there = this.there.enter();
        this.future.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;

    #[test]
    fn what_is_spawned_outlives_the_runtime_that_polls() {
        let there = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let here = Builder::new_current_thread().build().unwrap();
        let (said, heard) = oneshot::channel();
        let work = async {
            tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                said.send("done").unwrap();
            });
        };
        here.block_on(Elsewhere::new(there.handle(), work));
        drop(here);
        assert_eq!(there.block_on(heard), Ok("done"));
    }
}

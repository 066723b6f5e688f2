//! Calls that are answered where they come in.

use hyper::rt::Executor;
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Calls that have come in on a connection and that nobody has looked at yet.
#[derive(Clone, Default)]
pub(super) struct Begun(Arc<Mutex<Vec<Call>>>);

impl Begun {
    /// What is in a list is whole between any two statements, so a panic leaves nothing half done.
    fn calls(&self) -> MutexGuard<'_, Vec<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Begun {
    fn execute(&self, call: F) {
        self.calls().push(Box::pin(call));
    }
}

pin_project! {
    /// A connection and the calls that come in on it. Each call is polled once, as part of the
    /// connection's own task, after all that has come in was read: most are answered by that, their
    /// answers leave together, and only what has to wait becomes a task. A task for each call costs
    /// more than all that is checked about a warm one.
    pub(super) struct InPlace<C> {
        #[pin]
        connection: C,
        begun: Begun,
        // Empty between polls; kept for its room.
        polled: Vec<Call>,
    }
}

impl<C> InPlace<C> {
    /// The connection whose calls `begun` gets.
    pub(super) const fn new(connection: C, begun: Begun) -> Self {
        Self { connection, begun, polled: Vec::new() }
    }

    pub(super) fn connection(self: Pin<&mut Self>) -> Pin<&mut C> {
        self.project().connection
    }
}

impl<C: Future> Future for InPlace<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.project();
        let ended = this.connection.poll(cx);
        std::mem::swap(&mut *this.begun.calls(), this.polled);
        // What a call answers wakes the connection, which has registered itself just now.
        for mut call in this.polled.drain(..) {
            // A panic, which is logged where it happens, is the end of its call alone.
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx)));
            if matches!(polled, Ok(Poll::Pending)) {
                tokio::spawn(call);
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_call_is_polled_in_place_and_goes_on_alone_if_it_has_to_wait() {
        let (begun, done) = (Begun::default(), Arc::new(AtomicUsize::new(0)));
        let count = |by| {
            let done = done.clone();
            move || done.fetch_add(by, Ordering::Relaxed)
        };
        let (first, second) = (count(1), count(1));
        let (third, last) = (count(100), count(10));
        let (go, wait) = oneshot::channel();
        begun.execute(async move {
            first();
        });
        begun.execute(async { panic!("one call") });
        begun.execute(async move {
            if wait.await.is_ok() {
                third();
            }
        });
        begun.execute(async move {
            second();
        });
        let connection = InPlace::new(std::future::pending::<()>(), begun.clone());
        let mut connection = std::pin::pin!(connection);
        assert!(futures::poll!(&mut connection).is_pending());
        assert_eq!(done.load(Ordering::Relaxed), 2, "those that need not wait, whoever panics");
        // A connection that has ended takes nothing from a call that goes on, nor is it needed.
        go.send(()).unwrap();
        while done.load(Ordering::Relaxed) < 100 {
            tokio::task::yield_now().await;
        }
        // What came in with the end is begun still.
        begun.execute(async move {
            last();
        });
        let mut ended = std::pin::pin!(InPlace::new(std::future::ready(()), begun));
        assert!(futures::poll!(&mut ended).is_ready());
        assert_eq!(done.load(Ordering::Relaxed), 112);
    }
}

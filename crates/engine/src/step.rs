//! The steps of a call that somebody wants to see: what was asked of the store, the key provider
//! and the shared cache, and how long it took. Never of whom or for what.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

/// What a call asks of others. There is nothing in it that a caller chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The head of a project, from the store.
    Head,
    /// The rows of a view, from the store.
    ViewRows,
    /// A transaction's beginning.
    Begin,
    /// A transaction's commit.
    Commit,
    /// A data key, made by the key provider.
    GenerateKey,
    /// A data key, opened by the key provider or out of memory.
    UnwrapKey,
    /// A view, out of the shared cache.
    SharedView,
}

/// Who sees the steps of one call, in the task that takes them, and must not wait for anything.
pub trait Watcher: Send + Sync + 'static {
    /// A step that began then has ended.
    fn stepped(&self, step: Step, began: Instant, failed: bool);
}

tokio::task_local! {
    static WATCHER: Arc<dyn Watcher>;
}

/// Does the work of a call whose steps somebody wants to see.
pub async fn watched<F: Future>(watcher: Arc<dyn Watcher>, work: F) -> F::Output {
    WATCHER.scope(watcher, work).await
}

/// The same work for a task of its own, seen by whoever sees the present one.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let watcher = WATCHER.try_with(Arc::clone).ok();
    async move {
        match watcher {
            Some(watcher) => Box::pin(watched(watcher, work)).await,
            None => work.await,
        }
    }
}

/// Takes a step. Where nobody looks, that is all.
pub(crate) async fn step<T, E>(
    step: Step,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let Ok(watcher) = WATCHER.try_with(Arc::clone) else { return work.await };
    let began = Instant::now();
    let result = work.await;
    watcher.stepped(step, began, result.is_err());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Seen(Mutex<Vec<(Step, bool)>>);

    impl Watcher for Seen {
        fn stepped(&self, step: Step, _: Instant, failed: bool) {
            self.0.lock().unwrap().push((step, failed));
        }
    }

    #[tokio::test]
    async fn steps_are_seen_also_in_tasks_that_go_on_alone() {
        let seen = Arc::new(Seen::default());
        step(Step::Head, async { Ok::<_, ()>(()) }).await.unwrap();
        watched(seen.clone(), async {
            step(Step::Begin, async { Ok::<_, ()>(()) }).await.unwrap();
            let alone = carried(step(Step::Commit, async { Err::<(), _>(()) }));
            tokio::spawn(alone).await.unwrap().unwrap_err();
        })
        .await;
        assert_eq!(*seen.0.lock().unwrap(), [(Step::Begin, false), (Step::Commit, true)]);
    }
}

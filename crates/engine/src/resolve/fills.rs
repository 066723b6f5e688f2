//! Many callers of one cold view cost one fill.

use crate::Error;
use crate::revision::Revision;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;
use waxseal_cache::{EncodedView, ViewKey};

/// A view that was filled, under its own key, and the project's revision that it was filled at.
#[derive(Clone)]
pub(crate) struct Filled {
    pub(crate) key: ViewKey,
    pub(crate) revision: Revision,
    pub(crate) view: Arc<EncodedView>,
}

type Cells = HashMap<ViewKey, Arc<OnceCell<Filled>>>;

/// Fills under way. A fill is never older than the key it is joined under, since the key's
/// revision was read before the fill's snapshot was begun.
#[derive(Default)]
pub(crate) struct Fills {
    cells: Mutex<Cells>,
}

impl Fills {
    /// Runs a fill, or waits for the one that runs. If that one fails or its caller goes away,
    /// the next takes its place.
    pub(super) async fn once<F>(
        &self,
        key: ViewKey,
        fill: impl FnOnce() -> F,
    ) -> Result<Filled, Error>
    where
        F: Future<Output = Result<Filled, Error>>,
    {
        let cell = self.cells().entry(key).or_default().clone();
        let waiting = Waiting { fills: self, key, cell };
        waiting.cell.get_or_try_init(fill).await.cloned()
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last one out takes the cell away.
struct Waiting<'a> {
    fills: &'a Fills,
    key: ViewKey,
    cell: Arc<OnceCell<Filled>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        const MAP_AND_SELF: usize = 2;
        let mut cells = self.fills.cells();
        if self.cell.initialized() || Arc::strong_count(&self.cell) <= MAP_AND_SELF {
            let ours = cells.get(&self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell));
            if ours {
                cells.remove(&self.key);
            }
        }
    }
}

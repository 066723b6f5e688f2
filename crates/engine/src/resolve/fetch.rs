//! Views that other processes filled, out of the shared cache, and views for them.

use super::{Filled, Resolve, shown};
use crate::step::{Step, step};
use crate::{Engine, Error};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use waxseal_cache::{EncodedView, ViewKey};
use waxseal_storage::Head;

impl Engine {
    /// How many views out of the shared cache did not open, since the start.
    #[must_use]
    pub fn unopened_views(&self) -> u64 {
        self.unopened_views.load(Ordering::Relaxed)
    }

    /// The view out of the shared cache or, failing that, filled and put there for others.
    pub(super) async fn fetch_or_fill(
        &self,
        ask: &Resolve<'_>,
        key: ViewKey,
        head: &Head,
    ) -> Result<Filled, Error> {
        if let Some(view) = self.fetch(&key).await {
            let view = Arc::new(view);
            self.cache.put(key, view.clone());
            return Ok(Filled { key, revision: shown(head), view });
        }
        let filled = self.fill(ask, key).await?;
        self.share(&filled);
        Ok(filled)
    }

    async fn fetch(&self, key: &ViewKey) -> Option<EncodedView> {
        let sealed = self.shared.as_ref()?.get(key);
        let sealed = async { sealed.await.ok_or(()) };
        let sealed = step(Step::SharedView, sealed).await.ok()?;
        match self.keys.open_view(key, &sealed, self.clock.now()).await {
            Ok(view) => Some(view),
            Err(error) => {
                self.unopened_views.fetch_add(1, Ordering::Relaxed);
                // Somebody else wrote it, or the key provider is away, which the fill then tells.
                tracing::warn!(%error, "a view in the shared cache does not open");
                None
            }
        }
    }

    /// Puts a view where others find it. Nobody waits for that.
    fn share(&self, filled: &Filled) {
        let Some(shared) = self.shared.clone() else { return };
        let (keys, Filled { key, view, .. }) = (self.keys.clone(), filled.clone());
        let now = self.clock.now();
        tokio::spawn(async move {
            match keys.seal_view(&key, &view, now).await {
                Ok(sealed) => shared.put(&key, sealed.into()).await,
                Err(error) => tracing::warn!(%error, "a view could not be sealed for others"),
            }
        });
    }
}

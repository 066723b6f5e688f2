//! The cache of views, counted.

use super::Metrics;
use std::sync::Arc;
use waxseal_cache::{EncodedView, ViewCache, ViewKey};

/// Hands every call on and counts what was there.
pub(crate) struct MeteredViews<C> {
    inner: C,
    metrics: Metrics,
}

impl<C> MeteredViews<C> {
    pub(crate) const fn new(inner: C, metrics: Metrics) -> Self {
        Self { inner, metrics }
    }
}

impl<C: ViewCache> ViewCache for MeteredViews<C> {
    fn get(&self, key: &ViewKey) -> Option<Arc<EncodedView>> {
        let found = self.inner.get(key);
        let metrics = &self.metrics.0;
        if found.is_some() { &metrics.view_hits } else { &metrics.view_misses }.add(1);
        found
    }

    fn put(&self, key: ViewKey, view: Arc<EncodedView>) {
        self.inner.put(key, view);
    }

    fn clear(&self) {
        self.inner.clear();
    }
}

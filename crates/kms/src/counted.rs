//! A provider that counts what it is asked.

use crate::{Error, HealthWatch, KeyContext, KeyProvider, KeyStatus, WrappedKey};
use std::sync::atomic::{AtomicU64, Ordering};
use waxseal_envelope::Key;

/// How often a provider was asked, failures included, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of [`KeyProvider::generate`].
    pub generate: u64,
    /// Calls of [`KeyProvider::unwrap`].
    pub unwrap: u64,
    /// Calls of [`KeyProvider::wrap`].
    pub wrap: u64,
    /// Calls of [`KeyProvider::rewrap`].
    pub rewrap: u64,
}

/// Hands every call on and counts it: what the calls to a key service cost is a promise, and
/// measured.
pub struct Counted<P> {
    inner: P,
    // Each counts for itself; nothing else is ordered by them.
    generate: AtomicU64,
    unwrap: AtomicU64,
    wrap: AtomicU64,
    rewrap: AtomicU64,
}

impl<P> Counted<P> {
    /// Counts from zero.
    #[must_use]
    pub const fn new(inner: P) -> Self {
        Self {
            inner,
            generate: AtomicU64::new(0),
            unwrap: AtomicU64::new(0),
            wrap: AtomicU64::new(0),
            rewrap: AtomicU64::new(0),
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            generate: self.generate.load(Ordering::Relaxed),
            unwrap: self.unwrap.load(Ordering::Relaxed),
            wrap: self.wrap.load(Ordering::Relaxed),
            rewrap: self.rewrap.load(Ordering::Relaxed),
        }
    }

    /// The provider that does the work.
    #[must_use]
    pub const fn inner(&self) -> &P {
        &self.inner
    }
}

#[async_trait::async_trait]
impl<P: KeyProvider> KeyProvider for Counted<P> {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.generate.fetch_add(1, Ordering::Relaxed);
        self.inner.generate(context).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        self.unwrap.fetch_add(1, Ordering::Relaxed);
        self.inner.unwrap(wrapped, context).await
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.wrap.fetch_add(1, Ordering::Relaxed);
        self.inner.wrap(key, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        self.rewrap.fetch_add(1, Ordering::Relaxed);
        self.inner.rewrap(wrapped, context).await
    }

    fn active_key_id(&self) -> String {
        self.inner.active_key_id()
    }

    fn health(&self) -> HealthWatch {
        self.inner.health()
    }

    fn keys(&self) -> Vec<KeyStatus> {
        self.inner.keys()
    }
}

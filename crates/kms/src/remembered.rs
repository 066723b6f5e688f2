//! A provider that remembers what was unwrapped.

mod memory;
mod settings;

pub use settings::RememberedSettings;

use crate::{Error, Health, HealthWatch, KeyContext, KeyProvider, KeyStatus, WrappedKey};
use memory::{Found, Id, Memory};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::task::AbortHandle;
use waxseal_envelope::Key;

/// Remembers the keys that another provider made and unwrapped, so that each is asked for once.
///
/// A key is found again only for the same bytes, the same wrapping key and the same context. While
/// one is being unwrapped, others who want it wait for that. When the provider's health becomes
/// [`Health::Revoked`], everything is forgotten, and unwrapping is refused until that ends.
pub struct Remembered<P> {
    inner: Arc<P>,
    memory: Arc<Memory>,
    health: HealthWatch,
    keeper: AbortHandle,
    hits: Arc<AtomicU64>,
}

impl<P: KeyProvider> Remembered<P> {
    /// Remembers nothing yet. A task that forgets in time runs until this is dropped; so it must
    /// be called within a Tokio runtime.
    #[must_use]
    pub fn new(inner: P, settings: RememberedSettings) -> Self {
        let (memory, health) = (Arc::new(Memory::new(settings)), inner.health());
        let keeper = tokio::spawn(keep(Arc::clone(&memory), health.clone())).abort_handle();
        Self { inner: Arc::new(inner), memory, health, keeper, hits: Arc::default() }
    }

    /// Forgets all keys. What is being unwrapped meanwhile is not remembered either.
    pub fn clear(&self) {
        self.memory.clear();
    }

    /// How often a key was wanted that was remembered, for as long as this is asked.
    pub fn hits(&self) -> impl Fn() -> u64 + Send + Sync + use<P> {
        let hits = Arc::clone(&self.hits);
        move || hits.load(Ordering::Relaxed)
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The provider that is asked.
    #[must_use]
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Whether nothing may be remembered now. The task hears of it too, but maybe later.
    fn revoked(&self) -> bool {
        let revoked = self.health.now() == Health::Revoked;
        if revoked {
            self.memory.clear();
        }
        revoked
    }
}

impl<P> Drop for Remembered<P> {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

#[async_trait::async_trait]
impl<P: KeyProvider> KeyProvider for Remembered<P> {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        let epoch = self.memory.epoch();
        let (key, wrapped) = self.inner.generate(context).await?;
        if !self.revoked() {
            self.memory.keep(epoch, Id::of(&wrapped, context), Arc::new(key.duplicate()));
        }
        Ok((key, wrapped))
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        if self.revoked() {
            return Err(Error::Revoked { key_id: wrapped.key_id.clone() });
        }
        let id = Id::of(wrapped, context);
        let old = match self.memory.find(&id) {
            Found::Fresh(key) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(key.duplicate());
            }
            Found::Old(key) => Some(key),
            Found::Nothing => None,
        };
        let (inner, health) = (Arc::clone(&self.inner), self.health.clone());
        let (asked, context) = (wrapped.clone(), context.clone());
        let unwrapped = self.memory.once(id, &wrapped.key_id, move || async move {
            let wrapped = asked;
            let key = inner.unwrap(&wrapped, &context).await?;
            // What was revoked meanwhile is not handed out.
            if health.now() == Health::Revoked {
                return Err(Error::Revoked { key_id: wrapped.key_id });
            }
            Ok(key)
        });
        match (unwrapped.await, old) {
            (Ok(key), _) => Ok(key.duplicate()),
            // An outage revokes nothing.
            (Err(Error::Unavailable { .. } | Error::Throttled { .. }), Some(old))
                if !self.revoked() =>
            {
                Ok(old.duplicate())
            }
            (Err(error), _) => {
                if matches!(error, Error::Revoked { .. }) {
                    self.memory.forget(&id);
                }
                Err(error)
            }
        }
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.inner.wrap(key, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        self.inner.rewrap(wrapped, context).await
    }

    fn active_key_id(&self) -> String {
        self.inner.active_key_id()
    }

    fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    fn keys(&self) -> Vec<KeyStatus> {
        self.inner.keys()
    }
}

/// Forgets what is too old, and everything when the keys are revoked.
async fn keep(memory: Arc<Memory>, mut health: HealthWatch) {
    let mut sweep = tokio::time::interval(memory.sweep_interval());
    loop {
        tokio::select! {
            health = health.changed() => if health == Health::Revoked { memory.clear() },
            _ = sweep.tick() => memory.sweep(),
        }
    }
}

#[cfg(test)]
mod tests;

//! A provider that tells how each operation ended.

use crate::{Error, HealthWatch, KeyContext, KeyProvider, KeyStatus, WrappedKey};
use std::sync::Arc;
use std::time::Instant;
use waxseal_envelope::Key;

/// What a provider is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// [`KeyProvider::generate`].
    Generate,
    /// [`KeyProvider::unwrap`].
    Unwrap,
    /// [`KeyProvider::wrap`].
    Wrap,
    /// [`KeyProvider::rewrap`].
    Rewrap,
}

/// Who is told, in the task that asked, and at once; so it must not wait for anything.
pub trait Observer: Send + Sync + 'static {
    /// An operation that began then has ended, in this failure or well.
    fn ended(&self, operation: Operation, began: Instant, failure: Option<&Error>);
}

/// Hands every call on, and tells an [`Observer`] how it ended. What is given up on the way is not
/// told.
pub struct Observed<P> {
    inner: P,
    observer: Arc<dyn Observer>,
}

impl Operation {
    /// All operations.
    pub const ALL: [Self; 4] = [Self::Generate, Self::Unwrap, Self::Wrap, Self::Rewrap];

    /// Its name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Unwrap => "unwrap",
            Self::Wrap => "wrap",
            Self::Rewrap => "rewrap",
        }
    }
}

impl<P> Observed<P> {
    /// Tells this observer.
    pub fn new(inner: P, observer: Arc<dyn Observer>) -> Self {
        Self { inner, observer }
    }

    async fn tell<T>(
        &self,
        operation: Operation,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let result = work.await;
        self.observer.ended(operation, began, result.as_ref().err());
        result
    }
}

#[async_trait::async_trait]
impl<P: KeyProvider> KeyProvider for Observed<P> {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.tell(Operation::Generate, self.inner.generate(context)).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        self.tell(Operation::Unwrap, self.inner.unwrap(wrapped, context)).await
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.tell(Operation::Wrap, self.inner.wrap(key, context)).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        self.tell(Operation::Rewrap, self.inner.rewrap(wrapped, context)).await
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

//! Key providers: who wraps and unwraps data keys.
//!
//! A provider sees keys and their contexts, never a secret. [`Local`] keeps its wrapping keys in
//! a file, [`Aws`] asks AWS KMS, and [`Remembered`] spares a provider what was asked before. Every
//! provider passes the same suite, the module `contract` behind the feature of that
//! name. There is no provider that does nothing.

pub mod aws;
mod context;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod counted;
mod error;
#[cfg(any(test, feature = "contract"))]
pub mod fake;
mod health;
pub mod local;
mod moving;
mod observed;
mod remembered;
mod wrapped;

pub use aws::{Aws, AwsSettings};
pub use context::KeyContext;
pub use counted::{Counted, Counts};
pub use error::Error;
pub use health::{Health, HealthWatch, KeyStatus};
pub use local::Local;
pub use moving::Moving;
pub use observed::{Observed, Observer, Operation};
pub use remembered::{Remembered, RememberedSettings};
pub use wrapped::{KeyKind, WrappedKey};

use std::sync::Arc;
use waxseal_envelope::Key;

/// Makes data keys and opens them again, bound to a context.
#[async_trait::async_trait]
pub trait KeyProvider: Send + Sync + 'static {
    /// A fresh data key, and the same wrapped under the active key.
    ///
    /// # Errors
    /// Of the active key; see [`Error`].
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error>;

    /// Opens a wrapped key. The context must be the one it was generated for.
    ///
    /// The key id comes from a store that others may write to. So a provider only follows ids
    /// that it was configured for.
    ///
    /// # Errors
    /// Of the key that wraps this one; see [`Error`].
    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error>;

    /// Wraps a key that there is already under the active key; for moving from one provider to
    /// another.
    ///
    /// # Errors
    /// Of the active key; see [`Error`].
    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error>;

    /// Wraps the same key anew under the active key. Where the provider is a service, the key does
    /// not leave it.
    ///
    /// # Errors
    /// Of the key that wraps this one, or of the active key; see [`Error`].
    async fn rewrap(&self, wrapped: &WrappedKey, context: &KeyContext)
    -> Result<WrappedKey, Error>;

    /// The id of the key that new data keys are wrapped under.
    fn active_key_id(&self) -> String;

    /// Whether the provider's keys can be used, as far as was seen lately.
    fn health(&self) -> HealthWatch;

    /// The keys that the provider is configured for, the active one first.
    fn keys(&self) -> Vec<KeyStatus> {
        let (key_id, health) = (self.active_key_id(), self.health().now());
        vec![KeyStatus { key_id, active: true, health, checked: None }]
    }
}

#[async_trait::async_trait]
impl<P: KeyProvider + ?Sized> KeyProvider for Arc<P> {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        (**self).generate(context).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        (**self).unwrap(wrapped, context).await
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        (**self).wrap(key, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        (**self).rewrap(wrapped, context).await
    }

    fn active_key_id(&self) -> String {
        (**self).active_key_id()
    }

    fn health(&self) -> HealthWatch {
        (**self).health()
    }

    fn keys(&self) -> Vec<KeyStatus> {
        (**self).keys()
    }
}

//! From one provider to another.

use crate::{Error, HealthWatch, KeyContext, KeyProvider, WrappedKey};
use std::sync::Arc;
use waxseal_envelope::Key;

/// Two providers while data keys move from the first to the second: both unwrap, the second wraps.
///
/// Which one a wrapped key belongs to is told by its key id, since a provider does not look at
/// keys that it was not configured for.
pub struct Moving {
    from: Arc<dyn KeyProvider>,
    to: Arc<dyn KeyProvider>,
}

impl Moving {
    /// Moves from one to the other.
    #[must_use]
    pub const fn new(from: Arc<dyn KeyProvider>, to: Arc<dyn KeyProvider>) -> Self {
        Self { from, to }
    }
}

#[async_trait::async_trait]
impl KeyProvider for Moving {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.to.generate(context).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        match self.to.unwrap(wrapped, context).await {
            Err(Error::Unconfigured { .. }) => self.from.unwrap(wrapped, context).await,
            answer => answer,
        }
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.to.wrap(key, context).await
    }

    /// What the second provider knows does not leave it; the rest passes through memory.
    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        match self.to.rewrap(wrapped, context).await {
            Err(Error::Unconfigured { .. }) => {
                self.to.wrap(&self.from.unwrap(wrapped, context).await?, context).await
            }
            answer => answer,
        }
    }

    fn active_key_id(&self) -> String {
        self.to.active_key_id()
    }

    fn health(&self) -> HealthWatch {
        self.to.health()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counted, Local};
    use waxseal_domain::time::Timestamp;
    use waxseal_domain::uid::{Deployment, ProjectUid};

    const DEPLOYMENT: Deployment = Deployment::from_bytes([1; 16]);

    fn local(dir: &tempfile::TempDir, name: &str) -> Arc<Local> {
        let path = dir.path().join(name).join("keys.json");
        Arc::new(Local::create(&path, DEPLOYMENT, Timestamp::from_micros(1)).unwrap())
    }

    #[tokio::test]
    async fn both_unwrap_and_the_second_wraps() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (local(&dir, "from"), Arc::new(Counted::new(local(&dir, "to"))));
        let context = KeyContext::integrity(DEPLOYMENT, ProjectUid::from_bytes([2; 16]));
        let (key, before) = from.generate(&context).await.unwrap();
        let moving = Moving::new(from, to.clone());
        assert_eq!(moving.unwrap(&before, &context).await.unwrap().expose(), key.expose());

        let after = moving.rewrap(&before, &context).await.unwrap();
        assert_eq!(after.key_id, to.active_key_id());
        assert_eq!(moving.active_key_id(), after.key_id);
        assert_eq!(to.unwrap(&after, &context).await.unwrap().expose(), key.expose());

        let wraps = to.counts().wrap;
        let again = moving.rewrap(&after, &context).await.unwrap();
        assert_eq!(to.unwrap(&again, &context).await.unwrap().expose(), key.expose());
        assert_eq!(to.counts().wrap, wraps, "what it knows stays within it");
        let (_, new) = moving.generate(&context).await.unwrap();
        assert_eq!(new.key_id, after.key_id);
    }

    #[tokio::test]
    async fn a_key_of_neither_and_one_for_another_place_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to, other) = (local(&dir, "from"), local(&dir, "to"), local(&dir, "other"));
        let (here, there) = (KeyContext::service(DEPLOYMENT), KeyContext::canary(DEPLOYMENT));
        let (_, known) = from.generate(&here).await.unwrap();
        let (_, unknown) = other.generate(&here).await.unwrap();
        let moving = Moving::new(from, to);
        let refused = moving.rewrap(&unknown, &here).await.unwrap_err();
        assert_eq!(refused, Error::Unconfigured { key_id: unknown.key_id });
        let refused = moving.rewrap(&known, &there).await.unwrap_err();
        assert_eq!(refused, Error::Tampered { key_id: known.key_id });
    }
}

//! The provider beneath.

use super::*;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};

/// How many may unwrap at a time.
pub(super) const TURNS: u32 = 1_000;

/// The local provider, which can be away, be slow, and be revoked.
pub(super) struct Moody {
    _directory: TempDir,
    pub(super) local: crate::Local,
    pub(super) away: AtomicBool,
    pub(super) turns: Semaphore,
    pub(super) health: watch::Sender<Health>,
}

impl Moody {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys").join("keys.json");
        let local = crate::Local::create(&path, deployment(), T0).unwrap();
        Self {
            _directory: directory,
            local,
            away: AtomicBool::new(false),
            turns: Semaphore::new(TURNS as usize),
            health: watch::Sender::new(Health::Good),
        }
    }
}

#[async_trait::async_trait]
impl KeyProvider for Moody {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.local.generate(context).await
    }
    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        let _turn = self.turns.acquire().await.unwrap();
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::Unavailable { key_id: wrapped.key_id.clone() });
        }
        self.local.unwrap(wrapped, context).await
    }
    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.local.wrap(key, context).await
    }
    async fn rewrap(&self, from: &WrappedKey, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.local.rewrap(from, context).await
    }
    fn active_key_id(&self) -> String {
        self.local.active_key_id()
    }
    fn health(&self) -> HealthWatch {
        HealthWatch::new(self.health.subscribe())
    }
    fn keys(&self) -> Vec<KeyStatus> {
        self.local.keys()
    }
}


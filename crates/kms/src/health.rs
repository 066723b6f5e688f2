//! Whether a provider's keys can be used.

use std::time::Duration;
use tokio::sync::watch;

/// What was seen lately of the keys that a provider is configured for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// They can be used.
    #[default]
    Good,
    /// The provider cannot be reached, throttles, or refused once: what is in memory stays good.
    Degraded,
    /// The active key is disabled, deleted or denied, seen more than once: what it protects has to
    /// leave memory.
    Revoked,
}

/// One key that a provider is configured for, and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The key's id, as it stands beside what the key wraps.
    pub key_id: String,
    /// Whether new data keys are wrapped under it.
    pub active: bool,
    /// What its last use told; for the active key, what [`HealthWatch`] says.
    pub health: Health,
    /// How long ago it was last used, with or without success; `None` if it was not since the
    /// start, or if using it takes no service.
    pub checked: Option<Duration>,
}

/// Follows a provider's health.
#[derive(Clone, Debug)]
pub struct HealthWatch(Option<watch::Receiver<Health>>);

impl HealthWatch {
    /// Of a provider whose keys are always at hand.
    #[must_use]
    pub const fn good() -> Self {
        Self(None)
    }

    /// Of a provider that says so here.
    #[must_use]
    pub const fn new(health: watch::Receiver<Health>) -> Self {
        Self(Some(health))
    }

    /// What was seen last.
    #[must_use]
    pub fn now(&self) -> Health {
        self.0.as_ref().map_or(Health::Good, |health| *health.borrow())
    }

    /// Returns at the next change, and what it changed to; never, where none can come.
    pub async fn changed(&mut self) -> Health {
        if let Some(health) = &mut self.0
            && health.changed().await.is_ok()
        {
            return *health.borrow_and_update();
        }
        std::future::pending().await
    }
}

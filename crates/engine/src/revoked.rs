//! What happens when the key that everything is wrapped under is revoked: what it protects leaves
//! memory, and nothing is answered from memory any more until the key can be used again. An outage
//! is not a revocation, and costs nothing that is warm.

use crate::Engine;
use std::sync::Weak;
use waxseal_kms::{Health, HealthWatch};

/// Follows the key provider's health for as long as the engine lives.
pub(crate) async fn follow(engine: Weak<Engine>, mut health: HealthWatch) {
    loop {
        let now = health.changed().await;
        let Some(engine) = engine.upgrade() else { return };
        match now {
            Health::Good => tracing::info!("the wrapping key can be used"),
            Health::Degraded => tracing::warn!("the key provider cannot be used just now"),
            Health::Revoked => {
                tracing::error!(
                    "the wrapping key is revoked: every key and view is dropped from memory"
                );
                engine.keys.forget();
                engine.cache.clear();
            }
        }
    }
}

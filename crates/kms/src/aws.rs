//! AWS KMS: the wrapping keys stay in the service, which wraps and unwraps data keys on request.
//!
//! A wrapped key is what KMS made, its id the ARN of the KMS key. Every request names its key by
//! ARN, and the ARN in the answer has to be the same: an alias that is pointed elsewhere, or a
//! store that names another account's key, changes nothing.
//!
//! A call waits at most the operation's timeout for its turn, and then takes at most that timeout,
//! retries included. After five failures in a row that tell of an outage, calls fail at once for
//! five seconds; then one is let through.

mod breaker;
mod call;
mod client;
mod failure;
mod names;
mod probe;
mod settings;
mod turns;

pub use settings::AwsSettings;

use crate::{Error, HealthWatch, KeyContext, KeyKind, KeyProvider, KeyStatus, WrappedKey};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use call::Calls;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::AbortHandle;
use waxseal_domain::uid::Deployment;
use waxseal_envelope::Key;
use zeroize::Zeroizing;

/// The provider whose wrapping keys are in AWS KMS.
pub struct Aws {
    service: Arc<Service>,
    health: HealthWatch,
    probe: AbortHandle,
}

/// What the provider and its probe share.
struct Service {
    calls: Calls,
    names: names::Names,
}

impl Aws {
    /// A provider by these settings, for the keys of this deployment.
    ///
    /// Does not wait for KMS, and does not fail if it is away: the first call finds out. A probe
    /// runs in the background until the provider is dropped. Must be called within a Tokio
    /// runtime. No TLS provider has to be installed before.
    #[must_use]
    pub fn open(settings: AwsSettings, deployment: Deployment) -> Self {
        let names = names::Names::new(&settings.key, &settings.also);
        let (canary, unhealthy) = (settings.canary_interval, settings.canary_interval_unhealthy);
        let service = Arc::new(Service { calls: Calls::new(settings), names });
        let (probe, health) = probe::start(Arc::clone(&service), deployment, canary, unhealthy);
        Self { service, health: HealthWatch::new(health), probe }
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

impl Service {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        let name = self.names.active();
        let answer = self.calls.generate(&name, entries(context)).await;
        self.names.saw(&name, &answer);
        let answer = answer?;
        let key_id = self.names.pin_active(&name, answer.key_id)?;
        let key = key(answer.plaintext, &key_id)?;
        Ok((key, wrapped(answer.ciphertext_blob, key_id)?))
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        let WrappedKey { kind: KeyKind::Direct, key_id, bytes } = wrapped;
        self.allowed(wrapped).await?;
        let answer = self.calls.decrypt(key_id, entries(context), bytes).await;
        self.names.saw(key_id, &answer);
        let answer = answer?;
        let plaintext = key(answer.plaintext, key_id)?;
        must_be(key_id, answer.key_id)?;
        Ok(plaintext)
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        let name = self.names.active();
        let plaintext = Blob::new(key.expose().to_vec());
        let answer = self.calls.encrypt(&name, entries(context), plaintext).await;
        self.names.saw(&name, &answer);
        let answer = answer?;
        let key_id = self.names.pin_active(&name, answer.key_id)?;
        wrapped(answer.ciphertext_blob, key_id)
    }

    async fn rewrap(&self, from: &WrappedKey, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.allowed(from).await?;
        let name = self.names.active();
        let answer =
            self.calls.re_encrypt(&from.key_id, &name, entries(context), &from.bytes).await;
        if answer.is_ok() {
            self.names.saw(&name, &answer);
        }
        let answer = answer?;
        must_be(&from.key_id, answer.source_key_id)?;
        let key_id = self.names.pin_active(&name, answer.key_id)?;
        wrapped(answer.ciphertext_blob, key_id)
    }

    /// Whether KMS may be asked for this: the key is one of ours, and the length one of KMS.
    async fn allowed(&self, wrapped: &WrappedKey) -> Result<(), Error> {
        let WrappedKey { kind: KeyKind::Direct, key_id, bytes } = wrapped;
        self.names.must_hold(key_id, &self.calls).await?;
        if bytes.is_empty() || bytes.len() > WrappedKey::LONGEST {
            return Err(Error::Tampered { key_id: key_id.clone() });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl KeyProvider for Aws {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        self.service.generate(context).await
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        self.service.unwrap(wrapped, context).await
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        self.service.wrap(key, context).await
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        self.service.rewrap(wrapped, context).await
    }

    /// The ARN; until KMS was reached for the first time, what the settings call it.
    fn active_key_id(&self) -> String {
        self.service.names.active()
    }

    fn health(&self) -> HealthWatch {
        self.health.clone()
    }

    fn keys(&self) -> Vec<KeyStatus> {
        self.service.names.status(self.health.now())
    }
}

fn entries(context: &KeyContext) -> HashMap<String, String> {
    context.entries().iter().map(|(name, content)| (name.clone(), content.clone())).collect()
}

/// The key in an answer. The buffer that it came in is wiped.
fn key(plaintext: Option<Blob>, key_id: &str) -> Result<Key, Error> {
    let bytes = Zeroizing::new(plaintext.map(Blob::into_inner).unwrap_or_default());
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(Error::Tampered { key_id: key_id.to_owned() });
    }
    key.copy_from_slice(&bytes);
    Ok(Key::from_bytes(key))
}

fn wrapped(ciphertext: Option<Blob>, key_id: String) -> Result<WrappedKey, Error> {
    match ciphertext.map(Blob::into_inner) {
        Some(bytes) if !bytes.is_empty() && bytes.len() <= WrappedKey::LONGEST => {
            Ok(WrappedKey { kind: KeyKind::Direct, key_id, bytes })
        }
        _ => Err(Error::Unavailable { key_id }),
    }
}

fn must_be(key_id: &str, answered: Option<String>) -> Result<(), Error> {
    if answered.as_deref() == Some(key_id) {
        Ok(())
    } else {
        Err(Error::Tampered { key_id: key_id.to_owned() })
    }
}

/// What every data key is: 32 bytes.
const SPEC: DataKeySpec = DataKeySpec::Aes256;

#[cfg(test)]
mod tests;

//! The key that signs checkpoints: Ed25519, its seed a data key like any other.

use super::Hex;
use crate::OpenError;
use crate::keys;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use waxseal_domain::uid::Deployment;
use waxseal_envelope::Key;
use waxseal_kms::{KeyContext, KeyProvider};
use waxseal_storage::Store;

/// Signs. Only the seed is kept, by an owner that wipes it; the key pair lives for one signature.
pub(crate) struct Signer {
    seed: Key,
    public: [u8; 32],
}

impl Signer {
    fn new(seed: Key) -> Option<Self> {
        let public = pair(&seed)?.public_key().as_ref().try_into().ok()?;
        Some(Self { seed, public })
    }

    pub(crate) const fn public(&self) -> Hex<32> {
        Hex(self.public)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<Hex<64>> {
        let signature = pair(&self.seed)?.sign(message);
        signature.as_ref().try_into().ok().map(Hex)
    }
}

fn pair(seed: &Key) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(seed.expose()).ok()
}

/// Whether a signature is that of a key.
pub(super) fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

/// Opens the key, and makes it where there is none.
pub(crate) async fn signer(
    store: &dyn Store,
    provider: &dyn KeyProvider,
    deployment: Deployment,
) -> Result<Signer, OpenError> {
    let context = KeyContext::audit(deployment);
    let mut stored = store.snapshot().await?.audit_key().await?;
    if stored.is_none() {
        let (seed, wrapped) = provider.generate(&context).await?;
        let mut tx = store.begin("make_audit_key").await?;
        if tx.insert_audit_key(&keys::stored(wrapped)).await? {
            tx.commit().await?;
            return Signer::new(seed).ok_or(OpenError::AuditKey);
        }
        // Another process made it at the same moment.
        stored = tx.audit_key().await?;
    }
    let wrapped = stored.as_ref().and_then(keys::wrapped).ok_or(OpenError::AuditKey)?;
    Signer::new(provider.unwrap(&wrapped, &context).await?).ok_or(OpenError::AuditKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        let signer = Signer::new(Key::generate().unwrap()).unwrap();
        let other = Signer::new(Key::generate().unwrap()).unwrap();
        let signature = signer.sign(b"message").unwrap();
        assert!(verify(&signer.public, b"message", &signature.0));
        assert!(!verify(&signer.public, b"massage", &signature.0));
        assert!(!verify(&other.public, b"message", &signature.0));
        let mut flipped = signature.0;
        flipped[0] ^= 1;
        assert!(!verify(&signer.public, b"message", &flipped));
    }
}

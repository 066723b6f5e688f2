//! Keys in a file, for a deployment without a key service.
//!
//! The file is JSON: `{version, deployment, active, keys: [{id, created, state, material}]}`.
//! `version` is 1, `created` microseconds since the Unix epoch, `state` `enabled` or `disabled`,
//! and `material` 32 bytes in base64. The id of a key is `local:` and the key's fingerprint, the
//! first eight bytes, in hexadecimal, of what [`Key::derive`] gives for `local:fingerprint`: an
//! error that names a key says which material it means, and a file whose ids and material were
//! mixed up is refused.
//!
//! A data key is wrapped as a [record](waxseal_envelope::record) bound to its context and to the
//! id of the key that wraps it.

mod error;
mod file;
mod ring;

pub use error::FileError;

use crate::{Error, HealthWatch, KeyContext, KeyKind, KeyProvider, KeyStatus, WrappedKey};
use ring::{Ring, State};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::Deployment;
use waxseal_envelope::{Context, Key, Purpose, open, seal};
use zeroize::Zeroizing;

/// The provider whose wrapping keys are in a file.
pub struct Local {
    path: PathBuf,
    deployment: Deployment,
    ring: RwLock<Ring>,
}

impl Local {
    /// Makes a new key file with one key, and its directory (mode 0700) if there is none.
    ///
    /// Only for a store that holds no wrapped key yet: those that it holds need their own file.
    ///
    /// # Errors
    /// [`FileError`]; an existing file is never replaced.
    pub fn create(
        path: &Path,
        deployment: Deployment,
        created: Timestamp,
    ) -> Result<Self, FileError> {
        let directory = file::Directory::create(path)?.lock()?;
        if directory.holds_file()? {
            return Err(FileError::Exists { path: path.to_owned() });
        }
        let ring = Ring::new(deployment, created)?;
        directory.write(&ring.encode(path)?)?;
        Ok(Self { path: path.to_owned(), deployment, ring: RwLock::new(ring) })
    }

    /// Reads a key file. It must be a regular file that this user owns and nobody else may read
    /// or write.
    ///
    /// # Errors
    /// [`FileError`]; where a command mends the matter, the message says which.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let ring = Ring::decode(path, &file::read(path)?)?;
        let deployment = ring.deployment;
        Ok(Self { path: path.to_owned(), deployment, ring: RwLock::new(ring) })
    }

    /// The deployment that the keys belong to.
    #[must_use]
    pub const fn deployment(&self) -> Deployment {
        self.deployment
    }

    /// Adds a key and makes it the active one; gives its id. The old keys go on unwrapping.
    ///
    /// Reads and writes the file, and waits for others that do. Another process that has the
    /// file loaded knows the new key only when it loads it again.
    ///
    /// # Errors
    /// [`FileError`]; then nothing is changed.
    pub fn rotate(&self, now: Timestamp) -> Result<String, FileError> {
        self.change(|ring| ring.rotate(now))
    }

    /// Disables a key: whatever it wraps is [revoked](Error::Revoked). Disabling the active key
    /// is allowed and stops every write until there is another.
    ///
    /// # Errors
    /// [`FileError`]; then nothing is changed.
    pub fn disable(&self, key_id: &str) -> Result<(), FileError> {
        self.change(|ring| ring.set_state(&self.path, key_id, State::Disabled))
    }

    /// Enables a disabled key again.
    ///
    /// # Errors
    /// [`FileError`]; then nothing is changed.
    pub fn enable(&self, key_id: &str) -> Result<(), FileError> {
        self.change(|ring| ring.set_state(&self.path, key_id, State::Enabled))
    }

    /// Changes what the file holds now, which may be more than this process read: writing back
    /// what is in memory would lose a key that another process added.
    fn change<T>(
        &self,
        edit: impl FnOnce(&mut Ring) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let directory = file::Directory::open(&self.path)?.lock()?;
        let mut ring = Ring::decode(&self.path, &file::read(&self.path)?)?;
        ring.must_succeed(&self.path, &self.ring())?;
        let answer = edit(&mut ring)?;
        directory.write(&ring.encode(&self.path)?)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(answer)
    }

    /// A ring is replaced whole, so it is good even if a thread that held the lock panicked.
    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl KeyProvider for Local {
    async fn generate(&self, context: &KeyContext) -> Result<(Key, WrappedKey), Error> {
        // The only cause is that the system has no random bytes, which may pass.
        let key =
            Key::generate().map_err(|_| Error::Unavailable { key_id: self.active_key_id() })?;
        let wrapped = self.wrap(&key, context).await?;
        Ok((key, wrapped))
    }

    async fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<Key, Error> {
        let WrappedKey { kind: KeyKind::Direct, key_id, bytes } = wrapped;
        let ring = self.ring();
        let wrapping = ring.enabled(key_id)?;
        let tampered = || Error::Tampered { key_id: key_id.clone() };
        let record = Context::wrapped_key(context.entries(), key_id);
        let opened = open(wrapping, Purpose::WrappedKey, &record, bytes).map_err(|_| tampered())?;
        let mut key = Zeroizing::new([0; 32]);
        if opened.len() != key.len() {
            return Err(tampered());
        }
        key.copy_from_slice(&opened);
        Ok(Key::from_bytes(key))
    }

    async fn wrap(&self, key: &Key, context: &KeyContext) -> Result<WrappedKey, Error> {
        let ring = self.ring();
        let key_id = ring.active.clone();
        let wrapping = ring.enabled(&key_id)?;
        let record = Context::wrapped_key(context.entries(), &key_id);
        match seal(wrapping, Purpose::WrappedKey, &record, key.expose()) {
            Ok(bytes) => Ok(WrappedKey { kind: KeyKind::Direct, key_id, bytes }),
            Err(_) => Err(Error::Unavailable { key_id }),
        }
    }

    async fn rewrap(
        &self,
        wrapped: &WrappedKey,
        context: &KeyContext,
    ) -> Result<WrappedKey, Error> {
        self.wrap(&self.unwrap(wrapped, context).await?, context).await
    }

    fn active_key_id(&self) -> String {
        self.ring().active.clone()
    }

    fn health(&self) -> HealthWatch {
        HealthWatch::good()
    }

    fn keys(&self) -> Vec<KeyStatus> {
        self.ring().status()
    }
}

#[cfg(test)]
mod tests;

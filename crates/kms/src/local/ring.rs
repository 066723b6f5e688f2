//! The keys of a key file, and how they stand in it.

use super::FileError;
use super::file::LONGEST;
use crate::{Error, Health, KeyStatus};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::Deployment;
use waxseal_envelope::Key;
use zeroize::Zeroizing;

const VERSION: u32 = 1;

/// Every key of a deployment, and which of them wraps.
pub(super) struct Ring {
    pub(super) deployment: Deployment,
    /// The id of one of the keys.
    pub(super) active: String,
    keys: Vec<Entry>,
}

struct Entry {
    id: String,
    created: Timestamp,
    state: State,
    key: Key,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Enabled,
    Disabled,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    deployment: Deployment,
    active: String,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: String,
    created: Timestamp,
    state: State,
    material: Zeroizing<String>,
}

impl Ring {
    /// One fresh key, enabled and active.
    pub(super) fn new(deployment: Deployment, created: Timestamp) -> Result<Self, FileError> {
        let mut ring = Self { deployment, active: String::new(), keys: Vec::new() };
        ring.rotate(created)?;
        Ok(ring)
    }

    /// Adds a fresh key and makes it the active one.
    pub(super) fn rotate(&mut self, now: Timestamp) -> Result<String, FileError> {
        let key = Key::generate().map_err(FileError::Randomness)?;
        let id = id_of(&key);
        self.keys.push(Entry { id: id.clone(), created: now, state: State::Enabled, key });
        self.active.clone_from(&id);
        Ok(id)
    }

    pub(super) fn set_state(
        &mut self,
        path: &Path,
        key_id: &str,
        state: State,
    ) -> Result<(), FileError> {
        let entry = self.keys.iter_mut().find(|entry| entry.id == key_id).ok_or_else(|| {
            FileError::NoSuchKey { path: path.to_owned(), key_id: key_id.to_owned() }
        })?;
        entry.state = state;
        Ok(())
    }

    /// The key of that id, if it may be used.
    pub(super) fn enabled(&self, key_id: &str) -> Result<&Key, Error> {
        match self.entry(key_id) {
            Some(Entry { state: State::Enabled, key, .. }) => Ok(key),
            Some(Entry { state: State::Disabled, .. }) => {
                Err(Error::Revoked { key_id: key_id.to_owned() })
            }
            None => Err(Error::Unconfigured { key_id: key_id.to_owned() }),
        }
    }

    /// The keys, the active one first. They are at hand, so nobody has to look after them.
    pub(super) fn status(&self) -> Vec<KeyStatus> {
        let status = |entry: &Entry| KeyStatus {
            key_id: entry.id.clone(),
            active: entry.id == self.active,
            health: match entry.state {
                State::Enabled => Health::Good,
                State::Disabled => Health::Revoked,
            },
            checked: None,
        };
        let mut keys: Vec<_> = self.keys.iter().map(status).collect();
        keys.sort_by_key(|key| !key.active);
        keys
    }

    /// Whether this can be what `before` has become: keys are added and never taken away.
    pub(super) fn must_succeed(&self, path: &Path, before: &Self) -> Result<(), FileError> {
        // An id is made from the key itself, so to hold the id is to hold the key.
        let lost = before.keys.iter().find(|entry| self.entry(&entry.id).is_none());
        match lost {
            Some(Entry { id, .. }) => {
                Err(FileError::Replaced { path: path.to_owned(), key_id: id.clone() })
            }
            None if self.deployment != before.deployment => {
                Err(invalid(path, "its deployment has changed since it was loaded"))
            }
            None => Ok(()),
        }
    }

    pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        // Of the cause only its place: its text may quote what it did not expect.
        let stored: Stored = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            FileError::Malformed { path: path.to_owned(), line, column }
        })?;
        let Stored { version, deployment, active, keys } = stored;
        if version != VERSION {
            return Err(invalid(path, "its version is not 1"));
        }
        let mut ring = Self { deployment, active, keys: Vec::with_capacity(keys.len()) };
        for stored in keys {
            let entry = Entry::decode(path, stored)?;
            if ring.entry(&entry.id).is_some() {
                return Err(invalid(path, "a key stands in it twice"));
            }
            ring.keys.push(entry);
        }
        if ring.entry(&ring.active).is_none() {
            return Err(invalid(path, "the active key is missing"));
        }
        Ok(ring)
    }

    pub(super) fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let Self { deployment, active, keys } = self;
        let stored = Stored {
            version: VERSION,
            deployment: *deployment,
            active: active.clone(),
            keys: keys.iter().map(Entry::encode).collect(),
        };
        // Room for all there may be: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
        let written = serde_json::to_writer_pretty(&mut *bytes, &stored);
        bytes.push(b'\n');
        if written.is_err() || bytes.len() > LONGEST {
            return Err(FileError::TooLarge { path: path.to_owned() });
        }
        Ok(bytes)
    }

    fn entry(&self, key_id: &str) -> Option<&Entry> {
        self.keys.iter().find(|entry| entry.id == key_id)
    }
}

impl Entry {
    fn decode(path: &Path, stored: StoredKey) -> Result<Self, FileError> {
        let StoredKey { id, created, state, material } = stored;
        // Base64 is decoded by the group of three bytes, so the buffer is a little longer.
        let mut decoded = Zeroizing::new([0; 36]);
        let length = STANDARD.decode_slice(material.as_bytes(), decoded.as_mut_slice());
        if length != Ok(32) {
            return Err(invalid(path, "the material of a key is not 32 bytes in base64"));
        }
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(&decoded[..32]);
        let key = Key::from_bytes(bytes);
        if id_of(&key) != id {
            return Err(invalid(path, "the id of a key does not belong to its material"));
        }
        Ok(Self { id, created, state, key })
    }

    fn encode(&self) -> StoredKey {
        let Self { id, created, state, key } = self;
        StoredKey {
            id: id.clone(),
            created: *created,
            state: *state,
            material: Zeroizing::new(STANDARD.encode(key.expose())),
        }
    }
}

fn invalid(path: &Path, why: &'static str) -> FileError {
    FileError::Invalid { path: path.to_owned(), why }
}

fn id_of(key: &Key) -> String {
    let fingerprint = key.derive("local:fingerprint");
    fingerprint.expose()[..8].iter().fold("local:".to_owned(), |mut id, byte| {
        // Writing to a string does not fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

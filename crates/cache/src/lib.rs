//! The cache of encoded views.
//!
//! **Architecture Invariant:** an entry is immutable. What a view holds is a function of its
//! [`ViewKey`], so a late or repeated insertion is harmless and nothing ever has to be deleted
//! for correctness.

mod form;
mod local;
mod redis;

pub use form::SCHEMA;
pub use local::Local;
pub use redis::{Counts, Redis, RedisSettings, RedisUrlError};

use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::SecretName;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};
use waxseal_domain::value::PayloadKind;
use waxseal_domain::view::{Origin, UnsetReason};

/// What a view is kept under. The revision is the view's own: the last one that could alter it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewKey {
    /// The life of the store that the revision counts in.
    pub incarnation: Incarnation,
    /// The project.
    pub project: ProjectUid,
    /// The environment.
    pub environment: EnvironmentUid,
    /// The stage.
    pub stage: Stage,
    /// The view's revision.
    pub revision: u64,
}

/// A view, encoded once when it was filled. The cache does not know the encoding; it keeps bytes
/// and where in them each secret stands, so that an answer with some of the secrets is a
/// concatenation of slices.
pub struct EncodedView {
    /// The whole view. Its owner wipes it when the last reference is dropped.
    pub bytes: Bytes,
    /// The secrets with a value, in the byte order of their names.
    pub secrets: Vec<Entry>,
    /// Those without, likewise.
    pub unset: Vec<UnsetEntry>,
    /// Names that secrets had, in byte order, and the present name of each.
    pub aliases: Vec<(SecretName, SecretName)>,
}

/// Where a secret with a value stands in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: SecretName,
    /// Whether the value is text or bytes.
    pub kind: PayloadKind,
    /// The slot it came from.
    pub origin: Origin,
    /// The number of its version in that slot.
    pub version: u64,
    /// The whole entry, as a part of an answer.
    pub entry: Range<usize>,
    /// The bare value within it.
    pub value: Range<usize>,
}

/// Where a secret without a value stands in a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsetEntry {
    /// Its name.
    pub name: SecretName,
    /// Why it has none.
    pub reason: UnsetReason,
    /// The whole entry, as a part of an answer.
    pub entry: Range<usize>,
}

/// A name, looked up in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// It has a value.
    Set(&'a Entry),
    /// It has none.
    Unset(&'a UnsetEntry),
}

impl EncodedView {
    /// The secret of this name, or the one that had it.
    #[must_use]
    pub fn find(&self, name: &SecretName) -> Option<Found<'_>> {
        self.current(name).or_else(|| {
            let at = self.aliases.binary_search_by(|(alias, _)| alias.cmp(name)).ok()?;
            self.current(&self.aliases[at].1)
        })
    }

    fn current(&self, name: &SecretName) -> Option<Found<'_>> {
        if let Ok(at) = self.secrets.binary_search_by(|entry| entry.name.cmp(name)) {
            return Some(Found::Set(&self.secrets[at]));
        }
        let at = self.unset.binary_search_by(|entry| entry.name.cmp(name)).ok()?;
        Some(Found::Unset(&self.unset[at]))
    }
}

impl std::fmt::Debug for EncodedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncodedView(redacted)")
    }
}

/// Where encoded views are kept in this process.
pub trait ViewCache: Send + Sync + 'static {
    /// The view of exactly this key, if it is at hand.
    fn get(&self, key: &ViewKey) -> Option<Arc<EncodedView>>;

    /// Keeps a view; others may be dropped for it.
    fn put(&self, key: ViewKey, view: Arc<EncodedView>);

    /// Drops every view: the key that protects them was revoked.
    fn clear(&self);
}

/// Where sealed views are kept for other processes.
///
/// A shared cache is never needed and never believed: what it holds is sealed under a key that it
/// does not have, bound to the whole [`ViewKey`]. That it is slow, gone, emptied, full or lying
/// costs a fill, and is never an error.
#[async_trait]
pub trait SharedCache: Send + Sync + 'static {
    /// What was put under this key, if it is at hand and soon.
    async fn get(&self, key: &ViewKey) -> Option<Bytes>;

    /// Keeps a sealed view for a while.
    async fn put(&self, key: &ViewKey, sealed: Bytes);
}

//! The cache of encoded views.
//!
//! **Architecture Invariant:** an entry is immutable. What a view holds is a function of its
//! [`ViewKey`], so a late or repeated insertion is harmless and nothing ever has to be deleted
//! for correctness.

mod local;

pub use local::Local;

use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::SecretName;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};
use waxseal_domain::view::UnsetReason;

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
    /// The secrets with a value, in the byte order of their names, and where each stands.
    pub secrets: Vec<(SecretName, Range<usize>)>,
    /// Those without, likewise, and why.
    pub unset: Vec<(SecretName, UnsetReason, Range<usize>)>,
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
}

//! What a provider answers instead of a key.

/// Why a key could not be had, by what should be done about it.
///
/// Every error names the key that wraps, and nothing else: neither key material nor a context.
/// An outage is never to be taken for a revocation, nor the other way round.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The provider cannot be reached or does not answer in time. What is in memory stays good;
    /// the call may be repeated.
    #[error("key {key_id}: the key provider is unavailable")]
    Unavailable {
        /// The wrapping key.
        key_id: String,
    },
    /// The provider refuses for now because it is asked too often.
    #[error("key {key_id}: the key provider is throttling")]
    Throttled {
        /// The wrapping key.
        key_id: String,
    },
    /// The key is disabled, deleted or about to be. What it protects has to leave memory.
    #[error("key {key_id} is disabled or deleted")]
    Revoked {
        /// The wrapping key.
        key_id: String,
    },
    /// The provider does not let this process use the key. It may take minutes for a new grant
    /// to be seen, so one such answer is not a revocation yet.
    #[error("key {key_id}: access is denied")]
    Denied {
        /// The wrapping key.
        key_id: String,
    },
    /// The wrapped key is not one that was wrapped under this key for this context. Concerns
    /// this one item; the rest is as good as before.
    #[error("key {key_id}: the wrapped key was not made by it for this place")]
    Tampered {
        /// The wrapping key.
        key_id: String,
    },
    /// The wrapped key names a key that this provider is not configured for, and was not asked.
    /// Concerns this one item; a key file or an allow-list may be the wrong one.
    #[error("key {key_id} is not one that is configured here")]
    Unconfigured {
        /// The key that was named.
        key_id: String,
    },
}

impl Error {
    /// The id of the wrapping key that the error is about.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match self {
            Self::Unavailable { key_id }
            | Self::Throttled { key_id }
            | Self::Revoked { key_id }
            | Self::Denied { key_id }
            | Self::Tampered { key_id }
            | Self::Unconfigured { key_id } => key_id,
        }
    }
}

//! What can go wrong.

/// Why something could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    /// The plaintext is longer than its purpose allows; see
    /// [`Purpose::longest`](crate::Purpose::longest).
    #[error("the plaintext is longer than its purpose allows")]
    TooLong,
}

/// A record or a manifest is not what was written under this key and for this place.
///
/// One answer for every cause, on purpose: which check failed would help only an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not what was sealed for this place under this key")]
pub struct Tampered;

//! The layout of a sealed record.
//!
//! ```text
//!  0   1  format: 0x01
//!  1   1  suite: 0x01 (AES-256-GCM, HKDF-SHA-256, commitment of 32 bytes)
//!  2   1  purpose
//!  3   1  flags: 0x00
//!  4  32  salt, random
//! 36  32  commitment to the key
//! 68   n  ciphertext, as long as the plaintext
//!  ..  16  tag of AES-256-GCM
//! ```
//!
//! The first four bytes are the header. With `key` the 32 bytes that the record is sealed under
//! and `context` the bytes of its [`Context`](crate::Context):
//!
//! ```text
//! th                  = SHA-256(header || u32 length of context || context)
//! prk                 = HKDF-Extract(salt, key)
//! record key || nonce = HKDF-Expand(prk, "waxseal1:key" || suite || th, 32 + 12)
//! commitment          = HKDF-Expand(prk, "waxseal1:commit" || suite || th, 32)
//! ciphertext || tag   = AES-256-GCM(record key, nonce, plaintext, aad = header || context)
//! ```
//!
//! `suite` in the labels is the one byte of the header. The salt is drawn anew for every record
//! and the nonce follows from it, so there is no nonce that a caller could use twice.
//!
//! The commitment is there because AES-GCM alone does not bind a key: whoever can choose keys
//! can build one ciphertext that opens under two of them.

use waxseal_domain::limits::VALUE_BYTES;

/// Bytes that a record is longer than its plaintext.
pub const OVERHEAD: usize = HEADER + SALT + COMMITMENT + TAG;

pub(crate) const HEADER: usize = 4;
pub(crate) const SALT: usize = 32;
pub(crate) const COMMITMENT: usize = 32;
pub(crate) const TAG: usize = 16;

const FORMAT: u8 = 1;
pub(crate) const SUITE: u8 = 1;
/// Bit 0 is kept for padded plaintexts, which this format does not have.
const FLAGS: u8 = 0;

/// What a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The value of a secret.
    Value = 1,
    /// A resolved view, for a shared cache.
    View = 2,
    /// A data key, wrapped by a provider that has no key service to ask.
    WrappedKey = 3,
    /// A page token, for the caller to hand back.
    PageToken = 4,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Value, Self::View, Self::WrappedKey, Self::PageToken];

    /// The byte in a record's header.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The longest plaintext, in bytes. Longer ones are not sealed, and records that would hold
    /// one are refused before anything is computed.
    #[must_use]
    pub const fn longest(self) -> usize {
        match self {
            Self::Value => VALUE_BYTES,
            Self::View => 4 * 1024 * 1024,
            Self::WrappedKey => 32,
            Self::PageToken => 4 * 1024,
        }
    }

    pub(crate) const fn header(self) -> [u8; HEADER] {
        [FORMAT, SUITE, self.number(), FLAGS]
    }
}

/// The parts of a record that has this purpose and a possible length.
pub(crate) struct Parts<'a> {
    pub(crate) salt: &'a [u8; SALT],
    pub(crate) commitment: &'a [u8; COMMITMENT],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG],
}

/// Takes a record apart, or finds that it cannot be one.
pub(crate) fn parts(purpose: Purpose, record: &[u8]) -> Option<Parts<'_>> {
    let length = record.len().checked_sub(OVERHEAD)?;
    if length > purpose.longest() {
        return None;
    }
    let rest = record.strip_prefix(&purpose.header())?;
    let (salt, rest) = rest.split_first_chunk()?;
    let (commitment, rest) = rest.split_first_chunk()?;
    let (ciphertext, tag) = rest.split_last_chunk()?;
    Some(Parts { salt, commitment, ciphertext, tag })
}

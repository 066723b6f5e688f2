//! A data key, encrypted.

use std::fmt;

/// How a data key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// By the provider's key itself. Numbers above are kept for keys in between.
    Direct = 1,
}

impl KeyKind {
    /// How it stands in rows.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Reads what [`Self::number`] gave.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Direct),
            _ => None,
        }
    }
}

/// A data key as it is stored: ciphertext, of use only to its provider and for its context.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WrappedKey {
    /// How it is wrapped.
    pub kind: KeyKind,
    /// The id of the key that wraps it.
    pub key_id: String,
    /// What the provider made: at most [`WrappedKey::LONGEST`] bytes.
    pub bytes: Vec<u8>,
}

impl WrappedKey {
    /// The longest wrapped key that is handed to a provider, in bytes (the limit of AWS KMS).
    pub const LONGEST: usize = 6_144;
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key_id, bytes } = self;
        write!(f, "WrappedKey({kind:?}, {key_id}, {} bytes)", bytes.len())
    }
}

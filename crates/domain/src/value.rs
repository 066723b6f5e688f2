//! A secret's value, in memory, for as short as can be.

use crate::limits::VALUE_BYTES;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// Whether a payload is text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PayloadKind {
    /// UTF-8 without NUL.
    Text,
    /// Any bytes.
    Bytes,
}

impl PayloadKind {
    /// How it stands in rows and contexts.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Bytes => 2,
        }
    }

    /// Reads what [`Self::number`] gave.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Text),
            2 => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// Why a value is refused. Never carries the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// Absent is not empty: clearing is a method of its own.
    #[error("must not be empty; to remove a value call ClearSecretValue")]
    Empty,
    /// Longer than [`VALUE_BYTES`].
    #[error("must be at most 65536 bytes")]
    TooLong,
    /// A NUL in a text.
    #[error("must hold no NUL character; send such a value as data")]
    Nul,
    /// Bytes said to be text are not UTF-8.
    #[error("must be UTF-8; send such a value as data")]
    NotUtf8,
}

/// What a caller should know about a value that was stored as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// White space at the start or the end, often pasted by mistake.
    SurroundingWhitespace,
    /// Under four bytes: too short to be found and redacted in a text.
    TooShortToRedact,
}

/// The value of a secret: 1 to 65,536 bytes, stored exactly. Wiped when dropped; neither printed
/// nor cloned nor serialised.
pub struct SecretValue {
    kind: PayloadKind,
    bytes: Zeroizing<Vec<u8>>,
}

impl SecretValue {
    /// Takes a payload as it stands, or refuses it. The input is wiped either way.
    ///
    /// # Errors
    /// The rule that the payload breaks.
    pub fn new(kind: PayloadKind, bytes: Zeroizing<Vec<u8>>) -> Result<Self, InvalidValue> {
        if bytes.is_empty() {
            return Err(InvalidValue::Empty);
        }
        if bytes.len() > VALUE_BYTES {
            return Err(InvalidValue::TooLong);
        }
        if kind == PayloadKind::Text {
            let text = std::str::from_utf8(&bytes).map_err(|_| InvalidValue::NotUtf8)?;
            if text.contains('\0') {
                return Err(InvalidValue::Nul);
            }
        }
        Ok(Self { kind, bytes })
    }

    /// Text or bytes.
    #[must_use]
    pub const fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// The one way to the plaintext; every call is a crossing that a reader can search for.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The plaintext itself, still wiped when dropped.
    #[must_use]
    pub fn into_exposed(self) -> Zeroizing<Vec<u8>> {
        self.bytes
    }

    /// What the caller should know about the value.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.kind == PayloadKind::Text
            && let Ok(text) = std::str::from_utf8(&self.bytes)
            && text.trim().len() != text.len()
        {
            warnings.push(Warning::SurroundingWhitespace);
        }
        if self.bytes.len() < 4 {
            warnings.push(Warning::TooShortToRedact);
        }
        warnings
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Result<SecretValue, InvalidValue> {
        SecretValue::new(PayloadKind::Text, Zeroizing::new(bytes.to_vec()))
    }

    #[test]
    fn a_value_holds_1_to_65536_bytes() {
        assert_eq!(text(b"").err(), Some(InvalidValue::Empty));
        assert!(text(b"x").is_ok());
        assert!(text(&vec![b'x'; 65_536]).is_ok());
        assert_eq!(text(&vec![b'x'; 65_537]).err(), Some(InvalidValue::TooLong));
    }

    #[test]
    fn a_text_holds_no_nul_and_bytes_may() {
        assert_eq!(text(b"a\0b").err(), Some(InvalidValue::Nul));
        assert!(SecretValue::new(PayloadKind::Bytes, Zeroizing::new(b"a\0b".to_vec())).is_ok());
    }

    #[test]
    fn a_value_is_kept_exactly_and_warned_of() {
        let value = text(b" a\r\n").unwrap();
        assert_eq!(value.expose(), b" a\r\n");
        assert_eq!(value.warnings(), [Warning::SurroundingWhitespace]);
        assert_eq!(text(b"abc").unwrap().warnings(), [Warning::TooShortToRedact]);
        assert!(text(b"abcd").unwrap().warnings().is_empty());
    }

    #[test]
    fn a_value_does_not_print() {
        assert_eq!(format!("{:?}", text(b"CANARY").unwrap()), "SecretValue(redacted)");
    }
}

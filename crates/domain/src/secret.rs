//! Secrets: a name, a visibility and up to `1 + 2 x environments` slots.

use crate::name::SecretName;
use crate::time::Timestamp;
use crate::uid::SecretUid;
use serde::{Deserialize, Serialize};

/// Who may ever read a value again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// Hidden; a builder with the reveal grant may look at one value at a time.
    Masked,
    /// Never readable again, by anyone; still usable.
    Restricted,
}

impl Visibility {
    /// How it stands in rows and contexts.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Masked => 1,
            Self::Restricted => 2,
        }
    }

    /// Reads what [`Self::number`] gave.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Masked),
            2 => Some(Self::Restricted),
            _ => None,
        }
    }

    /// `masked` or `restricted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Masked => "masked",
            Self::Restricted => "restricted",
        }
    }

    /// The ratchet: masked may become restricted, restricted never becomes masked.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        !matches!((self, next), (Self::Restricted, Self::Masked))
    }
}

/// A secret without its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its identity.
    pub uid: SecretUid,
    /// Its name in the project.
    pub name: SecretName,
    /// Who may read its values.
    pub visibility: Visibility,
    /// For people; 0 to 1,024 bytes.
    pub description: String,
    /// Raised with every change of the metadata; the etag is made from it.
    pub edition: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its metadata last changed.
    pub updated: Timestamp,
    /// Set while the secret is deleted and can still be brought back.
    pub deletion: Option<Deletion>,
}

/// When a secret was deleted, and until when that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// When it was deleted.
    pub deleted: Timestamp,
    /// From here on it may be purged.
    pub purge: Timestamp,
}

//! Identities that never change and are never used again.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uid {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name such a thing.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads the sixteen bytes that [`Self::bytes`] gave.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes, as they stand in a row or a context.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )*};
}

uid! {
    /// One deployment: every replica and every key file that belongs together.
    Deployment;
    /// One life of a store. A restore from a backup begins another, so that nothing cached or
    /// handed out in the life before can be taken for something of this one.
    Incarnation;
    /// A project (UUIDv7).
    ProjectUid;
    /// An environment (UUIDv7). An environment created anew under an old id has another.
    EnvironmentUid;
    /// A secret (UUIDv7). A secret created anew under an old name has another.
    SecretUid;
    /// A principal (UUIDv7). A principal created anew under an old id has another.
    PrincipalUid;
    /// A role given to a principal (UUIDv7).
    BindingUid;
    /// One value version (16 random bytes). What a sealed record is bound to.
    ValueUid;
}

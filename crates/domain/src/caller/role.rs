//! Roles.

use serde::{Deserialize, Serialize};

/// A role; `may` below is the table of what each can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Manages projects, environments and secrets; never reveals, never resolves.
    Admin,
    /// Manages secrets; reveals masked values with the reveal grant only.
    Builder,
    /// Resolves, and nothing else.
    Runtime,
    /// Reads metadata.
    Viewer,
    /// Reads the audit trail.
    Auditor,
    /// Looks after data keys.
    Keyholder,
}

impl Role {
    /// Every role, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Admin, Self::Builder, Self::Runtime, Self::Viewer, Self::Auditor, Self::Keyholder];

    /// The role's name, as the command line takes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Builder => "builder",
            Self::Runtime => "runtime",
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Keyholder => "keyholder",
        }
    }

    /// Three letters, as they stand in an API token.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Admin => "adm",
            Self::Builder => "bld",
            Self::Runtime => "run",
            Self::Viewer => "vwr",
            Self::Auditor => "aud",
            Self::Keyholder => "key",
        }
    }
}

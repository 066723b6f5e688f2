//! Environments, their stages and their settings.

use crate::name::EnvironmentId;
use crate::time::Timestamp;
use crate::uid::EnvironmentUid;
use serde::{Deserialize, Serialize};

/// Each environment's working copy and its published copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// The working copy.
    Draft,
    /// The published copy.
    Live,
}

impl Stage {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Draft, Self::Live];

    /// How it stands in rows and contexts: 1 for the draft, 2 for the live one.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Draft => 1,
            Self::Live => 2,
        }
    }

    /// Reads what [`Self::number`] gave.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Draft),
            2 => Some(Self::Live),
            _ => None,
        }
    }

    /// `draft` or `live`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Live => "live",
        }
    }
}

/// Whether a secret without an override resolves to its default here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fallback {
    /// It does.
    Allow,
    /// It does not: without its own override it is unset.
    Deny,
}

/// What an environment's owner may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// For people; 0 to 128 bytes.
    pub display_name: String,
    /// Whether defaults are used.
    pub fallback: Fallback,
    /// Whether only an admin may change what the live stage resolves.
    pub protected: bool,
}

/// One independent copy of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its identity.
    pub uid: EnvironmentUid,
    /// Its id in the project.
    pub id: EnvironmentId,
    /// What its owner may set.
    pub settings: Settings,
    /// Raised with every change of the settings; the etag is made from it.
    pub edition: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its settings last changed.
    pub updated: Timestamp,
}

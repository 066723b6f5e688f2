//! Where one value of a secret is stored.

use crate::environment::Stage;
use crate::name::EnvironmentId;
use crate::uid::EnvironmentUid;
use serde::{Deserialize, Serialize};

/// A slot as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The value used where nothing overrides it.
    Default,
    /// The value for one environment and stage.
    Override(EnvironmentId, Stage),
}

impl Slot {
    /// The environment of an override.
    #[must_use]
    pub const fn environment(&self) -> Option<&EnvironmentId> {
        match self {
            Self::Default => None,
            Self::Override(environment, _) => Some(environment),
        }
    }
}

/// A slot as rows and contexts know it: by the environment's identity, so that an environment
/// made anew under an old id inherits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The value used where nothing overrides it.
    Default,
    /// The value for one environment and stage.
    Override(EnvironmentUid, Stage),
}

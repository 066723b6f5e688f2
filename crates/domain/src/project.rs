//! Projects.

use crate::name::ProjectId;
use crate::secret::Deletion;
use crate::time::Timestamp;
use crate::uid::ProjectUid;
use serde::{Deserialize, Serialize};

/// The owner of secrets and environments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its identity.
    pub uid: ProjectUid,
    /// Its id in the deployment.
    pub id: ProjectId,
    /// For people; 0 to 128 bytes.
    pub display_name: String,
    /// Raised with every change of the project's own fields; the etag is made from it.
    pub edition: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its own fields last changed.
    pub updated: Timestamp,
    /// Set while the project is deleted and can still be brought back.
    pub deletion: Option<Deletion>,
}

//! Principals: who holds rights, how they are known, and what they were given.

use crate::caller::{Role, Scope};
use crate::identity::Identity;
use crate::name::PrincipalId;
use crate::time::Timestamp;
use crate::uid::{BindingUid, PrincipalUid};
use serde::{Deserialize, Serialize};

/// Somebody or something that holds rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Its identity. One made anew under an old id has another.
    pub uid: PrincipalUid,
    /// Its id in the deployment.
    pub id: PrincipalId,
    /// For people; 0 to 128 bytes.
    pub display_name: String,
    /// What it is known by, beside API tokens.
    pub identities: Vec<Identity>,
    /// Whether nobody is let in as it.
    pub disabled: bool,
    /// What it was given.
    pub bindings: Vec<Binding>,
    /// Raised with every change of the principal's own fields; the etag is made from it.
    pub edition: u64,
    /// When it was made.
    pub created: Timestamp,
    /// When its own fields last changed.
    pub updated: Timestamp,
}

/// A role given to a principal. It never changes; it is made and deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Its identity.
    pub uid: BindingUid,
    /// What the principal is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when; for ever where there is none.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
}

impl Binding {
    /// Whether it holds at this time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    /// Whether a token with this role, grant and scope takes its right from this binding.
    #[must_use]
    pub fn covers(&self, role: Role, reveal: bool, scope: &Scope) -> bool {
        self.role == role && (self.reveal || !reveal) && self.scope.contains(scope)
    }
}

/// An API token, without what opens anything. Its right is what it says and, at the same time, what
/// a live binding of its principal gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Its public id: 12 characters of base 62.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalUid,
    /// What its bearer is.
    pub role: Role,
    /// Whether a builder may reveal masked values.
    pub reveal: bool,
    /// Where.
    pub scope: Scope,
    /// Until when.
    pub expires: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

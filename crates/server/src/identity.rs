//! Who a caller is by the word of others: the authority of its certificate, or the issuer of its
//! token.

mod certificate;
mod fetch;
mod issuers;
mod jwt;
mod peer;
#[cfg(test)]
mod testing;
mod trusted;
mod workloads;

pub(crate) use certificate::spiffe;
pub use issuers::IssuersError;
pub(crate) use peer::{Origin, Peer, Process};
pub(crate) use workloads::Workloads;

use waxseal_domain::identity::Identity;
use waxseal_domain::time::Timestamp;

/// An identity, and until when somebody vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    pub(crate) identity: Identity,
    pub(crate) until: Timestamp,
}

impl Vouched {
    /// Whether it still holds.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

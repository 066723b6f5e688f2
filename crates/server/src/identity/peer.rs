//! Who is at the other end of a connection.

use super::Vouched;
use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a connection. Shared by its calls.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Whom its certificate names, if it has shown one that names somebody. Until when is for each
    /// call to check: connections outlive certificates.
    pub(crate) certified: Option<Arc<Vouched>>,
}

impl Peer {
    /// Where it is, over a network.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        match self.origin {
            Origin::Tcp(address) => Some(address),
            Origin::Unix(_) => None,
        }
    }

    /// Whether it is a process of the user that this one runs as, or of root's, on this machine.
    pub(crate) fn owns_this(&self) -> bool {
        matches!(self.origin, Origin::Unix(Some(Process { uid, .. }))
            if uid == 0 || uid == rustix::process::geteuid().as_raw())
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Over the network, from this address.
    Tcp(IpAddr),
    /// From a process of this machine, as the system says; `None` where it does not.
    Unix(Option<Process>),
}

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its user.
    pub(crate) uid: u32,
    /// Its id, when it connected.
    pub(crate) pid: Option<i32>,
}

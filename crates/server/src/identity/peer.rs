//! Who is at the other end of a connection.

use super::Vouched;
use std::net::IpAddr;

/// The other end of a connection. Shared by its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Whom its certificate names, if it has shown one that names somebody. Until when is for each
    /// call to check: connections outlive certificates.
    pub(crate) certified: Option<Vouched>,
}

impl Peer {
    /// Where it is, over a network.
    pub(crate) const fn address(&self) -> Option<IpAddr> {
        match self.origin {
            Origin::Tcp(address) => Some(address),
            Origin::Unix(_) => None,
        }
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Over the network, from this address.
    Tcp(IpAddr),
    /// From a process of this machine, as the system says; `None` where it does not.
    #[allow(dead_code, reason = "asked by what only the machine's own users may do")]
    Unix(Option<Process>),
}

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "asked by what only the machine's own users may do")]
pub(crate) struct Process {
    /// Its user.
    pub(crate) uid: u32,
    /// Its id, when it connected.
    pub(crate) pid: Option<i32>,
}

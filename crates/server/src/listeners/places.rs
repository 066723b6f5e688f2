//! How many connections there may be.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the log says the same about connections.
const SELDOM: Duration = Duration::from_secs(10);

/// The connections of a server: how many there are, and how many were refused.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Places>);

#[derive(Debug)]
struct Places {
    taken: Mutex<Taken>,
    most: usize,
    most_per_network: usize,
    refused: AtomicU64,
    warned: Seldom,
}

#[derive(Debug, Default)]
struct Taken {
    tcp: usize,
    /// Apart: a flood from the network does not shut the machine's own users out.
    unix: usize,
    networks: HashMap<Network, usize>,
}

/// One IPv4 address, or the half of an IPv6 address that one subscriber has.
type Network = IpAddr;

/// The place of one connection. Given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Connections,
    of: Option<Network>,
}

impl Connections {
    pub(super) fn new(most: usize, most_per_network: usize) -> Self {
        Self(Arc::new(Places {
            taken: Mutex::default(),
            most,
            most_per_network,
            refused: AtomicU64::new(0),
            warned: Seldom::default(),
        }))
    }

    /// Connections at the moment.
    #[must_use]
    pub fn open(&self) -> usize {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.tcp + taken.unix
    }

    /// Connections that were closed at once so far, because there were too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// A place for a connection from this address, or from this machine, if there is one left.
    pub(super) fn take(&self, from: Option<IpAddr>) -> Option<Place> {
        let of = from.map(network);
        if self.0.take(of) {
            return Some(Place { connections: self.clone(), of });
        }
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(times) = self.0.warned.due() {
            tracing::warn!(
                times,
                "there are too many connections (WAXSEAL_MAX_CONNECTIONS, \
                 WAXSEAL_MAX_CONNECTIONS_PER_IP): new ones were closed"
            );
        }
        None
    }
}

impl Places {
    fn take(&self, of: Option<Network>) -> bool {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match of {
            None if taken.unix < self.most => taken.unix += 1,
            Some(network) if taken.tcp < self.most => {
                let of_network = taken.networks.entry(network).or_default();
                if *of_network >= self.most_per_network {
                    return false;
                }
                *of_network += 1;
                taken.tcp += 1;
            }
            _ => return false,
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.connections.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(network) = self.of else {
            taken.unix -= 1;
            return;
        };
        taken.tcp -= 1;
        if let Some(of_network) = taken.networks.get_mut(&network) {
            *of_network -= 1;
            if *of_network == 0 {
                taken.networks.remove(&network);
            }
        }
    }
}

fn network(address: IpAddr) -> Network {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        v4 => v4,
    }
}

/// Something that would otherwise fill the log.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// It has happened once more. If it is time to say so: how often since it was said last.
    pub(super) fn due(&self) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, times) = &mut *said;
        *times += 1;
        if last.is_some_and(|last| last.elapsed() < SELDOM) {
            return None;
        }
        *last = Some(Instant::now());
        Some(std::mem::take(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_share_and_all_have_theirs() {
        let connections = Connections::new(3, 2);
        let one = connections.take(ip("192.0.2.1")).unwrap();
        let _two = connections.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(connections.take(ip("192.0.2.1")).is_none(), "its share is taken");
        let _three = connections.take(ip("192.0.2.2")).unwrap();
        assert!(connections.take(ip("192.0.2.3")).is_none(), "all are taken");
        let _unix: Vec<_> = (0..3).map(|_| connections.take(None).unwrap()).collect();
        assert!(connections.take(None).is_none());
        assert_eq!((connections.open(), connections.refused()), (6, 3));
        drop(one);
        let _again = connections.take(ip("192.0.2.1")).unwrap();
        assert!(connections.take(ip("192.0.2.1")).is_none());
    }

    #[test]
    fn what_is_given_back_leaves_nothing_behind() {
        let connections = Connections::new(100, 100);
        let network = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        drop((0..100).map(|n| connections.take(network(n)).unwrap()).collect::<Vec<_>>());
        assert_eq!(connections.open(), 0);
        assert!(connections.0.taken.lock().unwrap().networks.is_empty());
    }

    #[test]
    fn one_subscriber_of_ipv6_is_one_address() {
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()), ip("2001:db8:1:2::").unwrap());
        assert_ne!(network("2001:db8:1:3::4".parse().unwrap()), ip("2001:db8:1:2::").unwrap());
    }

    #[test]
    fn the_same_is_said_seldom_and_with_its_number() {
        let seldom = Seldom::default();
        assert_eq!([seldom.due(), seldom.due(), seldom.due()], [Some(1), None, None]);
        let long_ago = Instant::now().checked_sub(SELDOM);
        seldom.0.lock().unwrap().0 = long_ago;
        assert_eq!(seldom.due(), Some(3));
    }
}

//! How much is let in: of everybody together, of one principal, from one address.
//!
//! Of calls, a place each: above the greatest number they are refused before any work is done for
//! them, management before runtime, and one principal gets half of the places at most. Of calls a
//! second, and of streams, a number for each principal. What authenticates nobody is counted by
//! the address it comes from.

mod bucket;
mod table;

use crate::config::Limits;
use crate::status::Refusal;
use bucket::{Bucket, Rate};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use table::Table;

/// How much of one caller's, or of everybody's, is under way.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    /// What times are counted from.
    began: Instant,
    calls: Arc<AtomicUsize>,
    principals: Table<Principal>,
    rate: Option<Rate>,
    addresses: Table<Bucket>,
    failures: Option<Rate>,
}

/// What is known of a principal. Its key is the immutable id, so that no spelling of anything
/// begins anew.
#[derive(Debug, Default)]
struct Principal {
    bucket: Bucket,
    calls: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
}

/// Which calls are let in when nearly all places are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priority {
    /// What running applications depend on.
    Runtime,
    /// Everything else.
    Management,
}

/// One of so many, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    /// One more, unless there are `most` already.
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        if taken.fetch_add(1, Ordering::Relaxed) >= most {
            taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(taken.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a principal holds while its call is under way.
#[derive(Debug)]
pub(super) struct Admitted {
    _call: Place,
    /// For calls that stream: held until the stream ends.
    pub(super) stream: Option<Place>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            began: Instant::now(),
            calls: Arc::default(),
            principals: Table::default(),
            rate: Rate::per_second(limits.rate_limit),
            addresses: Table::default(),
            failures: Rate::per_second(limits.failure_limit),
        }
    }

    /// The longest that a call may take.
    pub(super) const fn max_deadline(&self) -> std::time::Duration {
        self.limits.max_deadline
    }

    /// A place for a call, before anything is known about its caller.
    pub(super) fn place(&self, priority: Priority) -> Result<Place, Refusal> {
        let most = match priority {
            Priority::Runtime => self.limits.max_calls,
            Priority::Management => self.limits.max_calls - self.limits.max_calls / 4,
        };
        Place::take(&self.calls, most).ok_or(Refusal::Overloaded)
    }

    /// Whether credentials from this address are looked at.
    pub(super) fn ensure_tries(&self, from: Option<IpAddr>) -> Result<(), Refusal> {
        let (Some(rate), Some(from)) = (&self.failures, from) else { return Ok(()) };
        let Some(bucket) = self.addresses.known(&network(from)) else { return Ok(()) };
        bucket.look(rate, self.now()).map_err(|retry| Refusal::AddressLimited { retry })
    }

    /// Credentials from this address were wrong.
    pub(super) fn failed(&self, from: Option<IpAddr>) {
        let (Some(rate), Some(from)) = (&self.failures, from) else { return };
        let bucket = self.addresses.of(&network(from), |bucket| bucket.is_full(self.now()));
        // One that comes when there is nothing left was let in beside the last that there was.
        let _ = bucket.take(rate, self.now());
    }

    /// Lets a principal's call in, or its stream.
    pub(super) fn admit(&self, principal: &str, streams: bool) -> Result<Admitted, Refusal> {
        let known = self.principals.of(principal.as_bytes(), |known| known.is_idle(self.now()));
        // At least one, of the one that there may be.
        let most = self.limits.max_calls.div_ceil(2);
        let call = Place::take(&known.calls, most).ok_or(Refusal::CallLimit { most })?;
        if let Some(rate) = &self.rate {
            let taken = known.bucket.take(rate, self.now());
            taken.map_err(|retry| Refusal::RateLimited { retry })?;
        }
        let stream = if streams {
            let most = self.limits.max_streams;
            Some(Place::take(&known.streams, most).ok_or(Refusal::StreamLimit { most })?)
        } else {
            None
        };
        Ok(Admitted { _call: call, stream })
    }

    /// Nanoseconds since this was made.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Principal {
    /// Whether it may be forgotten.
    fn is_idle(&self, now: u64) -> bool {
        let none = |places: &AtomicUsize| places.load(Ordering::Relaxed) == 0;
        none(&self.calls) && none(&self.streams) && self.bucket.is_full(now)
    }
}

/// What one customer of a network has: an address of IPv4, and of IPv6 the 64 bits that do not
/// change at will.
fn network(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).octets()
        }
    }
}

#[cfg(test)]
mod tests;

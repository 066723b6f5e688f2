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

use std::sync::{Arc, Mutex, PoisonError};
use waxseal_domain::caller::Caller;
use waxseal_domain::identity::Identity;
use waxseal_domain::time::Timestamp;

/// An identity, and until when somebody vouches for it. Kept beside what was shown for it: with the
/// connection of a certificate, with the outcome of a token.
#[derive(Debug)]
pub(crate) struct Vouched {
    pub(crate) identity: Identity,
    pub(crate) until: Timestamp,
    bounded: Mutex<Option<Bounded>>,
}

/// A caller as the engine knows it, and the same one until no longer than somebody vouches for it.
#[derive(Debug)]
struct Bounded {
    known: Arc<Caller>,
    caller: Arc<Caller>,
}

impl Vouched {
    pub(crate) fn new(identity: Identity, until: Timestamp) -> Self {
        Self { identity, until, bounded: Mutex::default() }
    }

    /// The caller whom the identity stands for, bounded: what outlives a call, such as a stream,
    /// ends with what was shown. Made once for as long as the engine knows the same one.
    pub(crate) fn bound(&self, known: Arc<Caller>) -> Arc<Caller> {
        if known.expires <= self.until {
            return known;
        }
        let mut bounded = self.bounded.lock().unwrap_or_else(PoisonError::into_inner);
        // The one that is kept is alive, so that no other can be in its place.
        if let Some(bounded) = &*bounded
            && Arc::ptr_eq(&bounded.known, &known)
        {
            return bounded.caller.clone();
        }
        let caller = Arc::new(Caller { expires: self.until, ..(*known).clone() });
        *bounded = Some(Bounded { known, caller: caller.clone() });
        caller
    }

    /// Whether it still holds.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_domain::caller::Credential;
    use waxseal_domain::identity::SpiffeId;

    #[test]
    fn a_caller_is_bounded_once_for_each_that_the_engine_knows() {
        let identity = Identity::Spiffe(SpiffeId::parse("spiffe://example.org/a").unwrap());
        let known = |expires, epoch| {
            let expires = Timestamp::from_micros(expires);
            let credential = Credential::Identity(identity.clone());
            Arc::new(Caller { credential, expires, epoch, ..Caller::system("test") })
        };
        let end = Timestamp::from_micros(5);
        let vouched = Vouched::new(identity.clone(), end);
        let first = known(i64::MAX, 1);
        let bounded = vouched.bound(first.clone());
        assert_eq!(*bounded, Caller { expires: end, ..(*first).clone() });
        assert!(Arc::ptr_eq(&bounded, &vouched.bound(first)), "a warm call makes none");
        // Rights that were read anew count at once.
        let second = vouched.bound(known(i64::MAX, 2));
        assert_eq!((second.epoch, second.expires), (2, end));
        // Who ends sooner stays as they are.
        let sooner = known(3, 2);
        assert!(Arc::ptr_eq(&sooner, &vouched.bound(sooner.clone())));
    }
}

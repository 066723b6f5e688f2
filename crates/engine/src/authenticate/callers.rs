//! Callers that were read lately, each with the authorisation epoch that it was read at.

use foldhash::HashMap;
use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use waxseal_domain::caller::{Caller, Credential};
use waxseal_domain::identity::Identity;
use waxseal_domain::time::Timestamp;

/// Callers kept at most; beyond that they are read again.
const CALLERS: usize = 10_000;

/// Callers that were read lately.
#[derive(Default)]
pub(crate) struct KnownCallers {
    /// By the hash of the whole token: who has shown it.
    shown: Kept<[u8; 32], Arc<Shown>>,
    /// By what they came with: who that makes them, where nobody has shown it. Apart, so that
    /// nothing that a caller shows can be found here. Tokens by their public ids.
    of_tokens: Kept<String, Arc<Caller>>,
    of_identities: Kept<Identity, Arc<Caller>>,
}

/// A caller that has shown a token.
pub(super) struct Shown {
    pub(super) caller: Arc<Caller>,
    /// When it was last noted that the token was used; microseconds since the Unix epoch.
    noted: AtomicI64,
}

impl Shown {
    pub(super) fn new(caller: Arc<Caller>, noted: Option<Timestamp>) -> Self {
        Self { caller, noted: AtomicI64::new(noted.map_or(i64::MIN, Timestamp::micros)) }
    }

    /// Whether its use is to be noted; true once, for one of those who ask.
    pub(super) fn is_due(&self, now: Timestamp, every: Duration) -> bool {
        let noted = self.noted.load(Ordering::Relaxed);
        noted < now.before(every).micros()
            && self
                .noted
                .compare_exchange(noted, now.micros(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl KnownCallers {
    pub(super) fn shown(&self, token: &[u8; 32]) -> Option<Arc<Shown>> {
        self.shown.get(token)
    }

    pub(super) fn keep_shown(&self, token: [u8; 32], shown: Arc<Shown>) {
        self.shown.keep(token, shown);
    }

    pub(super) fn standing(&self, credential: &Credential) -> Option<Arc<Caller>> {
        match credential {
            Credential::Token(id) => self.of_tokens.get(id),
            Credential::Identity(identity) => self.known_by(identity),
            Credential::Local => None,
        }
    }

    pub(super) fn known_by(&self, identity: &Identity) -> Option<Arc<Caller>> {
        self.of_identities.get(identity)
    }

    pub(super) fn keep_standing(&self, credential: Credential, caller: Arc<Caller>) {
        match credential {
            Credential::Token(id) => self.of_tokens.keep(id, caller),
            Credential::Identity(identity) => self.of_identities.keep(identity, caller),
            Credential::Local => {}
        }
    }
}

struct Kept<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn keep(&self, key: K, value: V) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CALLERS {
            kept.clear();
        }
        kept.insert(key, value);
    }
}

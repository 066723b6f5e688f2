//! The keys that are remembered, and those that are being unwrapped.

use super::RememberedSettings;
use crate::{Error, KeyContext, WrappedKey};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use quick_cache::unsync::Cache;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use waxseal_envelope::{Key, sha256};

/// Everything that decides what a wrapped key opens to, as a hash: keeping it whole would take more
/// room than the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id([u8; 32]);

impl Id {
    pub(super) fn of(wrapped: &WrappedKey, context: &KeyContext) -> Self {
        let WrappedKey { kind, key_id, bytes } = wrapped;
        let mut all = vec![kind.number()];
        let entries = context.entries().iter().flat_map(|(name, content)| [name, content]);
        let texts = std::iter::once(key_id).chain(entries).map(String::as_bytes);
        // Lengths first, so that other parts never join to the same bytes.
        for part in std::iter::once(bytes.as_slice()).chain(texts) {
            all.extend_from_slice(&(part.len() as u64).to_be_bytes());
            all.extend_from_slice(part);
        }
        Self(sha256(&all))
    }
}

pub(super) enum Found {
    /// To be used.
    Fresh(Arc<Key>),
    /// To be used if it cannot be had anew.
    Old(Arc<Key>),
    Nothing,
}

/// An unwrapping that is under way, for all who wait for it.
type Flight = Shared<BoxFuture<'static, Result<Arc<Key>, Error>>>;

pub(super) struct Memory {
    settings: RememberedSettings,
    state: Mutex<State>,
}

struct State {
    keys: Cache<Id, Entry>,
    flights: HashMap<Id, Flight>,
    /// Rises when everything is forgotten.
    epoch: u64,
}

struct Entry {
    key: Arc<Key>,
    since: Instant,
}

impl Memory {
    pub(super) fn new(settings: RememberedSettings) -> Self {
        let limit = settings.limit.min(RememberedSettings::LONGEST);
        let fresh = settings.fresh.min(limit);
        let entries = settings.entries.max(1);
        let settings = RememberedSettings { entries, fresh, limit };
        let keys = Cache::new(entries);
        Self { settings, state: Mutex::new(State { keys, flights: HashMap::new(), epoch: 0 }) }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.state().epoch
    }

    pub(super) fn find(&self, id: &Id) -> Found {
        let state = self.state();
        let Some(entry) = state.keys.get(id) else { return Found::Nothing };
        match entry.since.elapsed() {
            age if age < self.settings.fresh => Found::Fresh(Arc::clone(&entry.key)),
            age if age < self.settings.limit => Found::Old(Arc::clone(&entry.key)),
            _ => Found::Nothing,
        }
    }

    /// Keeps a key, unless everything was forgotten since that epoch.
    pub(super) fn keep(&self, epoch: u64, id: Id, key: Arc<Key>) {
        let mut state = self.state();
        if state.epoch == epoch {
            state.keys.insert(id, Entry { key, since: Instant::now() });
        }
    }

    pub(super) fn forget(&self, id: &Id) {
        self.state().keys.remove(id);
    }

    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.epoch += 1;
        state.keys.clear();
        // Who asks from now on does not join what began before.
        state.flights.clear();
    }

    pub(super) fn sweep(&self) {
        let limit = self.settings.limit;
        self.state().keys.retain(|_, entry| entry.since.elapsed() < limit);
    }

    /// A key outlives its limit by at most this.
    pub(super) fn sweep_interval(&self) -> Duration {
        (self.settings.limit / 16).clamp(Duration::from_millis(10), Duration::from_secs(60))
    }

    pub(super) fn len(&self) -> usize {
        self.state().keys.len()
    }

    /// Unwraps and keeps a key, or waits for the one who does so already.
    ///
    /// It is a task of its own: a caller who gives up takes nothing away from those who wait.
    pub(super) async fn once<F>(
        self: &Arc<Self>,
        id: Id,
        key_id: &str,
        unwrap: impl FnOnce() -> F,
    ) -> Result<Arc<Key>, Error>
    where
        F: Future<Output = Result<Key, Error>> + Send + 'static,
    {
        let (flight, start) = self.join(id, key_id);
        if let Some((done, landing)) = start {
            let unwrap = unwrap();
            tokio::spawn(async move {
                let result = unwrap.await.map(Arc::new);
                if let Ok(key) = &result {
                    landing.memory.keep(landing.epoch, id, Arc::clone(key));
                }
                // Kept before it has ended, so that nobody in between asks again.
                drop(landing);
                let _ = done.send(result);
            });
        }
        flight.await
    }

    /// The flight of this key; where there was none, what it takes to make it one.
    fn join(self: &Arc<Self>, id: Id, key_id: &str) -> (Flight, Option<(Done, Landing)>) {
        let mut state = self.state();
        if let Some(flight) = state.flights.get(&id) {
            return (flight.clone(), None);
        }
        let (done, result) = oneshot::channel();
        let lost = Error::Unavailable { key_id: key_id.to_owned() };
        // It is lost if the provider panics or the runtime ends.
        let flight = async { result.await.unwrap_or(Err(lost)) }.boxed().shared();
        state.flights.insert(id, flight.clone());
        let landing = Landing { memory: Arc::clone(self), id, epoch: state.epoch };
        (flight, Some((done, landing)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Done = oneshot::Sender<Result<Arc<Key>, Error>>;

/// Ends a flight, however it ends.
struct Landing {
    memory: Arc<Memory>,
    id: Id,
    epoch: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut state = self.memory.state();
        if state.epoch == self.epoch {
            state.flights.remove(&self.id);
        }
    }
}

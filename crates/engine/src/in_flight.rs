//! Which request ids are being worked on.

use crate::Error;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

type Key = (String, Uuid);

#[derive(Default, Clone)]
pub(crate) struct InFlight {
    keys: Arc<Mutex<HashSet<Key>>>,
}

/// Held while a request is worked on.
pub(crate) struct Flight {
    keys: Arc<Mutex<HashSet<Key>>>,
    key: Key,
}

impl InFlight {
    /// Enters a request, unless the same one is inside already.
    pub(crate) fn enter(&self, principal: &str, id: Uuid) -> Result<Flight, Error> {
        let key = (principal.to_owned(), id);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.insert(key.clone()) {
            Ok(Flight { keys: self.keys.clone(), key })
        } else {
            Err(Error::RequestInProgress)
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

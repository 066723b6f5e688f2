//! Who is known, in parts that are locked for themselves.

use foldhash::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PARTS: usize = 16;
/// A part of this many looks for what can be forgotten.
const MANY: usize = 1_024;

/// Things by key. Those that are idle are forgotten when there are many.
#[derive(Debug)]
pub(super) struct Table<T>([Mutex<Part<T>>; PARTS]);

#[derive(Debug)]
struct Part<T> {
    known: HashMap<Box<[u8]>, Arc<T>>,
    /// How many there are when it is looked again.
    many: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self([(); PARTS].map(|()| Mutex::new(Part { known: HashMap::default(), many: MANY })))
    }
}

impl<T> Table<T> {
    /// What is known under a key.
    pub(super) fn known(&self, key: &[u8]) -> Option<Arc<T>> {
        lock(self.part(key)).known.get(key).cloned()
    }

    fn part(&self, key: &[u8]) -> &Mutex<Part<T>> {
        // What keys end with, or an address of IPv6 its network, differs enough.
        let mix = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
        &self.0[key.iter().rev().take(16).fold(0, mix) % PARTS]
    }
}

impl<T: Default> Table<T> {
    /// What is known under a key, made if there is nothing.
    pub(super) fn of(&self, key: &[u8], is_idle: impl Fn(&T) -> bool) -> Arc<T> {
        let mut part = lock(self.part(key));
        if let Some(known) = part.known.get(key) {
            return known.clone();
        }
        if part.known.len() >= part.many {
            // Whoever holds one outside of this lock is about to use it.
            part.known.retain(|_, known| Arc::strong_count(known) > 1 || !is_idle(known));
            part.many = MANY.max(2 * part.known.len());
        }
        let new = Arc::new(T::default());
        part.known.insert(key.into(), new.clone());
        new
    }
}

/// What is in a part is whole between any two statements, so a panic leaves nothing half done.
fn lock<T>(part: &Mutex<Part<T>>) -> MutexGuard<'_, Part<T>> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn what_is_idle_is_forgotten_when_there_are_many() {
        let table = Table::<AtomicBool>::default();
        let is_idle = |busy: &AtomicBool| !busy.load(Ordering::Relaxed);
        let busy = table.of(b"busy", is_idle);
        busy.store(true, Ordering::Relaxed);
        drop(busy);
        let held = table.of(b"held", is_idle);
        for number in 0..10 * PARTS * MANY {
            table.of(&number.to_be_bytes(), is_idle);
        }
        let count: usize = table.0.iter().map(|part| lock(part).known.len()).sum();
        assert!(count <= PARTS * (MANY + 2), "{count}");
        assert!(table.known(b"busy").unwrap().load(Ordering::Relaxed));
        assert!(Arc::ptr_eq(&held, &table.of(b"held", is_idle)));
    }
}

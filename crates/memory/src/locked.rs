//! Pages for keys.

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroize as _;

/// Bytes of a key.
const KEY: usize = 32;
/// Mapped and locked at once, in bytes: a whole number of pages of any size in use.
const CHUNK: usize = 64 * 1024;

type Slot = NonNull<[u8; KEY]>;

/// A place for 32 bytes: not written to swap, not in a core file, zeros in a child. Wiped when
/// dropped, and then used again for others.
///
/// Where the system lets no more memory be locked (`RLIMIT_MEMLOCK`), further places are not kept
/// from swap, and the log says so once.
pub struct Locked(Slot);

// SAFETY: a place is one owner's alone until it is dropped, whichever thread the owner is on.
unsafe impl Send for Locked {}
// SAFETY: by shared reference it can only be read.
unsafe impl Sync for Locked {}

impl Locked {
    /// A place that holds zeros.
    ///
    /// # Aborts
    /// When there is no memory, as every allocation does.
    #[must_use]
    pub fn zero() -> Self {
        let mut pages = PAGES.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(slot) = pages.free.pop() {
                return Self(slot);
            }
            pages.grow();
        }
    }
}

impl Deref for Locked {
    type Target = [u8; KEY];

    fn deref(&self) -> &[u8; KEY] {
        // SAFETY: the slot is mapped for the rest of the process's life, was zeros at first, and
        // nobody writes to it while this is borrowed.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut [u8; KEY] {
        // SAFETY: as above, and it is this owner's alone.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.zeroize();
        PAGES.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.0);
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locked(redacted)")
    }
}

static PAGES: Mutex<Pages> = Mutex::new(Pages { free: Vec::new(), lock: true });

/// All places of the process. What was mapped stays mapped: as many keys are likely to come again.
struct Pages {
    /// Places that nobody owns. They hold zeros.
    free: Vec<Slot>,
    /// Whether the system still locks what it is asked to.
    lock: bool,
}

// SAFETY: a free place is nobody's, and whichever thread takes it becomes its owner.
unsafe impl Send for Pages {}

impl Pages {
    fn grow(&mut self) {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the system chooses where, so that nothing that is in use is mapped over.
        let mapped =
            unsafe { mmap_anonymous(ptr::null_mut(), CHUNK, protection, MapFlags::PRIVATE) };
        let Some(chunk) = mapped.ok().and_then(NonNull::new) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; CHUNK]>());
        };
        #[cfg(target_os = "linux")]
        for advice in [Advice::LinuxDontDump, Advice::LinuxWipeOnFork] {
            // SAFETY: neither changes what this process reads there, and the chunk is its own.
            let advised = unsafe { madvise(chunk.as_ptr(), CHUNK, advice) };
            if let Err(error) = advised {
                tracing::warn!(kind = %error.kind(), "memory for keys may be in a core file");
            }
        }
        if self.lock {
            // SAFETY: the chunk is mapped.
            let locked = unsafe { mlock(chunk.as_ptr(), CHUNK) };
            if let Err(error) = locked {
                self.lock = false;
                tracing::warn!(
                    kind = %error.kind(),
                    "memory for keys cannot be locked and may be written to swap: raise the limit \
                     of locked memory (LimitMEMLOCK, ulimit -l)"
                );
            }
        }
        let chunk: NonNull<[u8; KEY]> = chunk.cast();
        // The first is taken first.
        for number in (0..CHUNK / KEY).rev() {
            // SAFETY: it is within the chunk.
            self.free.push(unsafe { chunk.add(number) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn places_are_apart_wiped_and_used_again() {
        let places: Vec<_> = (0..3 * CHUNK / KEY)
            .map(|number| {
                let mut place = Locked::zero();
                assert_eq!(*place, [0; KEY]);
                place.fill(u8::try_from(number % 251 + 1).unwrap());
                place
            })
            .collect();
        let apart: HashSet<_> = places.iter().map(|place| place.0).collect();
        assert_eq!(apart.len(), places.len());
        for (number, place) in places.iter().enumerate() {
            assert_eq!(**place, [u8::try_from(number % 251 + 1).unwrap(); KEY]);
        }
        drop(places);
        let again: Vec<_> = (0..3 * CHUNK / KEY).map(|_| Locked::zero()).collect();
        for place in &again {
            assert_eq!(**place, [0; KEY], "what comes back is wiped");
        }
        assert!(again.iter().any(|place| apart.contains(&place.0)), "and used again");
    }

    /// What the kernel says about the pages of a place.
    #[test]
    #[cfg(target_os = "linux")]
    fn places_are_locked_and_in_no_core_file() {
        let place = Locked::zero();
        let address = place.0.as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut within = false;
        let flags = maps.lines().find_map(|line| {
            if let Some((from, to)) = line.split(' ').next().and_then(|range| range.split_once('-'))
                && let (Ok(from), Ok(to)) =
                    (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
            {
                within = (from..to).contains(&address);
            }
            line.strip_prefix("VmFlags:").filter(|_| within)
        });
        let flags: Vec<_> = flags.unwrap().split_whitespace().collect();
        // Locked, not dumped, wiped on fork.
        for flag in ["lo", "dd", "wf"] {
            assert!(flags.contains(&flag), "{flag} in {flags:?}");
        }
    }
}

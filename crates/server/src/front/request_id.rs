//! The id that a call gets from us.

use http::HeaderValue;
use std::cell::RefCell;
use std::time::SystemTime;
use uuid::{Builder, Uuid};

/// Random bytes of an id, and ids for which they are fetched at once: the system is asked for
/// randomness once in so many calls, and not for each.
const RANDOM: usize = 10;
const IDS: usize = 100;

struct Randomness {
    bytes: [u8; RANDOM * IDS],
    used: usize,
}

thread_local! {
    static RANDOMNESS: RefCell<Randomness> =
        const { RefCell::new(Randomness { bytes: [0; RANDOM * IDS], used: RANDOM * IDS }) };
}

/// A UUID of version 7: the time in milliseconds, and random bits. It finds a call in the log,
/// and guards nothing.
#[allow(clippy::disallowed_methods, reason = "says when a call came in, and nothing depends on it")]
pub(super) fn new() -> Uuid {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let random = RANDOMNESS.with_borrow_mut(Randomness::take);
    random.map_or_else(Uuid::now_v7, |random| {
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    })
}

impl Randomness {
    /// The next bytes; `None` if the system has none to give.
    fn take(&mut self) -> Option<[u8; RANDOM]> {
        if self.used == self.bytes.len() {
            getrandom::fill(&mut self.bytes).ok()?;
            self.used = 0;
        }
        let random = self.bytes[self.used..].first_chunk().copied();
        self.used += RANDOM;
        random
    }
}

/// The id as a header, marked so that HPACK does not remember it: it is never sent again, and
/// would push what is out of the connection's table.
pub(super) fn header(id: Uuid) -> Option<HeaderValue> {
    let mut buffer = Uuid::encode_buffer();
    let id = id.hyphenated().encode_lower(&mut buffer);
    let mut header = HeaderValue::from_bytes(id.as_bytes()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use uuid::{Variant, Version};

    #[test]
    fn ids_differ_and_are_of_their_kind_and_time() {
        let before = Uuid::now_v7().get_timestamp().unwrap().to_unix().0;
        let ids: HashSet<_> = (0..3 * IDS).map(|_| new()).collect();
        assert_eq!(ids.len(), 3 * IDS);
        for id in ids {
            assert_eq!(id.get_version(), Some(Version::SortRand));
            assert_eq!(id.get_variant(), Variant::RFC4122);
            let seconds = id.get_timestamp().unwrap().to_unix().0;
            assert!((before..=before + 60).contains(&seconds), "{id}");
            assert_eq!(header(id).unwrap(), id.to_string());
        }
    }
}

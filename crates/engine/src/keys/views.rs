//! Views sealed for the shared cache: a key of its own for each view and day, wrapped like any other
//! and sent along, so that another process needs one unwrap, and none once it holds the key.

use super::{Keys, stored};
use crate::Error;
use crate::step::{Step, step};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use waxseal_cache::{EncodedView, SCHEMA, ViewKey};
use waxseal_domain::time::Timestamp;
use waxseal_envelope::{Context, Key, Purpose, ViewPlace, open, seal};
use waxseal_kms::KeyContext;
use waxseal_storage::Wrapped;

/// Keys of views kept in memory at most. Beyond that they are asked for again.
const VIEW_KEYS: usize = 16_384;
const DAY: i64 = 24 * 3_600 * 1_000_000;
const FORMAT: u8 = 1;
const LOST: Error = Error::DataLoss { what: "a view in the shared cache" };

/// The keys of today and yesterday that this process knows, by what they are for.
#[derive(Default)]
pub(super) struct ViewKeys {
    keys: Mutex<HashMap<KeyContext, Kept>>,
}

#[derive(Clone)]
struct Kept {
    key: Arc<Key>,
    wrapped: Wrapped,
}

impl ViewKeys {
    pub(super) fn clear(&self) {
        self.keys().clear();
    }

    fn get(&self, context: &KeyContext) -> Option<Kept> {
        self.keys().get(context).cloned()
    }

    fn put(&self, context: KeyContext, kept: Kept) {
        let mut keys = self.keys();
        if keys.len() >= VIEW_KEYS {
            keys.clear();
        }
        keys.insert(context, kept);
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<KeyContext, Kept>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    /// Seals a view for the shared cache.
    pub(crate) async fn seal_view(
        &self,
        at: &ViewKey,
        view: &EncodedView,
        now: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let (place, day) = (place(at), day(now));
        let context = KeyContext::view(self.deployment, &place, day);
        let kept = match self.views.get(&context) {
            Some(kept) => kept,
            None => {
                let (key, wrapped) =
                    step(Step::GenerateKey, self.provider.generate(&context)).await?;
                let kept = Kept { key: Arc::new(key), wrapped: stored(wrapped) };
                self.views.put(context, kept.clone());
                kept
            }
        };
        let context = Context::view(self.deployment, &place);
        let record = seal(&kept.key, Purpose::View, &context, &view.to_bytes())?;
        Ok(write(day, &kept.wrapped, &record))
    }

    /// Opens a view that was sealed for exactly this key, today or yesterday.
    pub(crate) async fn open_view(
        &self,
        at: &ViewKey,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<EncodedView, Error> {
        let (of, wrapped, record) = parse(sealed).ok_or(LOST)?;
        let today = day(now);
        if !(today - 1..=today + 1).contains(&of) {
            return Err(LOST);
        }
        let place = place(at);
        let context = KeyContext::view(self.deployment, &place, of);
        let at_hand = self.views.get(&context).filter(|kept| kept.wrapped == wrapped);
        let key = match at_hand {
            Some(kept) => kept.key,
            None => {
                let unwrap = super::wrapped(&wrapped).ok_or(LOST)?;
                let key =
                    Arc::new(step(Step::UnwrapKey, self.provider.unwrap(&unwrap, &context)).await?);
                self.views.put(context, Kept { key: key.clone(), wrapped });
                key
            }
        };
        let context = Context::view(self.deployment, &place);
        let plain = open(&key, Purpose::View, &context, record).map_err(|_| LOST)?;
        EncodedView::from_bytes(plain).ok_or(LOST)
    }
}

fn place(at: &ViewKey) -> ViewPlace {
    let ViewKey { incarnation, project, environment, stage, revision } = *at;
    ViewPlace { incarnation, project, environment, stage, revision, schema: SCHEMA }
}

/// Days since the Unix epoch. Only says for how long a key is used; a clock that is wrong costs
/// fills.
fn day(now: Timestamp) -> u64 {
    u64::try_from(now.micros() / DAY).unwrap_or(0).max(1)
}

/// Format, how the key is wrapped, day, the wrapping key's id, the wrapped key, the record.
fn write(day: u64, wrapped: &Wrapped, record: &[u8]) -> Vec<u8> {
    let Wrapped { kind, key_id, bytes } = wrapped;
    let mut sealed = Vec::with_capacity(14 + key_id.len() + bytes.len() + record.len());
    sealed.extend_from_slice(&[FORMAT, *kind]);
    sealed.extend_from_slice(&day.to_be_bytes());
    for part in [key_id.as_bytes(), bytes] {
        // Neither comes near the end of the range: a key service's limits are far below it.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        sealed.extend_from_slice(&length.to_be_bytes());
        sealed.extend_from_slice(part);
    }
    sealed.extend_from_slice(record);
    sealed
}

fn parse(sealed: &[u8]) -> Option<(u64, Wrapped, &[u8])> {
    let ([format, kind], rest) = sealed.split_first_chunk()?;
    let (day, rest) = rest.split_first_chunk()?;
    let (key_id, rest) = part(rest)?;
    let (bytes, record) = part(rest)?;
    if *format != FORMAT {
        return None;
    }
    let key_id = std::str::from_utf8(key_id).ok()?.to_owned();
    Some((u64::from_be_bytes(*day), Wrapped { kind: *kind, key_id, bytes: bytes.to_vec() }, record))
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_shorter_is() {
        let wrapped = Wrapped { kind: 1, key_id: "key".to_owned(), bytes: vec![7; 200] };
        let sealed = write(20_000, &wrapped, &[9; 100]);
        assert_eq!(parse(&sealed), Some((20_000, wrapped, &[9; 100][..])));
        for length in 0..sealed.len() - 100 {
            assert_eq!(parse(&sealed[..length]), None, "{length}");
        }
        assert_eq!(parse(&[&[2], &sealed[1..]].concat()), None, "another format");
    }
}

//! An encoded view as bytes that another process can read back, once they were sealed.
//!
//! ```text
//! u32 schema   u32 secrets   u32 unset   u32 aliases   u32 length of the view's bytes
//! secret       u8 kind  u8 origin  u64 version  u32 x4 entry and value, from and to  name
//! unset        u8 reason  u32 x2 entry, from and to  name
//! alias        name  name
//! name         u8 length, the bytes
//! the view's bytes
//! ```
//!
//! Numbers are big-endian. One view has one form, and nothing follows it.

use crate::{EncodedView, Entry, UnsetEntry};
use bytes::Bytes;
use std::ops::Range;
use waxseal_domain::name::SecretName;
use waxseal_domain::value::PayloadKind;
use waxseal_domain::view::{Origin, UnsetReason};
use zeroize::Zeroizing;

/// The number of this form **and** of the encoding of the view's bytes within it, which the cache
/// does not know. It has to be raised when either changes: replicas of two versions share one
/// cache, and the newer would answer with what the older wrote.
pub const SCHEMA: u32 = 1;

const HEAD: usize = 5 * 4;
const SECRET: usize = 1 + 1 + 8 + 4 * 4;
const UNSET: usize = 1 + 2 * 4;
/// The shortest name, with its length.
const NAME: usize = 1 + 1;

impl EncodedView {
    /// The view as bytes, its index included; [`Self::from_bytes`] reads them. They hold the values
    /// in clear, and are for sealing.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Self { bytes: view, secrets, unset, aliases } = self;
        let name = |name: &SecretName| 1 + name.as_str().len();
        let capacity = HEAD
            + secrets.iter().map(|secret| SECRET + name(&secret.name)).sum::<usize>()
            + unset.iter().map(|unset| UNSET + name(&unset.name)).sum::<usize>()
            + aliases.iter().map(|(alias, of)| name(alias) + name(of)).sum::<usize>()
            + view.len();

        // Of the final size from the start: growing would leave values behind, unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        bytes.extend_from_slice(&SCHEMA.to_be_bytes());
        for length in [secrets.len(), unset.len(), aliases.len(), view.len()] {
            write_number(&mut bytes, length);
        }
        for Entry { name, kind, origin, version, entry, value } in secrets {
            bytes.extend_from_slice(&[kind.number(), origin_number(*origin)]);
            bytes.extend_from_slice(&version.to_be_bytes());
            write_range(&mut bytes, entry);
            write_range(&mut bytes, value);
            write_name(&mut bytes, name);
        }
        for UnsetEntry { name, reason, entry } in unset {
            bytes.push(reason_number(*reason));
            write_range(&mut bytes, entry);
            write_name(&mut bytes, name);
        }
        for (alias, of) in aliases {
            write_name(&mut bytes, alias);
            write_name(&mut bytes, of);
        }
        bytes.extend_from_slice(view);
        debug_assert_eq!(bytes.len(), capacity);
        bytes
    }

    /// Reads what [`Self::to_bytes`] of the same [`SCHEMA`] gave; anything else is `None`. The
    /// view's bytes stay where they are, and are wiped with the rest when the last reference to
    /// them is dropped.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        let mut rest = Reader(&bytes);
        if rest.u32()? != SCHEMA {
            return None;
        }
        let [secrets, unset, aliases, length] =
            [rest.number()?, rest.number()?, rest.number()?, rest.number()?];
        // Entries stand in the view one after another, those with a value first.
        let mut entries = Within { from: 0, to: length };
        let secrets = rest.list(secrets, SECRET + NAME, |rest| rest.secret(&mut entries))?;
        let unset = rest.list(unset, UNSET + NAME, |rest| rest.unset(&mut entries))?;
        let aliases = rest.list(aliases, 2 * NAME, |rest| Some((rest.name()?, rest.name()?)))?;
        let in_order = secrets.is_sorted_by(|a, b| a.name < b.name)
            && unset.is_sorted_by(|a, b| a.name < b.name)
            && aliases.is_sorted_by(|a, b| a.0 < b.0);
        if !in_order || rest.0.len() != length {
            return None;
        }
        let index = bytes.len() - length;
        let bytes = Bytes::from_owner(bytes).slice(index..);
        Some(Self { bytes, secrets, unset, aliases })
    }
}

/// What was not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn number(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    fn name(&mut self) -> Option<SecretName> {
        let length = self.u8()?;
        let name = str::from_utf8(self.take(length.into())?).ok()?;
        SecretName::parse(name).ok()
    }

    fn range(&mut self, within: &mut Within) -> Option<Range<usize>> {
        let range = self.number()?..self.number()?;
        let fits = within.from <= range.start && range.start <= range.end && range.end <= within.to;
        within.from = range.end;
        fits.then_some(range)
    }

    fn secret(&mut self, entries: &mut Within) -> Option<Entry> {
        let kind = PayloadKind::from_number(self.u8()?)?;
        let origin = origin(self.u8()?)?;
        let version = self.u64()?;
        let entry = self.range(entries)?;
        let value = self.range(&mut Within { from: entry.start, to: entry.end })?;
        Some(Entry { name: self.name()?, kind, origin, version, entry, value })
    }

    fn unset(&mut self, entries: &mut Within) -> Option<UnsetEntry> {
        let reason = reason(self.u8()?)?;
        let entry = self.range(entries)?;
        Some(UnsetEntry { name: self.name()?, reason, entry })
    }

    /// So many items, each of at least `shortest` bytes: a count that was made up reserves nothing.
    fn list<T>(
        &mut self,
        count: usize,
        shortest: usize,
        mut item: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        if count > self.0.len() / shortest {
            return None;
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(item(self)?);
        }
        Some(items)
    }
}

/// Where the next range may stand.
struct Within {
    from: usize,
    to: usize,
}

fn write_number(bytes: &mut Vec<u8>, number: usize) {
    // A view is far smaller; one that is not is written as a form that nobody reads.
    bytes.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
}

fn write_range(bytes: &mut Vec<u8>, range: &Range<usize>) {
    write_number(bytes, range.start);
    write_number(bytes, range.end);
}

fn write_name(bytes: &mut Vec<u8>, name: &SecretName) {
    let name = name.as_str().as_bytes();
    bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(name);
}

const fn origin_number(origin: Origin) -> u8 {
    match origin {
        Origin::Default => 1,
        Origin::Override => 2,
    }
}

const fn origin(number: u8) -> Option<Origin> {
    match number {
        1 => Some(Origin::Default),
        2 => Some(Origin::Override),
        _ => None,
    }
}

const fn reason_number(reason: UnsetReason) -> u8 {
    match reason {
        UnsetReason::NoValue => 1,
        UnsetReason::FallbackDenied => 2,
    }
}

const fn reason(number: u8) -> Option<UnsetReason> {
    match number {
        1 => Some(UnsetReason::NoValue),
        2 => Some(UnsetReason::FallbackDenied),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

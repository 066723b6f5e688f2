//! Views, encoded once when they are filled, and answered by copying.
//!
//! The field numbers stand here a second time, beside those of the generated code: a test decodes
//! what this writes with the generated messages.

use super::environment;
use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use std::ops::Range;
use waxseal_cache::EncodedView;
use waxseal_domain::value::PayloadKind;
use waxseal_domain::view::{Resolved, Unset, View};
use waxseal_engine::{Resolution, ViewEncoder};
use zeroize::Zeroizing;

/// Fields of `ResolveEnvironmentResponse`, and with the same numbers of `ResolveSecretsResponse`.
mod response {
    pub(super) const REVISION: u32 = 1;
    pub(super) const SECRETS: u32 = 2;
    pub(super) const UNSET: u32 = 3;
    pub(super) const NOT_MODIFIED: u32 = 4;
}

/// Fields of `ResolvedSecret`.
mod resolved {
    pub(super) const SECRET: u32 = 1;
    pub(super) const PAYLOAD: u32 = 2;
    pub(super) const ORIGIN: u32 = 3;
    pub(super) const VERSION: u32 = 4;
}

/// Fields of `SecretPayload`.
mod payload {
    pub(super) const TEXT: u32 = 1;
    pub(super) const DATA: u32 = 2;
    pub(super) const CRC32C: u32 = 3;
}

/// Fields of `UnsetSecret`.
mod unset {
    pub(super) const SECRET: u32 = 1;
    pub(super) const REASON: u32 = 2;
}

/// Writes views as the fields `secrets` and `unset` of a response.
pub(crate) struct Encoder;

impl ViewEncoder for Encoder {
    fn encode(&self, view: View) -> EncodedView {
        let View { secrets, unset } = view;
        let secrets: Vec<_> = secrets.into_iter().map(ResolvedEntry::new).collect();
        let unset: Vec<_> = unset.into_iter().map(UnsetEntry::new).collect();
        let capacity = secrets.iter().map(|e| delimited(e.length)).sum::<usize>()
            + unset.iter().map(|e| delimited(e.length)).sum::<usize>();

        // Of the final size from the start: growing would leave values behind, unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        let secrets = secrets
            .into_iter()
            .map(|entry| {
                let range = appended(&mut bytes, |bytes| entry.write(bytes));
                (entry.resolved.name, range)
            })
            .collect();
        let unset = unset
            .into_iter()
            .map(|entry| {
                let range = appended(&mut bytes, |bytes| entry.write(bytes));
                (entry.unset.name, entry.unset.reason, range)
            })
            .collect();
        debug_assert_eq!(bytes.len(), capacity);
        EncodedView { bytes: Bytes::from_owner(bytes), secrets, unset }
    }
}

/// A secret with its value, measured.
struct ResolvedEntry {
    resolved: Resolved,
    crc32c: u64,
    payload: usize,
    length: usize,
}

impl ResolvedEntry {
    fn new(resolved: Resolved) -> Self {
        let value = resolved.value.expose();
        let crc32c = u64::from(crc32c::crc32c(value));
        let payload = delimited(value.len()) + varint(crc32c);
        let length = delimited(resolved.name.as_str().len())
            + delimited(payload)
            + varint(origin(&resolved))
            + varint(resolved.version);
        Self { resolved, crc32c, payload, length }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let Self { resolved, crc32c, payload: length, length: _ } = self;
        let kind = match resolved.value.kind() {
            PayloadKind::Text => payload::TEXT,
            PayloadKind::Bytes => payload::DATA,
        };
        write_prefix(bytes, response::SECRETS, self.length);
        write_bytes(bytes, resolved::SECRET, resolved.name.as_str().as_bytes());
        write_prefix(bytes, resolved::PAYLOAD, *length);
        write_bytes(bytes, kind, resolved.value.expose());
        write_varint(bytes, payload::CRC32C, *crc32c);
        write_varint(bytes, resolved::ORIGIN, origin(resolved));
        write_varint(bytes, resolved::VERSION, resolved.version);
    }
}

/// A secret without a value, measured.
struct UnsetEntry {
    unset: Unset,
    length: usize,
}

impl UnsetEntry {
    fn new(unset: Unset) -> Self {
        let length = delimited(unset.name.as_str().len()) + varint(reason(&unset));
        Self { unset, length }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        write_prefix(bytes, response::UNSET, self.length);
        write_bytes(bytes, unset::SECRET, self.unset.name.as_str().as_bytes());
        write_varint(bytes, unset::REASON, reason(&self.unset));
    }
}

/// An answer on its way: what the engine gave, measured.
pub(crate) struct Answer {
    resolution: Resolution,
    length: usize,
}

impl Answer {
    pub(crate) fn new(resolution: Resolution) -> Self {
        let Resolution { revision, parts, not_modified } = &resolution;
        let length = delimited(revision.len())
            + parts.iter().map(Bytes::len).sum::<usize>()
            + if *not_modified { varint(1) } else { 0 };
        Self { resolution, length }
    }

    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Writes the response. Fields may stand in any order, so the short ones frame the view.
    pub(crate) fn write(&self, buffer: &mut impl bytes::BufMut) {
        let Resolution { revision, parts, not_modified } = &self.resolution;
        write_bytes(buffer, response::REVISION, revision.as_bytes());
        for part in parts {
            buffer.put_slice(part);
        }
        if *not_modified {
            write_varint(buffer, response::NOT_MODIFIED, 1);
        }
    }
}

fn origin(resolved: &Resolved) -> u64 {
    enumerated(environment::origin(resolved.origin).into())
}

fn reason(unset: &Unset) -> u64 {
    enumerated(environment::unset_reason(unset.reason).into())
}

/// The numbers of our enums are small and positive.
fn enumerated(number: i32) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// The length of a field of a one-byte tag and so much content.
fn delimited(content: usize) -> usize {
    1 + encoded_len_varint(content as u64) + content
}

/// The length of a field of a one-byte tag and a number.
fn varint(number: u64) -> usize {
    1 + encoded_len_varint(number)
}

fn appended(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
    let start = bytes.len();
    write(bytes);
    start..bytes.len()
}

fn write_prefix(buffer: &mut impl bytes::BufMut, field: u32, length: usize) {
    encode_key(field, WireType::LengthDelimited, buffer);
    encode_varint(length as u64, buffer);
}

fn write_bytes(buffer: &mut impl bytes::BufMut, field: u32, content: &[u8]) {
    write_prefix(buffer, field, content.len());
    buffer.put_slice(content);
}

fn write_varint(buffer: &mut impl bytes::BufMut, field: u32, number: u64) {
    encode_key(field, WireType::Varint, buffer);
    encode_varint(number, buffer);
}

#[cfg(test)]
mod tests;

//! Views, encoded once when they are filled, and answered by reference.
//!
//! The field numbers stand here a second time, beside those of the generated code: a test decodes
//! what this writes with the generated messages.

use super::environment;
use crate::front::Chunk;
use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use waxseal_cache::{EncodedView, Entry, Found, UnsetEntry};
use waxseal_domain::name::SecretName;
use waxseal_domain::value::PayloadKind;
use waxseal_domain::view::{Origin, Resolved, UnsetReason, View};
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
        let View { secrets, unset, aliases } = view;
        let secrets: Vec<_> = secrets.iter().map(SetField::of).collect();
        let unset: Vec<_> = unset.iter().map(|u| UnsetField::new(&u.name, u.reason)).collect();
        let capacity = secrets.iter().map(|field| delimited(field.length)).sum::<usize>()
            + unset.iter().map(|field| delimited(field.length)).sum::<usize>();

        // Of the final size from the start: growing would leave values behind, unwiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
        let secrets = secrets.iter().map(|field| field.append(&mut bytes)).collect();
        let unset = unset.iter().map(|field| field.append(&mut bytes)).collect();
        debug_assert_eq!(bytes.len(), capacity);
        EncodedView { bytes: Bytes::from_owner(bytes), secrets, unset, aliases }
    }

    fn rename(&self, view: &EncodedView, found: Found<'_>, name: &SecretName) -> Bytes {
        let mut bytes = Zeroizing::new(Vec::new());
        match found {
            Found::Set(entry) => {
                let Entry { name: _, kind, origin, version, entry: _, value } = entry;
                let value = &view.bytes[value.clone()];
                let field = SetField::new(name, *kind, value, *origin, *version);
                // Nothing has been written yet that growing could leave behind.
                bytes.reserve_exact(delimited(field.length));
                field.append(&mut bytes);
            }
            Found::Unset(UnsetEntry { name: _, reason, entry: _ }) => {
                UnsetField::new(name, *reason).append(&mut bytes);
            }
        }
        Bytes::from_owner(bytes)
    }
}

/// A secret with its value, measured.
struct SetField<'a> {
    name: &'a SecretName,
    kind: PayloadKind,
    value: &'a [u8],
    origin: Origin,
    version: u64,
    crc32c: u64,
    payload: usize,
    length: usize,
}

impl<'a> SetField<'a> {
    fn of(resolved: &'a Resolved) -> Self {
        let Resolved { name, value, origin, version } = resolved;
        Self::new(name, value.kind(), value.expose(), *origin, *version)
    }

    fn new(
        name: &'a SecretName,
        kind: PayloadKind,
        value: &'a [u8],
        origin: Origin,
        version: u64,
    ) -> Self {
        let crc32c = u64::from(crc32c::crc32c(value));
        let payload = delimited(value.len()) + varint(crc32c);
        let length = delimited(name.as_str().len())
            + delimited(payload)
            + varint(origin_number(origin))
            + varint(version);
        Self { name, kind, value, origin, version, crc32c, payload, length }
    }

    fn append(&self, bytes: &mut Vec<u8>) -> Entry {
        let Self { name, kind, value, origin, version, crc32c, payload, length } = *self;
        let field = match kind {
            PayloadKind::Text => payload::TEXT,
            PayloadKind::Bytes => payload::DATA,
        };
        let start = bytes.len();
        write_prefix(bytes, response::SECRETS, length);
        write_bytes(bytes, resolved::SECRET, name.as_str().as_bytes());
        write_prefix(bytes, resolved::PAYLOAD, payload);
        write_bytes(bytes, field, value);
        let end = bytes.len();
        write_varint(bytes, payload::CRC32C, crc32c);
        write_varint(bytes, resolved::ORIGIN, origin_number(origin));
        write_varint(bytes, resolved::VERSION, version);
        Entry {
            name: name.clone(),
            kind,
            origin,
            version,
            entry: start..bytes.len(),
            value: end - value.len()..end,
        }
    }
}

/// A secret without a value, measured.
struct UnsetField<'a> {
    name: &'a SecretName,
    reason: UnsetReason,
    length: usize,
}

impl<'a> UnsetField<'a> {
    fn new(name: &'a SecretName, reason: UnsetReason) -> Self {
        let length = delimited(name.as_str().len()) + varint(reason_number(reason));
        Self { name, reason, length }
    }

    fn append(&self, bytes: &mut Vec<u8>) -> UnsetEntry {
        let Self { name, reason, length } = *self;
        let start = bytes.len();
        write_prefix(bytes, response::UNSET, length);
        write_bytes(bytes, unset::SECRET, name.as_str().as_bytes());
        write_varint(bytes, unset::REASON, reason_number(reason));
        UnsetEntry { name: name.clone(), reason, entry: start..bytes.len() }
    }
}

/// A resolution as one framed message of gRPC: a head that is written here, and the parts as they
/// are. Fields may stand in any order, but these stand in that of their numbers, as prost would
/// have them: an answer that is not modified has no parts.
///
/// `None` for more than a frame can hold, which no quota lets a view become.
pub(crate) fn message(resolution: Resolution) -> Option<Chunk> {
    const FRAME: usize = 5;
    let Resolution { revision, parts, not_modified } = resolution;
    let fields = delimited(revision.len()) + if not_modified { varint(1) } else { 0 };
    let length = fields + parts.iter().map(Bytes::len).sum::<usize>();
    let mut head = Vec::with_capacity(FRAME + fields);
    // Not compressed.
    head.push(0);
    head.extend(u32::try_from(length).ok()?.to_be_bytes());
    write_bytes(&mut head, response::REVISION, revision.as_bytes());
    if not_modified {
        debug_assert!(parts.is_empty());
        write_varint(&mut head, response::NOT_MODIFIED, 1);
    }
    Some(Chunk::new(head.into(), parts))
}

fn origin_number(origin: Origin) -> u64 {
    enumerated(environment::origin(origin).into())
}

fn reason_number(reason: UnsetReason) -> u64 {
    enumerated(environment::unset_reason(reason).into())
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

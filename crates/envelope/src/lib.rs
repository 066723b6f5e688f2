//! The sealed record, its context and the manifest.
//!
//! Everything that Waxseal encrypts is a [record](mod@record), made by [`seal`] and read by [`open`]
//! under a [`Key`] and for one [`Purpose`] and one [`Context`]: the place that the plaintext
//! belongs to. Bytes that were moved to another place, or changed in any way, do not open. What
//! contexts cannot show, such as a row that was deleted or put back, the [`manifest`] does.
//!
//! This crate does no I/O except to draw random bytes from the operating system. There is no
//! choice of algorithm in it: the record's suite byte has one accepted value.
//!
//! # Conventions of every encoding
//!
//! Integers are unsigned and big-endian. `||` joins bytes. Text in quotation marks is ASCII,
//! without a terminator. Identities are the sixteen bytes of their UUID. SHA-256, HMAC
//! (RFC 2104) with SHA-256 and HKDF (RFC 5869) with SHA-256 are the only hashes.
//!
//! `vectors/v1.json` holds golden inputs and outputs of every encoding. They were computed by a
//! second implementation, `tests/vectors.py`, which was written from this documentation. A
//! vector may be added but never changed: records that were once written must always open.

mod context;
mod encoding;
mod error;
mod key;
pub mod manifest;
mod random;
pub mod record;
mod seal;
#[cfg(test)]
mod vectors;

pub use context::{Context, ValuePlace, ViewPlace};
pub use error::{Error, Tampered};
pub use key::{Key, sha256};
pub use random::fill_random;
pub use record::{OVERHEAD, Purpose};
pub use seal::{open, seal};

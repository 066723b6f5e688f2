//! Keys, and what is computed with one besides sealing.

use crate::{Error, fill_random};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use waxseal_memory::Locked;
use zeroize::Zeroizing;

/// What every derivation label and MAC begins with. They differ, so that no MAC is ever a
/// derived key although both are HMACs under the same key.
const DERIVE: &[u8] = b"waxseal1:derive:";
const MAC: &[u8] = b"waxseal1:mac:";

/// A key of 32 bytes. Wiped when dropped; neither printed nor cloned nor serialised.
///
/// The bytes stay in one [place](Locked) that is neither swapped nor dumped: moving a key leaves no
/// copy behind.
pub struct Key(Locked);

impl Key {
    /// A fresh random key.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self, Error> {
        let mut key = Self::zero();
        fill_random(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// Takes bytes that are a key already. They must be uniformly random.
    #[must_use]
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut key = Self::zero();
        key.0.copy_from_slice(bytes.as_slice());
        key
    }

    /// The one way to the key's bytes; every call is a crossing that a reader can search for.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The same key once more, for another owner, who wipes it as well. Not `Clone`: that a key is
    /// in memory twice should be written where it happens.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let mut key = Self::zero();
        key.0.copy_from_slice(self.expose());
        key
    }

    /// The key for another use: `HKDF-Expand(key, "waxseal1:derive:" || label, 32)`.
    ///
    /// Knowing it tells nothing of this key nor of those derived with another label.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        // 32 bytes are the first block of HKDF-Expand, which is one HMAC that cannot fail.
        let block = hmac(self.expose())
            .chain_update(DERIVE)
            .chain_update(label)
            .chain_update([1])
            .finalize();
        let mut key = Self::zero();
        key.0.copy_from_slice(block.as_bytes());
        key
    }

    /// `HMAC(key, "waxseal1:mac:" || u64 length || part || ...)`, so that other parts never have
    /// the same MAC, not even when their bytes joined together are the same.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = hmac(self.expose());
        mac.update(MAC);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether [`Self::mac`] of these parts is this, compared in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], mac: &[u8]) -> bool {
        self.mac(parts).ct_eq(mac).into()
    }

    fn zero() -> Self {
        Self(Locked::zero())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// HMAC pads its key with zeros to the hash's block. Doing that here leaves no length to check.
fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let block: &[u8; 64] = &block;
    Hmac::new(block.into())
}

/// SHA-256, of bytes that are no secret: equality of values is never told by a plain hash.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::from_bytes(Zeroizing::new([byte; 32]))
    }

    #[test]
    fn generated_keys_differ_and_are_not_zero() {
        let (a, b) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_ne!(a.expose(), &[0; 32]);
    }

    #[test]
    fn a_derived_key_depends_on_the_key_and_the_whole_label() {
        let derived = *key(1).derive("page").expose();
        assert_eq!(&derived, key(1).derive("page").expose());
        for other in [key(2).derive("page"), key(1).derive("pag"), key(1).derive(""), key(1)] {
            assert_ne!(&derived, other.expose());
        }
    }

    #[test]
    fn a_mac_depends_on_where_one_part_ends() {
        let mac = key(1).mac(&[b"ab", b"c"]);
        assert!(key(1).verify(&[b"ab", b"c"], &mac));
        let others: [&[&[u8]]; 5] =
            [&[b"a", b"bc"], &[b"abc"], &[b"ab", b"c", b""], &[b"c", b"ab"], &[]];
        for parts in others {
            assert!(!key(1).verify(parts, &mac), "{parts:?}");
        }
        assert!(!key(2).verify(&[b"ab", b"c"], &mac));
    }

    #[test]
    fn a_mac_that_is_cut_or_extended_or_flipped_does_not_verify() {
        let mac = key(1).mac(&[b"x"]);
        assert!(!key(1).verify(&[b"x"], &mac[..31]));
        assert!(!key(1).verify(&[b"x"], &[]));
        assert!(!key(1).verify(&[b"x"], &[&mac[..], &[0]].concat()));
        for bit in 0..256 {
            let mut flipped = mac;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!key(1).verify(&[b"x"], &flipped));
        }
    }

    #[test]
    fn a_duplicate_is_the_same_key_in_another_place() {
        let first = key(7);
        let second = first.duplicate();
        assert_ne!(first.expose().as_ptr(), second.expose().as_ptr());
        drop(first);
        assert_eq!(second.expose(), &[7; 32]);
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", key(7)), "Key(redacted)");
    }
}

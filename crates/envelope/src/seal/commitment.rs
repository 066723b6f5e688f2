//! AES-GCM does not bind its key: a ciphertext is built here that it opens under two of them.
//! The record's commitment is what keeps [`open`] from doing the same.

use super::*;
use crate::record::TAG;
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::BlockCipherEncrypt;

const SALT_BYTES: [u8; SALT] = [8; SALT];
const PURPOSE: Purpose = Purpose::PageToken;
const LEFT: &[u8; 16] = b"pay one to Alice";
const RIGHT: &[u8; 16] = b"pay all to Mallo";

/// One of the two sides: what GCM uses when a record is opened under a key.
struct Side {
    key: Key,
    derived: Derived,
    hash_key: u128,
    mask: u128,
}

impl Side {
    fn new(byte: u8) -> Self {
        let key = Key::from_bytes(Zeroizing::new([byte; 32]));
        let derived = Derived::new(&key, PURPOSE, &Context::page_token(), &SALT_BYTES).unwrap();
        let hash_key = block(&derived, [0; 16]);
        let mask = block(&derived, counter(&derived, 1));
        Self { key, derived, hash_key, mask }
    }

    /// The block of the key stream that covers this block of the message, from 0.
    fn stream(&self, index: u8) -> u128 {
        block(&self.derived, counter(&self.derived, index + 2))
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u128]) -> u128 {
        ghash(self.hash_key, aad, ciphertext) ^ self.mask
    }

    fn bare_gcm(&self, ciphertext: &[u8], tag: &[u8; TAG]) -> Option<Vec<u8>> {
        let mut plaintext = ciphertext.to_vec();
        let buffer = InOutBuf::from(plaintext.as_mut_slice());
        let aad = aad(PURPOSE, &Context::page_token());
        let nonce = (&self.derived.nonce).into();
        let opened = self.derived.cipher().decrypt_inout_detached(nonce, &aad, buffer, tag.into());
        opened.ok().map(|()| plaintext)
    }

    fn open(&self, record: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.key, PURPOSE, &Context::page_token(), record).ok()
    }
}

fn block(derived: &Derived, input: [u8; 16]) -> u128 {
    let key: &[u8; KEY] = &derived.key;
    let mut block = input.into();
    Aes256::new(key.into()).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

fn counter(derived: &Derived, count: u8) -> [u8; 16] {
    let mut counter = [0; 16];
    counter[..NONCE].copy_from_slice(&derived.nonce);
    counter[15] = count;
    counter
}

/// Multiplies in GF(2^128) as GCM numbers its bits (NIST SP 800-38D, section 6.3).
fn times(x: u128, y: u128) -> u128 {
    let (mut product, mut shifted) = (0, y);
    for bit in (0..128).rev() {
        if (x >> bit) & 1 == 1 {
            product ^= shifted;
        }
        let carry = shifted & 1;
        shifted >>= 1;
        if carry == 1 {
            shifted ^= 0xe1 << 120;
        }
    }
    product
}

/// The inverse is the power of 2^128 - 2.
fn inverse(x: u128) -> u128 {
    let (mut result, mut square) = (1 << 127, x);
    for _ in 1..128 {
        square = times(square, square);
        result = times(result, square);
    }
    result
}

fn ghash(key: u128, aad: &[u8], ciphertext: &[u128]) -> u128 {
    let padded = aad.chunks(16).map(|chunk| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(block)
    });
    let lengths = ((aad.len() as u128 * 8) << 64) | (ciphertext.len() as u128 * 128);
    padded
        .chain(ciphertext.iter().copied())
        .chain([lengths])
        .fold(0, |hash, block| times(hash ^ block, key))
}

/// Three blocks: the first reads as one likes under the left key, the second under the right
/// one, and the third is solved for, so that both keys give the same tag.
fn collision(left: &Side, right: &Side) -> ([u8; 48], [u8; TAG]) {
    let aad = aad(PURPOSE, &Context::page_token());
    let mut blocks = [
        u128::from_be_bytes(*LEFT) ^ left.stream(0),
        u128::from_be_bytes(*RIGHT) ^ right.stream(1),
        0,
    ];
    // With the last block zero the tags differ by this; the block adds itself times H squared.
    let difference = left.tag(&aad, &blocks) ^ right.tag(&aad, &blocks);
    let squares = times(left.hash_key, left.hash_key) ^ times(right.hash_key, right.hash_key);
    blocks[2] = times(difference, inverse(squares));

    let tag = left.tag(&aad, &blocks);
    assert_eq!(tag, right.tag(&aad, &blocks));
    let mut ciphertext = [0; 48];
    for (chunk, block) in ciphertext.chunks_mut(16).zip(blocks) {
        chunk.copy_from_slice(&block.to_be_bytes());
    }
    (ciphertext, tag.to_be_bytes())
}

#[test]
fn inverses_are_inverse() {
    for x in [1, 2, 1 << 127, 0xe1 << 120, u128::MAX, 0x0123_4567_89ab_cdef] {
        assert_eq!(times(x, inverse(x)), 1 << 127, "{x:x}");
    }
}

#[test]
fn what_bare_gcm_opens_under_two_keys_opens_under_the_committed_one_only() {
    let (left, right) = (Side::new(1), Side::new(2));
    let (ciphertext, tag) = collision(&left, &right);

    let under_left = left.bare_gcm(&ciphertext, &tag).expect("GCM opens it under the left key");
    let under_right = right.bare_gcm(&ciphertext, &tag).expect("GCM opens it under the right key");
    assert_eq!(under_left[..16], *LEFT);
    assert_eq!(under_right[16..32], *RIGHT);
    assert_ne!(under_left, under_right);

    let record = |commitment: &[u8; COMMITMENT]| {
        [&PURPOSE.header(), &SALT_BYTES[..], commitment, &ciphertext, &tag].concat()
    };
    // Each commitment lets its own key through to GCM, which accepts: so nothing but the
    // commitment stands against the other key.
    let to_left = record(&left.derived.commitment);
    assert_eq!(left.open(&to_left).as_deref(), Some(&under_left));
    assert!(right.open(&to_left).is_none());

    let to_right = record(&right.derived.commitment);
    assert_eq!(right.open(&to_right).as_deref(), Some(&under_right));
    assert!(left.open(&to_right).is_none());
}

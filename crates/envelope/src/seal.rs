//! Sealing and opening, the one construction for everything: derive, commit, encrypt.

use crate::record::{self, COMMITMENT, HEADER, OVERHEAD, SALT, SUITE};
use crate::{Context, Error, Key, Purpose, Tampered, fill_random};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing, zeroize_stack};

/// Bytes of the stack that are wiped after sealing and opening: what the ciphers take, and more.
const STACK: usize = 16 * 1024;

/// Seals a plaintext for one purpose and one place. The record is [`OVERHEAD`] bytes longer.
///
/// # Errors
/// [`Error::TooLong`] beyond [`Purpose::longest`], and [`Error::Randomness`].
pub fn seal(
    key: &Key,
    purpose: Purpose,
    context: &Context,
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut salt = [0; SALT];
    fill_random(&mut salt)?;
    let sealed = seal_with_salt(key, purpose, context, &salt, plaintext);
    zeroize_stack::<STACK>();
    sealed
}

/// Opens what [`seal`] made for the same purpose and place under the same key.
///
/// # Errors
/// [`Tampered`], whatever the cause.
pub fn open(
    key: &Key,
    purpose: Purpose,
    context: &Context,
    record: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Tampered> {
    let opened = open_record(key, purpose, context, record);
    zeroize_stack::<STACK>();
    opened
}

/// Not inlined, so that what it leaves on the stack is below its caller's frame, where it is wiped.
#[inline(never)]
fn open_record(
    key: &Key,
    purpose: Purpose,
    context: &Context,
    record: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Tampered> {
    let record::Parts { salt, commitment, ciphertext, tag } =
        record::parts(purpose, record).ok_or(Tampered)?;
    let derived = Derived::new(key, purpose, context, salt).ok_or(Tampered)?;
    // Before the cipher sees a byte: a key that the record is not committed to opens nothing.
    if !bool::from(derived.commitment.ct_eq(commitment)) {
        return Err(Tampered);
    }
    let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
    let buffer = InOutBuf::new(ciphertext, &mut plaintext).map_err(|_| Tampered)?;
    let aad = aad(purpose, context);
    derived
        .cipher()
        .decrypt_inout_detached((&derived.nonce).into(), &aad, buffer, tag.into())
        .map_err(|_| Tampered)?;
    Ok(plaintext)
}

/// As [`seal`], with a salt from elsewhere. Only golden records need that: under one key a salt
/// must never be used twice.
#[inline(never)]
pub(crate) fn seal_with_salt(
    key: &Key,
    purpose: Purpose,
    context: &Context,
    salt: &[u8; SALT],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > purpose.longest() {
        return Err(Error::TooLong);
    }
    let derived = Derived::new(key, purpose, context, salt).ok_or(Error::TooLong)?;
    let mut record = Vec::with_capacity(OVERHEAD + plaintext.len());
    record.extend_from_slice(&purpose.header());
    record.extend_from_slice(salt);
    record.extend_from_slice(&derived.commitment);
    let start = record.len();
    record.resize(start + plaintext.len(), 0);
    // From the caller's buffer straight into the record, which never holds the plaintext.
    let buffer = InOutBuf::new(plaintext, &mut record[start..]).map_err(|_| Error::TooLong)?;
    let tag = derived
        .cipher()
        .encrypt_inout_detached((&derived.nonce).into(), &aad(purpose, context), buffer)
        .map_err(|_| Error::TooLong)?;
    record.extend_from_slice(&tag);
    Ok(record)
}

fn aad(purpose: Purpose, context: &Context) -> Vec<u8> {
    [&purpose.header(), context.as_bytes()].concat()
}

/// What is hashed in place of the context, to keep the labels short.
fn transcript(header: &[u8; HEADER], context: &Context) -> Option<[u8; 32]> {
    let length = u32::try_from(context.as_bytes().len()).ok()?;
    let hash = Sha256::new()
        .chain_update(header)
        .chain_update(length.to_be_bytes())
        .chain_update(context.as_bytes());
    Some(hash.finalize().into())
}

/// What follows from a key, a salt and a place, for one record alone.
struct Derived {
    key: Zeroizing<[u8; KEY]>,
    nonce: [u8; NONCE],
    commitment: [u8; COMMITMENT],
}

const KEY: usize = 32;
const NONCE: usize = 12;

impl Derived {
    /// `None` if the context is longer than 4 GiB.
    fn new(key: &Key, purpose: Purpose, context: &Context, salt: &[u8; SALT]) -> Option<Self> {
        let th = transcript(&purpose.header(), context)?;
        let (mut prk, hkdf) = Hkdf::<Sha256>::extract(Some(salt), key.expose());
        prk.as_mut_slice().zeroize();

        let mut okm = Zeroizing::new([0; KEY + NONCE]);
        hkdf.expand_multi_info(&[b"waxseal1:key", &[SUITE], &th], okm.as_mut_slice()).ok()?;
        let mut commitment = [0; COMMITMENT];
        hkdf.expand_multi_info(&[b"waxseal1:commit", &[SUITE], &th], &mut commitment).ok()?;

        let mut derived = Self { key: Zeroizing::new([0; KEY]), nonce: [0; NONCE], commitment };
        derived.key.copy_from_slice(&okm[..KEY]);
        derived.nonce.copy_from_slice(&okm[KEY..]);
        Some(derived)
    }

    fn cipher(&self) -> Aes256Gcm {
        let key: &[u8; KEY] = &self.key;
        Aes256Gcm::new(key.into())
    }
}

#[cfg(test)]
mod commitment;
#[cfg(test)]
mod tests;

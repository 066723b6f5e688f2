//! Random bytes.

use crate::Error;

/// Fills a buffer with random bytes of the operating system, fit for keys.
///
/// # Errors
/// [`Error::Randomness`]; what the buffer holds then must not be used.
pub fn fill_random(buffer: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(buffer).map_err(Error::Randomness)
}

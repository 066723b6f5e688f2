//! The clipboard of the terminal, by the control sequence OSC 52. Over ssh too it is that of the
//! person's own machine. A terminal that does not know it, or does not allow it, ignores it.

use crate::curtain;
use crate::failure::Failure;
use crate::terminal;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;
use zeroize::Zeroizing;

/// Puts a value on the clipboard for `time`, or until a signal comes.
pub(crate) async fn lend(name: &str, value: &[u8], time: Duration) -> Result<(), Failure> {
    let tty = terminal::open().map_err(Failure::Terminal)?;
    let _lent = Lent::put(tty, value).map_err(Failure::Terminal)?;
    curtain::wait(&format!("{name} is on the clipboard for"), time).await
}

/// What is on the clipboard until this is dropped.
struct Lent(File);

impl Lent {
    fn put(mut tty: File, value: &[u8]) -> io::Result<Self> {
        tty.write_all(sequence(value).as_bytes())?;
        Ok(Self(tty))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Some terminals do not take an empty text: those are left with a space.
        for nothing in [" ", ""] {
            let _ = self.0.write_all(sequence(nothing.as_bytes()).as_bytes());
        }
    }
}

fn sequence(value: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(value));
    Zeroizing::new(format!("\x1b]52;c;{}\x07", *encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_base64() {
        assert_eq!(**sequence(b"value"), *"\x1b]52;c;dmFsdWU=\x07");
        assert_eq!(**sequence(b""), *"\x1b]52;c;\x07");
    }
}

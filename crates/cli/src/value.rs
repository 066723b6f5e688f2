//! Where a value comes from: standard input, a file, or a prompt. Never an argument.

use crate::failure::Failure;
use crate::{payload, terminal};
use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use waxseal_proto::v1;
use zeroize::Zeroizing;

/// The most that a value may have.
const VALUE_BYTES: usize = 65_536;

/// The options of every command that takes a value.
///
/// Without them it is read from standard input, less one newline at its end, or, where that is a
/// terminal, asked for without showing it.
#[derive(clap::Args, Debug)]
pub(crate) struct ValueOptions {
    /// Takes the value from this file, exactly as it is.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,

    /// Stores it as bytes, which need not be text and cannot be rendered.
    #[arg(long, requires = "file")]
    binary: bool,
}

impl ValueOptions {
    /// A value to be stored. What is typed is asked for twice.
    pub(crate) async fn read(&self, name: &str) -> Result<v1::SecretPayload, Failure> {
        let Self { file, binary } = self;
        match file {
            Some(path) => from_file(path, *binary),
            None if io::stdin().is_terminal() => typed(name, true).await,
            None => from_input(&mut io::stdin().lock()),
        }
    }

    /// A value to be compared. What is typed is asked for once.
    pub(crate) async fn candidate(&self, name: &str) -> Result<v1::SecretPayload, Failure> {
        match &self.file {
            None if io::stdin().is_terminal() => typed(name, false).await,
            _ => self.read(name).await,
        }
    }
}

async fn typed(name: &str, twice: bool) -> Result<v1::SecretPayload, Failure> {
    let name = crate::table::plain(name);
    let value = terminal::hidden(&format!("Value of {name} (not shown): ")).await?;
    if value.is_empty() {
        return Err(Failure::NothingTyped);
    }
    if twice && *terminal::hidden("The same again: ").await? != *value {
        return Err(Failure::NotTheSame);
    }
    Ok(payload::text(&value))
}

fn from_file(path: &Path, binary: bool) -> Result<v1::SecretPayload, Failure> {
    let failed = |source| Failure::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let bytes = limited(file, VALUE_BYTES).map_err(failed)?;
    of(&bytes, binary)
}

/// One newline at the end, which `echo` and editors put there, is not taken for part of the value.
fn from_input(input: &mut dyn Read) -> Result<v1::SecretPayload, Failure> {
    let bytes = limited(input, VALUE_BYTES + 1).map_err(Failure::Input)?;
    of(bytes.strip_suffix(b"\n").unwrap_or(&bytes), false)
}

fn of(bytes: &[u8], binary: bool) -> Result<v1::SecretPayload, Failure> {
    match bytes.len() {
        0 => Err(Failure::EmptyValue),
        1..=VALUE_BYTES if binary => Ok(payload::data(bytes)),
        1..=VALUE_BYTES => str::from_utf8(bytes).map(payload::text).map_err(|_| Failure::NotText),
        _ => Err(Failure::ValueTooLong),
    }
}

/// All of it, or just enough to see that it is too much.
fn limited(source: impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // One allocation: what is moved leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 32));
    source.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(mut bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        from_input(&mut bytes).map(|payload| payload::bytes(Some(payload)).unwrap().to_vec())
    }

    #[test]
    fn one_newline_is_stripped_from_standard_input_and_nothing_else() {
        assert_eq!(input(b"a\n").unwrap(), b"a");
        assert_eq!(input(b"a\n\n").unwrap(), b"a\n");
        assert_eq!(input(b" a\r\n").unwrap(), b" a\r");
        assert_eq!(input(b"a").unwrap(), b"a");
        assert!(matches!(input(b""), Err(Failure::EmptyValue)));
        assert!(matches!(input(b"\n"), Err(Failure::EmptyValue)));
        assert!(matches!(input(b"\xff"), Err(Failure::NotText)));
    }

    #[test]
    fn a_value_has_at_most_65536_bytes() {
        let longest = vec![b'a'; VALUE_BYTES];
        assert_eq!(input(&[&longest[..], b"\n"].concat()).unwrap(), longest);
        assert!(matches!(input(&[&longest[..], b"a"].concat()), Err(Failure::ValueTooLong)));
        assert!(matches!(input(&[&longest[..], b"a\n"].concat()), Err(Failure::ValueTooLong)));
        assert!(matches!(input(&[&longest[..], b"\n\n"].concat()), Err(Failure::ValueTooLong)));
    }

    #[test]
    fn a_file_is_taken_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("value");
        std::fs::write(&path, "a\n").unwrap();
        let read = |binary| {
            from_file(&path, binary).map(|value| payload::bytes(Some(value)).unwrap().to_vec())
        };
        assert_eq!(read(false).unwrap(), b"a\n");
        std::fs::write(&path, b"\xff\n").unwrap();
        assert!(matches!(read(false), Err(Failure::NotText)));
        assert_eq!(read(true).unwrap(), b"\xff\n");
    }
}

//! Texts that a command works on: a template, a document, a `.env` file.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The argument of every command that works on a text.
#[derive(clap::Args, Debug)]
pub(crate) struct TextInput {
    /// The file to read; standard input without one, or for -.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl TextInput {
    /// All of it, at most so many bytes.
    pub(crate) fn bytes(&self, most: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let bytes = match &self.file {
            Some(path) if path != Path::new("-") => {
                let failed = |source| Failure::File { path: path.clone(), source };
                let file = File::open(path).map_err(failed)?;
                // A buffer that grows leaves copies behind.
                let size = file.metadata().map_or(0, |found| found.len());
                limited(file, size.try_into().unwrap_or(most), most).map_err(failed)?
            }
            _ => limited(io::stdin().lock(), 0, most).map_err(Failure::Input)?,
        };
        if bytes.len() > most { Err(Failure::TooLarge { most }) } else { Ok(bytes) }
    }

    /// The same, as UTF-8.
    pub(crate) fn text(&self, most: usize) -> Result<String, Failure> {
        let bytes = self.bytes(most)?;
        str::from_utf8(&bytes).map(str::to_owned).map_err(|_| Failure::TextNotUtf8)
    }
}

fn limited(source: impl Read, size: usize, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.min(most) + 32));
    source.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

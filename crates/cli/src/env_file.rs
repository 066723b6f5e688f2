//! `.env` files: lines of `NAME=value`.
//!
//! What stands in one is read as a shell would read an assignment, but nothing is ever expanded or
//! run: `export` may go before a name; a `#` begins a comment at the beginning of a line and after
//! white space; without quotes a value ends with its line, less white space around it; in single
//! quotes everything stands for itself; in double quotes `\n`, `\r`, `\t`, `\"`, `\\`, `` \` `` and
//! `\$` stand for one character each. Quoted values may go over several lines.

mod read;

use crate::output;
use zeroize::Zeroizing;

/// The most that a file may have: a thousand values of the largest size.
pub(crate) const FILE_BYTES: usize = 64 << 20;

/// One value, and the line on which its name stands.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// May be empty.
    pub(crate) value: Zeroizing<String>,
    pub(crate) line: usize,
    /// Whether a shell would have put something else in the place of a `$` or a backtick.
    pub(crate) expandable: bool,
}

/// What is wrong, and on which line. Never what stands there: it may be part of a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("line {0} is not UTF-8")]
    NotText(usize),
    #[error("line {0} holds a NUL, which no value of this kind may")]
    Nul(usize),
    #[error("line {0} is not NAME=value")]
    NotAnAssignment(usize),
    #[error(
        "line {0} has no proper name before the `=`: 1 to 64 ASCII letters, digits and \
         underscores, and not a digit first"
    )]
    Name(usize),
    #[error("the quote that begins on line {0} is not closed")]
    Unclosed(usize),
    #[error("line {0} goes on after the closing quote")]
    AfterQuote(usize),
    #[error("line {0} begins its value with a backtick: nothing is run here; use ' or \" quotes")]
    Backtick(usize),
    #[error("the value on line {0} has more than 65,536 bytes")]
    TooLong(usize),
    #[error("line {second} has the same name as line {first}, perhaps in another case")]
    Twice { first: usize, second: usize },
    #[error("there is nothing in it")]
    Nothing,
}

/// The entries of a file, in their order.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    let line = |at: usize| 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
    let text = str::from_utf8(bytes).map_err(|error| Error::NotText(line(error.valid_up_to())))?;
    if let Some(at) = text.find('\0') {
        return Err(Error::Nul(line(at)));
    }
    let entries = read::entries(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    if entries.is_empty() {
        return Err(Error::Nothing);
    }
    unique(&entries)?;
    Ok(entries)
}

/// Says where a shell would have put something else.
pub(crate) fn remark_expandable<'a>(entries: impl Iterator<Item = &'a Entry>) {
    let lines: Vec<_> =
        entries.filter(|entry| entry.expandable).map(|entry| entry.line.to_string()).collect();
    if !lines.is_empty() {
        let lines = lines.join(", ");
        output::remark("note", &format!("a $ or ` stands for itself in the value on line {lines}"));
    }
}

fn unique(entries: &[Entry]) -> Result<(), Error> {
    let mut seen = std::collections::HashMap::new();
    for Entry { name, line, .. } in entries {
        if let Some(first) = seen.insert(name.to_ascii_lowercase(), *line) {
            return Err(Error::Twice { first, second: *line });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

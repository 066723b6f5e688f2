//! The reader of `.env` files: one pass from the beginning to the end.

use super::{Entry, Error};
use zeroize::Zeroizing;

const VALUE_BYTES: usize = 65_536;
const NAME_BYTES: usize = 64;

/// What of the text is left, and on which line that begins.
struct Rest<'a> {
    text: &'a str,
    line: usize,
}

pub(super) fn entries(text: &str) -> Result<Vec<Entry>, Error> {
    let mut rest = Rest { text, line: 1 };
    let mut entries = Vec::new();
    while !rest.text.is_empty() {
        let begun = rest.text.trim_start_matches([' ', '\t']);
        if begun.starts_with('#') || rest.first_line().trim().is_empty() {
            rest.skip_line();
        } else {
            entries.push(rest.entry()?);
        }
    }
    Ok(entries)
}

impl<'a> Rest<'a> {
    fn first_line(&self) -> &'a str {
        self.text.split('\n').next().unwrap_or_default()
    }

    fn skip_line(&mut self) {
        let end = self.text.find('\n').map_or(self.text.len(), |end| end + 1);
        self.take(end);
    }

    /// Cuts off so many bytes, and counts the lines in them.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.text.split_at(bytes);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        self.text = rest;
        taken
    }

    fn entry(&mut self) -> Result<Entry, Error> {
        let line = self.line;
        let equals = self.first_line().find('=').ok_or(Error::NotAnAssignment(line))?;
        let name = name(&self.take(equals + 1)[..equals]).ok_or(Error::Name(line))?.to_owned();
        let blank = self.text.len() - self.text.trim_start_matches([' ', '\t']).len();
        self.take(blank);
        let (value, expandable) = match self.text.chars().next() {
            Some('\'') => (self.single_quoted()?, false),
            Some('"') => self.double_quoted()?,
            Some('`') => return Err(Error::Backtick(line)),
            // A comment needs white space before it, and here that is gone already.
            Some('#') if blank > 0 => (self.nothing(), false),
            _ => self.unquoted(),
        };
        if value.len() > VALUE_BYTES {
            return Err(Error::TooLong(line));
        }
        Ok(Entry { name, value, line, expandable })
    }

    fn nothing(&mut self) -> Zeroizing<String> {
        self.skip_line();
        Zeroizing::default()
    }

    fn unquoted(&mut self) -> (Zeroizing<String>, bool) {
        let line = self.first_line();
        self.skip_line();
        let comment =
            line.match_indices('#').map(|(at, _)| at).find(|at| line[..*at].ends_with([' ', '\t']));
        let value = line[..comment.unwrap_or(line.len())].trim_matches([' ', '\t', '\r']);
        (Zeroizing::new(value.to_owned()), value.contains(['$', '`']))
    }

    fn single_quoted(&mut self) -> Result<Zeroizing<String>, Error> {
        let begun = self.line;
        let length = self.text[1..].find('\'').ok_or(Error::Unclosed(begun))?;
        let value = Zeroizing::new(self.take(length + 2)[1..=length].replace("\r\n", "\n"));
        self.end_of_line()?;
        Ok(value)
    }

    fn double_quoted(&mut self) -> Result<(Zeroizing<String>, bool), Error> {
        let begun = self.line;
        let mut value = Zeroizing::new(String::with_capacity(self.text.len().min(VALUE_BYTES) + 4));
        let mut expandable = false;
        let mut chars = self.text.char_indices().skip(1).peekable();
        let end = loop {
            let (at, char) = chars.next().ok_or(Error::Unclosed(begun))?;
            match char {
                '"' => break at,
                '\\' => match chars.peek().and_then(|(_, next)| escaped(*next)) {
                    Some(char) => {
                        chars.next();
                        value.push(char);
                    }
                    None => value.push('\\'),
                },
                '\r' if matches!(chars.peek(), Some((_, '\n'))) => {}
                char => {
                    expandable |= matches!(char, '$' | '`');
                    value.push(char);
                }
            }
            if value.len() > VALUE_BYTES {
                return Err(Error::TooLong(begun));
            }
        };
        self.take(end + 1);
        self.end_of_line()?;
        Ok((value, expandable))
    }

    /// After a closing quote only white space and a comment may follow.
    fn end_of_line(&mut self) -> Result<(), Error> {
        let line = self.first_line();
        let rest = line.trim_start_matches([' ', '\t', '\r']);
        let comment = rest.starts_with('#') && rest.len() < line.len();
        if rest.is_empty() || comment {
            self.skip_line();
            return Ok(());
        }
        Err(Error::AfterQuote(self.line))
    }
}

/// The name in what stands before the `=`.
fn name(text: &str) -> Option<&str> {
    const BLANK: [char; 2] = [' ', '\t'];
    let text = text.trim_matches(BLANK);
    let name = match text.strip_prefix("export") {
        Some(rest) if rest.starts_with(BLANK) => rest.trim_start_matches(BLANK),
        _ => text,
    };
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let proper = (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().next().is_some_and(first)
        && name.bytes().all(|byte| first(byte) || byte.is_ascii_digit());
    proper.then_some(name)
}

/// What a backslash and this character stand for within double quotes; `None` if for themselves.
fn escaped(char: char) -> Option<char> {
    match char {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '"' | '\\' | '`' | '$' => Some(char),
        _ => None,
    }
}

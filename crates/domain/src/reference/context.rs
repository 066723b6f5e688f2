//! Where a rendered text goes, and how text is spelled so that it stays text there.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io;
use url::form_urlencoded;

/// Where a rendered text goes. Text outside the tokens is never changed; the context decides what
/// that text must be, and how what is inserted is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Anywhere: inserted as it is, and nothing is promised.
    Text,
    /// A whole JSON document with tokens inside its strings; see [`InvalidJson`](super::InvalidJson).
    /// Inserted text is escaped for one level: a document kept inside a string of another needs a
    /// rendering of its own.
    Json,
    /// A whole URL with tokens behind its authority; see [`InvalidUrl`](super::InvalidUrl).
    /// Inserted text is spelled as in [`Self::UrlComponent`], which adds nothing to a path, a
    /// query or a fragment.
    Url,
    /// A part of a URL: of what is inserted, all but the unreserved characters (letters, digits,
    /// `-` `.` `_` `~`) is percent-encoded. In a path that leaves `..` standing; use [`Self::Url`].
    UrlComponent,
    /// The value of an HTTP header field. Inserted as it is; control characters but the tab are
    /// refused, in the template too (RFC 9110, 5.5: CR, LF and NUL are dangerous, the others
    /// invalid). Characters beyond ASCII are opaque there, and pass.
    HeaderValue,
    /// Names or values of a form: what is inserted is serialised as
    /// `application/x-www-form-urlencoded`.
    FormValue,
}

/// RFC 3986, 2.3.
const ALL_BUT_UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Context {
    /// Spells a text for its place and hands it over chunk by chunk, so that no copy of it is
    /// left behind.
    pub(super) fn spell(self, text: &str, take: &mut dyn FnMut(&str)) {
        match self {
            Self::Text | Self::HeaderValue => take(text),
            Self::Json => spell_json(text, take),
            Self::Url | Self::UrlComponent => {
                utf8_percent_encode(text, ALL_BUT_UNRESERVED).for_each(take);
            }
            Self::FormValue => form_urlencoded::byte_serialize(text.as_bytes()).for_each(take),
        }
    }

    /// Whether a text may stand here at all, in a template or in its place.
    pub(super) fn admits(self, text: &str) -> bool {
        let forbidden = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        self != Self::HeaderValue || !text.bytes().any(forbidden)
    }

    /// Whether `%` and two digits are one character here.
    pub(super) const fn decodes_percent(self) -> bool {
        matches!(self, Self::Url | Self::UrlComponent | Self::FormValue)
    }
}

/// A JSON string without the quotes around it.
struct Bare;

impl Formatter for Bare {
    fn begin_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn end_string<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }
}

/// Hands over what is written. The serialiser writes whole characters.
struct Chunks<'a>(&'a mut dyn FnMut(&str));

impl io::Write for Chunks<'_> {
    fn write(&mut self, chunk: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(chunk).map_err(|_| io::ErrorKind::InvalidData)?;
        (self.0)(text);
        Ok(chunk.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn spell_json(text: &str, take: &mut dyn FnMut(&str)) {
    let written = text.serialize(&mut Serializer::with_formatter(Chunks(take), Bare));
    debug_assert!(written.is_ok(), "a string always serialises, and in whole characters");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(context: Context, text: &str) -> String {
        let mut spelled = String::new();
        context.spell(text, &mut |chunk| spelled.push_str(chunk));
        spelled
    }

    #[test]
    fn every_context_spells_in_its_own_way() {
        let text = "a-._~*'() /?#&=+%\\\"\r\n\t\0\u{1f}\u{7f}é\u{2028}\u{1f600}";
        let cases = [
            (Context::Text, text),
            (Context::HeaderValue, text),
            (
                Context::Json,
                "a-._~*'() /?#&=+%\\\\\\\"\\r\\n\\t\\u0000\\u001f\u{7f}é\u{2028}\u{1f600}",
            ),
            (
                Context::Url,
                "a-._~%2A%27%28%29%20%2F%3F%23%26%3D%2B%25%5C%22%0D%0A%09%00%1F%7F%C3%A9\
                 %E2%80%A8%F0%9F%98%80",
            ),
            (
                Context::FormValue,
                "a-._%7E*%27%28%29+%2F%3F%23%26%3D%2B%25%5C%22%0D%0A%09%00%1F%7F%C3%A9\
                 %E2%80%A8%F0%9F%98%80",
            ),
        ];
        for (context, expected) in cases {
            assert_eq!(spelled(context, text), expected, "{context:?}");
        }
        assert_eq!(spelled(Context::UrlComponent, text), spelled(Context::Url, text));
    }

    #[test]
    fn a_header_admits_the_tab_and_no_other_control_character() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let admitted = byte == b'\t' || (b' '..0x7f).contains(&byte);
            assert_eq!(Context::HeaderValue.admits(&text), admitted, "{byte:#x}");
            assert!(Context::Text.admits(&text));
        }
        assert!(Context::HeaderValue.admits("é\u{80}\u{85}\u{2028}"));
    }
}

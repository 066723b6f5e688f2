//! JSON documents with tokens inside their strings.

use super::{Kind, Piece};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Why a template is no JSON document that can be rendered.
///
/// The template itself must be a document (RFC 8259, and no deeper than 128 levels): a token
/// inside a string is also plain text of that string. Tokens are found in the document as it is
/// written, so that an editor, which does not know the context, finds the same ones:
///
/// - A backslash is written twice there, so `"\\{secret:X}"` is the escaped token, the string
///   `{secret:X}`; and `"\\{a}"` is a backslash and the variable.
/// - A character spelled as `\u` and four digits is part of no token and escapes none:
///   `"\u007bsecret:X}"` is text.
///
/// Tokens may stand in the names of members as well. Whether two names come out equal is not
/// looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// A token where there is no string.
    #[error("must hold tokens inside JSON strings only, not at byte {offset}")]
    TokenOutsideString {
        /// Where the token begins.
        offset: usize,
    },
    /// Not a JSON document.
    #[error("must be a JSON document: line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1; 0 at the end of a line.
        column: usize,
    },
}

/// Checks a template, and takes the second backslash of an escaped token out of the text before
/// it: a piece's token knows of one.
pub(super) fn check(text: &str, pieces: &mut [Piece<'_>]) -> Result<(), InvalidJson> {
    let mut inside = false;
    let mut escaped = false;
    for piece in &*pieces {
        if piece.is_token() && !inside {
            return Err(InvalidJson::TokenOutsideString { offset: piece.offset });
        }
        for byte in piece.source.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if inside => escaped = true,
                b'"' => inside = !inside,
                _ => {}
            }
        }
    }
    serde_json::from_str::<Document>(text)
        .map_err(|error| InvalidJson::Syntax { line: error.line(), column: error.column() })?;
    unescape(pieces);
    Ok(())
}

/// In a document every backslash of a string's text is written as two, so one stands at the end
/// of the text before an escaped token.
fn unescape(pieces: &mut [Piece<'_>]) {
    for next in 1..pieces.len() {
        if pieces[next].kind == Kind::Escaped {
            let before = &mut pieces[next - 1];
            before.source = before.source.strip_suffix('\\').unwrap_or(before.source);
        }
    }
}

/// Any document. Unlike serde's `IgnoredAny` it reads strings and numbers to their end, and so
/// refuses half a surrogate pair.
struct Document;

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Document {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::fixture::render;
    use crate::reference::{Context, InvalidTemplate, Template};

    fn refusal(text: &str) -> Option<InvalidJson> {
        match Template::parse(text, Context::Json) {
            Err(InvalidTemplate::Json(refusal)) => Some(refusal),
            other => {
                assert!(other.is_ok(), "{text}: {other:?}");
                None
            }
        }
    }

    #[test]
    fn backslashes_count_as_the_document_reads_them() {
        let cases = [
            (r#""{secret:S}""#, "s"),
            (r#""\\{secret:S}""#, "{secret:S}"),
            (r#""\\\\{secret:S}""#, r"\{secret:S}"),
            (r#""{v}\\{secret:S}\\{secret:S}""#, "v{secret:S}{secret:S}"),
            (r#""\n{secret:S}\"{v}\"""#, "\ns\"v\""),
            (r#""\\n{secret:S}""#, r"\ns"),
            (r#""\\{v}""#, r"\v"),
            (r#""\u007bsecret:S}{v\u007d""#, "{secret:S}{v}"),
            (r#""\u005c{secret:S}""#, r"\s"),
            (r#""{{secret:S}} {secret:} {w}""#, "{s} {secret:} {w}"),
        ];
        for (template, expected) in cases {
            let rendered = render(template, Context::Json, "s", "v");
            let parsed: String = serde_json::from_str(rendered.text.expose()).unwrap();
            assert_eq!(parsed, expected, "{template}");
        }
    }

    #[test]
    fn tokens_stand_inside_strings_only() {
        for (text, offset) in [
            ("{secret:S}", 0),
            ("{v}", 0),
            (r#"{"a":{secret:S}}"#, 5),
            (r#"["\"",{v}]"#, 6),
            (r#"["\\",{v}]"#, 6),
            (r#"["{v}",{v}]"#, 7),
            (r#""a"{v}"#, 3),
            (r#"{{v}:1}"#, 1),
        ] {
            assert_eq!(refusal(text), Some(InvalidJson::TokenOutsideString { offset }), "{text}");
        }
    }

    #[test]
    fn the_template_is_one_whole_document() {
        let deep = |levels: usize| format!("{}\"{{v}}\"{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(refusal(&deep(127)), None);
        for text in [
            "",
            " ",
            "{",
            r#"{"a":"{v}""#,
            r#""{v}"#,
            r#""{v}" "{v}""#,
            r#"["{v}",]"#,
            r#"{'a':1}"#,
            "NaN",
            "[1e999]",
            "\u{feff}[]",
            "// a\n[]",
            "\"a\nb\"",
            "\"\0\"",
            r#""\x""#,
            r#""\{secret:S}""#,
            r#""\{v}""#,
            r#""\ud83d{v}""#,
            r#""\u00{v}""#,
            r#""\udc00""#,
            &deep(128),
            &deep(100_000),
        ] {
            let refused = matches!(refusal(text), Some(InvalidJson::Syntax { .. }));
            assert!(refused, "{}", &text[..text.len().min(40)]);
        }
        for text in
            ["null", "-0.0e-7", "123456789012345678901234567890", r#"{"a":1,"a":2}"#, "\t[ ]\r\n"]
        {
            assert_eq!(render(text, Context::Json, "s", "v").text.expose(), text);
        }
    }
}

//! References to secrets in the inputs of tools, and the one parser that finds them.
//!
//! ```text
//! text     = { escaped | secret | variable | other } ;    (* the first that fits, left to right *)
//! escaped  = "\" , secret ;                               (* stands for the secret's token as text *)
//! secret   = "{secret:" , name , "}" ;
//! variable = "{" , name , "}" ;
//! name     = ( letter | "_" ) , { letter | digit | "_" } ;             (* 1 to 64 characters *)
//! other    = ? any one character ? ;                      (* stands for itself *)
//! letter   = "A" | ... | "Z" | "a" | ... | "z" ;
//! digit    = "0" | ... | "9" ;
//! ```
//!
//! Everything is matched exactly, byte for byte: no case is folded, no white space skipped, and
//! there is no malformed token. What is not a token is text, so JSON and code need no escaping.
//!
//! | text | is |
//! | --- | --- |
//! | `{secret}` | the variable named `secret` |
//! | `{Secret:X}` `{secret: X}` `{secret:}` `{secret:1X}` | text |
//! | `{secret:` and 65 letters and `}`, `{` and 65 letters and `}` | text |
//! | `{secret:X` | text; an open brace waits for nothing |
//! | `{{secret:X}}` | the text `{`, the secret, the text `}` |
//! | `{a{secret:X}}` | the text `{a`, the secret, the text `}` |
//! | `{secret:{a}}` | the text `{secret:`, the variable, the text `}`: it never becomes a token |
//! | `\{secret:X}` | the text `{secret:X}` |
//! | `\\{secret:X}` | the text `\{secret:X}`: only the backslash next to the token counts |
//! | `\{a}` | the text `\`, then the variable: only a secret's token can be escaped |
//! | `\{secret:}` | itself: there is no token to escape |
//!
//! So a backslash cannot stand right before an inserted secret, unless a variable brings it.
//! [`Template`] renders; inserted text, a variable's or a secret's, is never parsed.

mod context;
#[cfg(test)]
mod fixture;
mod json;
#[cfg(test)]
mod properties;
mod render;
mod template;
mod url;

pub use context::Context;
pub use json::InvalidJson;
pub use render::{Found, Part, RenderError, Rendered, RenderedText};
pub use template::{InvalidTemplate, Template};
pub use url::InvalidUrl;

use crate::limits::{TEMPLATE_BYTES, TEMPLATE_TOKENS};
use crate::name::{SecretName, is_secret_name};

/// One piece of a text. All pieces together, in their order, are the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Where it begins, in bytes of UTF-8.
    pub offset: usize,
    /// The bytes it was parsed from.
    pub source: &'t str,
    /// What it is.
    pub kind: Kind<'t>,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'t> {
    /// Text that stands for itself.
    Text,
    /// The token of a secret behind a backslash; stands for the token as text.
    Escaped,
    /// The token of a secret.
    Secret(SecretName),
    /// The token of a variable, by its name.
    Variable(&'t str),
}

impl<'t> Piece<'t> {
    /// The text it stands for, if nothing takes its place.
    #[must_use]
    pub fn literal(&self) -> Option<&'t str> {
        match self.kind {
            Kind::Text => Some(self.source),
            Kind::Escaped => self.source.strip_prefix('\\'),
            Kind::Secret(_) | Kind::Variable(_) => None,
        }
    }

    /// Whether something takes its place when it is rendered.
    #[must_use]
    pub const fn is_token(&self) -> bool {
        matches!(self.kind, Kind::Secret(_) | Kind::Variable(_))
    }
}

/// Why a text is not parsed. Nothing else can be wrong with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Longer than [`TEMPLATE_BYTES`].
    #[error("must be at most 1048576 bytes")]
    Text,
    /// More tokens than [`TEMPLATE_TOKENS`].
    #[error("must hold at most 10000 tokens")]
    Tokens,
}

/// Cuts a text into pieces: no two texts in a row, none of them empty. Takes time linear in the
/// text's length.
///
/// # Errors
/// The limit that the text exceeds.
pub fn parse(text: &str) -> Result<Vec<Piece<'_>>, TooLarge> {
    if text.len() > TEMPLATE_BYTES {
        return Err(TooLarge::Text);
    }
    let mut pieces = Vec::new();
    let mut tokens = 0;
    let (mut done, mut at) = (0, 0);
    while let Some(found) = text[at..].find(['{', '\\']) {
        at += found;
        let Some((length, kind)) = token(&text[at..]) else {
            at += 1;
            continue;
        };
        tokens += 1;
        if tokens > TEMPLATE_TOKENS {
            return Err(TooLarge::Tokens);
        }
        push(&mut pieces, done, &text[done..at], Kind::Text);
        push(&mut pieces, at, &text[at..at + length], kind);
        at += length;
        done = at;
    }
    push(&mut pieces, done, &text[done..], Kind::Text);
    Ok(pieces)
}

fn push<'t>(pieces: &mut Vec<Piece<'t>>, offset: usize, source: &'t str, kind: Kind<'t>) {
    if !source.is_empty() {
        pieces.push(Piece { offset, source, kind });
    }
}

/// The token that a text begins with, escaped or not, and its length.
fn token(text: &str) -> Option<(usize, Kind<'_>)> {
    if let Some(escaped) = text.strip_prefix('\\') {
        let name = braced(escaped, "{secret:")?;
        return Some(("\\{secret:}".len() + name.len(), Kind::Escaped));
    }
    if let Some(name) = braced(text, "{secret:") {
        let secret = SecretName::parse(name).ok()?;
        return Some(("{secret:}".len() + name.len(), Kind::Secret(secret)));
    }
    let name = braced(text, "{")?;
    Some(("{}".len() + name.len(), Kind::Variable(name)))
}

/// The name between `open` and a closing brace, if the text begins so. Looks no further than the
/// longest name reaches.
fn braced<'t>(text: &'t str, open: &str) -> Option<&'t str> {
    let inner = text.strip_prefix(open)?;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let end = inner.bytes().take(65).position(|byte| !in_name(byte))?;
    let (name, rest) = inner.split_at(end);
    (rest.starts_with('}') && is_secret_name(name)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// The pieces as one line: `S` a secret, `V` a variable, `E` an escaped token, `T` a text.
    fn shape(text: &str) -> Vec<String> {
        let mark = |piece: &Piece<'_>| match &piece.kind {
            Kind::Text => format!("T {}", piece.source),
            Kind::Escaped => format!("E {}", piece.source),
            Kind::Secret(name) => format!("S {name}"),
            Kind::Variable(name) => format!("V {name}"),
        };
        parse(text).unwrap().iter().map(mark).collect()
    }

    #[test]
    fn the_corners_of_the_grammar() {
        let n64 = "N".repeat(64);
        let n65 = "N".repeat(65);
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("plain", &["T plain"]),
            ("{secret:X}", &["S X"]),
            ("{secret:_9}", &["S _9"]),
            ("{x}{secret:X}{_}", &["V x", "S X", "V _"]),
            ("{secret}", &["V secret"]),
            ("{secretX}", &["V secretX"]),
            ("a{secret:X}b", &["T a", "S X", "T b"]),
            ("é{secret:X}é", &["T é", "S X", "T é"]),
            ("{secret:}", &["T {secret:}"]),
            ("{secret:1X}", &["T {secret:1X}"]),
            ("{secret: X}", &["T {secret: X}"]),
            ("{secret :X}", &["T {secret :X}"]),
            ("{secret:X }", &["T {secret:X }"]),
            ("{secret:X-Y}", &["T {secret:X-Y}"]),
            ("{secret:é}", &["T {secret:é}"]),
            ("{secret:X\0}", &["T {secret:X\0}"]),
            ("{Secret:X}", &["T {Secret:X}"]),
            ("{SECRET:X}", &["T {SECRET:X}"]),
            ("{secret:X", &["T {secret:X"]),
            ("{secret:", &["T {secret:"]),
            ("{", &["T {"]),
            ("{}", &["T {}"]),
            ("}{", &["T }{"]),
            ("{ x }", &["T { x }"]),
            ("{1}", &["T {1}"]),
            ("{a:b}", &["T {a:b}"]),
            ("{a.b}", &["T {a.b}"]),
            ("${a}", &["T $", "V a"]),
            ("{{a}}", &["T {", "V a", "T }"]),
            ("{{secret:X}}", &["T {", "S X", "T }"]),
            ("{{{secret:X", &["T {{{secret:X"]),
            ("{a{secret:X}}", &["T {a", "S X", "T }"]),
            ("{secret:{a}}", &["T {secret:", "V a", "T }"]),
            ("{secret:{secret:X}}", &["T {secret:", "S X", "T }"]),
            ("{secret:a{b}", &["T {secret:a", "V b"]),
            (r"\{secret:X}", &[r"E \{secret:X}"]),
            (r"\\{secret:X}", &[r"T \", r"E \{secret:X}"]),
            (r"\\\{secret:X}", &[r"T \\", r"E \{secret:X}"]),
            (r"\{secret:X}\{secret:Y}", &[r"E \{secret:X}", r"E \{secret:Y}"]),
            (r"\{secret:X}{secret:X}", &[r"E \{secret:X}", "S X"]),
            (r"\{a}", &[r"T \", "V a"]),
            (r"\{secret:}", &[r"T \{secret:}"]),
            (r"\{{secret:X}", &[r"T \{", "S X"]),
            (r"\n{secret:X}\", &[r"T \n", "S X", r"T \"]),
            (r#"{"a":{"b":[{}]}}"#, &[r#"T {"a":{"b":[{}]}}"#]),
            ("fn f() {return;}", &["T fn f() {return;}"]),
        ];
        for (text, expected) in cases {
            assert_eq!(&shape(text), expected, "{text}");
        }
        assert_eq!(shape(&format!("{{secret:{n64}}}")), [format!("S {n64}")]);
        assert_eq!(shape(&format!("{{{n64}}}")), [format!("V {n64}")]);
        for long in [format!("{{secret:{n65}}}"), format!("{{{n65}}}"), format!("\\{{{n65}}}")] {
            assert_eq!(shape(&long), [format!("T {long}")]);
        }
    }

    #[test]
    fn offsets_and_lengths_are_bytes() {
        let pieces = parse("é{secret:X}\u{1f600}{a}").unwrap();
        let spans: Vec<_> = pieces.iter().map(|p| (p.offset, p.source.len())).collect();
        assert_eq!(spans, [(0, 2), (2, 10), (12, 4), (16, 3)]);
    }

    #[test]
    fn the_limits_are_exact() {
        let at_most = "x".repeat(TEMPLATE_BYTES);
        assert_eq!(parse(&at_most).map(|pieces| pieces.len()), Ok(1));
        assert_eq!(parse(&format!("{at_most}x")), Err(TooLarge::Text));
        for token in ["{a}", "{secret:A}", r"\{secret:A}"] {
            let most = token.repeat(TEMPLATE_TOKENS);
            assert_eq!(parse(&most).map(|pieces| pieces.len()), Ok(TEMPLATE_TOKENS));
            assert_eq!(parse(&format!("{most}{token}")), Err(TooLarge::Tokens));
        }
    }

    /// Quadratic time over a mebibyte would be minutes.
    #[test]
    fn a_mebibyte_of_false_starts_is_parsed_in_linear_time() {
        let name = "N".repeat(64);
        for start in ["{", "\\", "\\{", "{secret:", "\\{secret:", "{a", &format!("{{{name}")] {
            let text = start.repeat(TEMPLATE_BYTES / start.len());
            let begun = Instant::now();
            assert_eq!(parse(&text).map(|pieces| pieces.len()), Ok(1));
            assert!(begun.elapsed() < Duration::from_secs(5), "{start}");
        }
    }
}

//! URLs with tokens behind their authority.

use super::Piece;
use url::{Position, Url};

/// Why a template is no URL that can be rendered, or its result none that may be used.
///
/// Without a token a template must be an absolute URL, and stays as it is. With one it must be
/// `scheme://authority`, then tokens in path segments, in names and values of the query and in the
/// fragment. Since the caller's reader of URLs may differ from the one used here, what readers are
/// known to take for different parts is refused:
///
/// - A token, secret or variable, given or not, in the scheme, the user info, the host or the
///   port; also one that only some readers find there (`https:///{a}/`).
/// - White space, a control character or a backslash in the template: readers drop them, or take
///   them for something else.
/// - A URL without `//` (`mailto:`, `data:`, `javascript:`), and `file:`.
/// - A segment `.` or `..`, as written or after rendering, in any spelling (`%2e`), also behind
///   an encoded slash and before a `;`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not an absolute URL.
    #[error("must be an absolute URL")]
    Syntax,
    /// Not `scheme://` and an authority.
    #[error("must begin with scheme:// and an authority to hold a token; file: may hold none")]
    NoAuthority,
    /// A token in the scheme, the user info, the host or the port.
    #[error("must hold no token in the scheme, the user info, the host or the port")]
    TokenInAuthority,
    /// White space, a control character or a backslash.
    #[error("must hold no white space, control character or backslash beside a token")]
    Ambiguous,
    /// A segment `.` or `..`.
    #[error("must hold no path segment that is . or .. beside a token")]
    DotSegment,
}

/// Stands for a token while a template is looked at; as inert as what is inserted.
const MARKER: &str = "x";

/// Checks a template. No value takes part, so none is left in the memory of the URL's parser.
pub(super) fn check(pieces: &[Piece<'_>]) -> Result<(), InvalidUrl> {
    let mut marked = String::new();
    let mut first = None;
    for piece in pieces {
        if piece.is_token() {
            first = first.or(Some(marked.len()));
        }
        marked.push_str(piece.literal().unwrap_or(MARKER));
    }
    let parsed = Url::parse(&marked).map_err(|_| InvalidUrl::Syntax);
    let Some(first) = first else {
        return parsed.map(drop);
    };
    if marked.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(InvalidUrl::Ambiguous);
    }
    let path = path_start(&marked).ok_or(InvalidUrl::NoAuthority)?;
    if first < path {
        return Err(InvalidUrl::TokenInAuthority);
    }
    let whole = parsed?;
    let bare = Url::parse(&marked[..path]).map_err(|_| InvalidUrl::NoAuthority)?;
    if whole.scheme() == "file" {
        return Err(InvalidUrl::NoAuthority);
    }
    // What stands before the path is the same with the tokens and without: none is part of it.
    if whole[..Position::BeforePath] != bare[..Position::BeforePath] {
        return Err(InvalidUrl::TokenInAuthority);
    }
    check_rendered(&marked)
}

/// Checks what came of a template that holds tokens.
pub(super) fn check_rendered(text: &str) -> Result<(), InvalidUrl> {
    let path = &text[path_start(text).ok_or(InvalidUrl::NoAuthority)?..];
    let path = &path[..path.find(['?', '#']).unwrap_or(path.len())];
    if has_dot_segment(path.as_bytes()) { Err(InvalidUrl::DotSegment) } else { Ok(()) }
}

/// Where the path begins in `scheme://authority` and what follows.
fn path_start(text: &str) -> Option<usize> {
    let (scheme, rest) = text.split_once("://")?;
    let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    scheme.bytes().all(in_scheme).then_some(text.len() - rest.len() + authority)
}

fn has_dot_segment(mut path: &[u8]) -> bool {
    // How many dots the segment is made of so far; `None` when it holds anything else.
    let mut dots = Some(0_usize);
    while let Some((byte, rest)) = decoded(path) {
        let ended = matches!(dots, Some(1 | 2));
        dots = match (byte, dots) {
            (b'/' | b'\\' | b';', _) if ended => return true,
            (b'/' | b'\\', _) => Some(0),
            (b'.', Some(count)) => Some(count + 1),
            _ => None,
        };
        path = rest;
    }
    matches!(dots, Some(1 | 2))
}

/// The first byte, percent-decoded, and what follows it.
fn decoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if let [b'%', high, low, rest @ ..] = text
        && let (Some(high), Some(low)) = (digit(*high), digit(*low))
    {
        return Some((high * 16 + low, rest));
    }
    text.split_first().map(|(first, rest)| (*first, rest))
}

#[cfg(test)]
mod tests;

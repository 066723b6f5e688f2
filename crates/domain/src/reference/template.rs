//! A text with tokens, checked for where its rendering goes.

use super::{Context, InvalidJson, InvalidUrl, Kind, Piece, TooLarge, json, parse, url};
use crate::name::SecretName;
use std::collections::HashSet;

/// Why a template is refused before any value is looked at. Never carries its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Over a limit.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// In [`Context::Json`].
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// In [`Context::Url`].
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// In [`Context::HeaderValue`].
    #[error("must hold no control character but the tab, as at byte {offset}")]
    Control {
        /// Where the text with such a character begins.
        offset: usize,
    },
    /// A `%` whose two digits a token could complete, in a context where they are one character.
    #[error("must not hold an unfinished percent-encoding before the token at byte {offset}")]
    UnfinishedPercent {
        /// Where the token begins.
        offset: usize,
    },
}

/// A text that is known to be fit for its context.
#[derive(Debug)]
pub struct Template<'t> {
    pub(super) context: Context,
    pub(super) pieces: Vec<Piece<'t>>,
}

impl<'t> Template<'t> {
    /// Parses a text and checks what can be told without values.
    ///
    /// # Errors
    /// The rule of the context that the text breaks.
    pub fn parse(text: &'t str, context: Context) -> Result<Self, InvalidTemplate> {
        let mut pieces = parse(text)?;
        if let Some(piece) = pieces.iter().find(|piece| !context.admits(piece.source)) {
            return Err(InvalidTemplate::Control { offset: piece.offset });
        }
        if context.decodes_percent() {
            check_percent(&pieces)?;
        }
        match context {
            Context::Json => json::check(text, &mut pieces)?,
            Context::Url => url::check(&pieces)?,
            Context::Text | Context::UrlComponent | Context::HeaderValue | Context::FormValue => {}
        }
        Ok(Self { context, pieces })
    }

    /// How many tokens it has, escaped ones among them.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.pieces.iter().filter(|piece| piece.kind != Kind::Text).count()
    }

    /// The secrets it refers to: each once, in the order of their first use.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretName> {
        let mut seen = HashSet::new();
        let names = self.pieces.iter().filter_map(|piece| match &piece.kind {
            Kind::Secret(name) => Some(name),
            Kind::Text | Kind::Escaped | Kind::Variable(_) => None,
        });
        names.filter(|name| seen.insert(*name)).collect()
    }
}

/// What is inserted may begin with hexadecimal digits: after `%` or `%2` they would make a
/// character that nobody wrote.
fn check_percent(pieces: &[Piece<'_>]) -> Result<(), InvalidTemplate> {
    for pair in pieces.windows(2) {
        let unfinished = match pair[0].source.as_bytes() {
            [.., b'%'] => true,
            [.., b'%', digit] => digit.is_ascii_hexdigit(),
            _ => false,
        };
        if unfinished && pair[1].is_token() {
            return Err(InvalidTemplate::UnfinishedPercent { offset: pair[1].offset });
        }
    }
    Ok(())
}

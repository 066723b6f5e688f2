//! Rendering: one pass over the pieces of a template.

use super::{Context, InvalidUrl, Kind, Piece, Template, url};
use crate::limits::RENDERED_BYTES;
use crate::name::SecretName;
use crate::value::{PayloadKind, SecretValue};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use zeroize::Zeroizing;

/// What is known about a secret that a template refers to.
#[derive(Clone, Copy, Debug)]
pub enum Found<'v> {
    /// Its value.
    Value(&'v SecretValue),
    /// It exists, and has no value here.
    Unset,
    /// There is no such secret.
    Unknown,
}

/// What was inserted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A secret.
    Secret(SecretName),
    /// A variable, by its name.
    Variable(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => write!(f, "the secret {name}"),
            Self::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

/// Why a template is not rendered. Names things, and never carries a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Secrets without a value: all of them, each in the order of first use.
    #[error("{} secrets unknown, {} unset", unknown.len(), unset.len())]
    Missing {
        /// Those that do not exist.
        unknown: Vec<SecretName>,
        /// Those that exist.
        unset: Vec<SecretName>,
    },
    /// Values that are bytes, and so no text: all of them, in the order of first use.
    #[error("{} secrets hold bytes, which cannot be rendered", .0.len())]
    Bytes(Vec<SecretName>),
    /// A control character for the value of a header.
    #[error("must not come out with a control character in it, as {0} has one")]
    Control(Part),
    /// The values make a URL of it that may not be used.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The text or its twin is longer than [`RENDERED_BYTES`].
    #[error("comes out longer than 3670016 bytes")]
    TooLong,
}

/// A rendered text. Wiped when dropped, neither printed nor cloned.
pub struct RenderedText(Zeroizing<String>);

impl RenderedText {
    /// The one way to the text; every call is a crossing that a reader can search for.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The text itself, still wiped when dropped.
    #[must_use]
    pub fn into_exposed(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Debug for RenderedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RenderedText(redacted)")
    }
}

/// What came of a template.
#[derive(Debug)]
pub struct Rendered {
    /// The text.
    pub text: RenderedText,
    /// Its twin for logs, with `[secret:NAME]` in place of every secret. It has the same shape:
    /// those characters stay what they are in any context.
    pub redacted: String,
    /// The secrets in it: each once, in the order of their first use.
    pub used: Vec<SecretName>,
}

impl Template<'_> {
    /// Puts values in the place of tokens. Each name is asked for once; a variable that is not
    /// given stays as it was written.
    ///
    /// # Errors
    /// What stands against it; secrets without a value first.
    pub fn render<'v>(
        &self,
        secrets: impl Fn(&SecretName) -> Found<'v>,
        variables: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Rendered, RenderError> {
        let secrets = self.texts_of_secrets(secrets)?;
        let variables = self.texts_of_variables(variables)?;
        let spans: Vec<Span<'_>> = self
            .pieces
            .iter()
            .map(|piece| match &piece.kind {
                Kind::Text | Kind::Escaped => Span::Literal(piece.literal().unwrap_or_default()),
                Kind::Secret(name) => Span::Secret(name, secrets[name]),
                Kind::Variable(name) => {
                    variables[name].map_or(Span::Literal(piece.source), Span::Variable)
                }
            })
            .collect();

        let text = assemble(&spans, |span, take| span.spell(self.context, take))?;
        if self.context == Context::Url && self.pieces.iter().any(Piece::is_token) {
            url::check_rendered(&text)?;
        }
        let mut redacted = assemble(&spans, |span, take| span.redact(self.context, take))?;
        Ok(Rendered {
            text: RenderedText(text),
            redacted: std::mem::take(&mut *redacted),
            used: self.secrets().into_iter().cloned().collect(),
        })
    }

    fn texts_of_secrets<'v>(
        &self,
        find: impl Fn(&SecretName) -> Found<'v>,
    ) -> Result<HashMap<&SecretName, &'v str>, RenderError> {
        let mut texts = HashMap::new();
        let (mut unknown, mut unset, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for name in self.secrets() {
            match find(name) {
                Found::Unknown => unknown.push(name.clone()),
                Found::Unset => unset.push(name.clone()),
                Found::Value(value) => match text_of(value) {
                    Some(text) => drop(texts.insert(name, text)),
                    None => bytes.push(name.clone()),
                },
            }
        }
        if !unknown.is_empty() || !unset.is_empty() {
            return Err(RenderError::Missing { unknown, unset });
        }
        if !bytes.is_empty() {
            return Err(RenderError::Bytes(bytes));
        }
        match self.secrets().into_iter().find(|name| !self.context.admits(texts[name])) {
            Some(name) => Err(RenderError::Control(Part::Secret(name.clone()))),
            None => Ok(texts),
        }
    }

    fn texts_of_variables<'v>(
        &self,
        find: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<HashMap<&str, Option<&'v str>>, RenderError> {
        let mut texts = HashMap::new();
        for piece in &self.pieces {
            if let Kind::Variable(name) = piece.kind
                && let Entry::Vacant(entry) = texts.entry(name)
                && !entry.insert(find(name)).is_none_or(|text| self.context.admits(text))
            {
                return Err(RenderError::Control(Part::Variable(name.to_owned())));
            }
        }
        Ok(texts)
    }
}

fn text_of(value: &SecretValue) -> Option<&str> {
    (value.kind() == PayloadKind::Text).then(|| str::from_utf8(value.expose()).ok()).flatten()
}

/// A stretch of the result.
enum Span<'a> {
    Literal(&'a str),
    Variable(&'a str),
    Secret(&'a SecretName, &'a str),
}

impl Span<'_> {
    fn spell(&self, context: Context, take: &mut dyn FnMut(&str)) {
        match self {
            Self::Literal(text) => take(text),
            Self::Variable(text) | Self::Secret(_, text) => context.spell(text, take),
        }
    }

    fn redact(&self, context: Context, take: &mut dyn FnMut(&str)) {
        match self {
            Self::Literal(_) | Self::Variable(_) => self.spell(context, take),
            Self::Secret(name, _) => ["[secret:", name.as_str(), "]"].into_iter().for_each(take),
        }
    }
}

/// Measures what `spell` makes of the spans, then lets it write into a text of exactly that
/// capacity: one that grew would leave its smaller copies behind, unwiped. Measuring ends at the
/// limit, however much there is to insert.
fn assemble<'a>(
    spans: &[Span<'a>],
    spell: impl Fn(&Span<'a>, &mut dyn FnMut(&str)),
) -> Result<Zeroizing<String>, RenderError> {
    let mut length = 0;
    for span in spans {
        spell(span, &mut |chunk| length += chunk.len());
        if length > RENDERED_BYTES {
            return Err(RenderError::TooLong);
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(length));
    for span in spans {
        spell(span, &mut |chunk| text.push_str(chunk));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;

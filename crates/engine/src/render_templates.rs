//! Values put into texts, for agents that use secrets without seeing them. The rules of rendering
//! are `waxseal_domain::reference`'s; here is where the values come from.

use crate::resolve::{Looked, Seen};
use crate::{Engine, Error, Offenders, Permit, Resolve};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use waxseal_cache::{EncodedView, Entry, Found};
use waxseal_domain::caller::Action;
use waxseal_domain::limits::{RENDERED_BYTES, TEMPLATE_BYTES, TEMPLATE_TOKENS, TEMPLATES};
use waxseal_domain::name::SecretName;
use waxseal_domain::reference::{
    self, Context, InvalidTemplate, RenderError, RenderedText, Template,
};
use waxseal_domain::value::{PayloadKind, SecretValue};
use waxseal_domain::view::Origin;
use zeroize::Zeroizing;

/// A text to render, and where it goes.
pub struct TemplateText {
    /// The text.
    pub text: String,
    /// Where it goes.
    pub context: Context,
}

/// What to render.
pub struct RenderTemplates<'a> {
    /// From which view.
    pub view: Resolve<'a>,
    /// The texts; 1 to 100, at most 1 MiB and 10,000 tokens together.
    pub templates: Vec<TemplateText>,
    /// The agent's variables.
    pub variables: HashMap<String, String>,
}

/// The rendered texts.
#[derive(Debug)]
pub struct Renderings {
    /// The token of the project's revision as it was read.
    pub revision: Arc<str>,
    /// One for each template, in their order.
    pub rendered: Vec<Rendering>,
}

/// One rendered text.
#[derive(Debug)]
pub struct Rendering {
    /// The text.
    pub text: RenderedText,
    /// Its twin for logs.
    pub redacted: String,
    /// The secrets in it, as they are written there.
    pub used: Vec<Used>,
}

/// A secret that was put into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The name that was written.
    pub name: SecretName,
    /// The slot that the value came from.
    pub origin: Origin,
    /// The number of its version there.
    pub version: u64,
}

impl Engine {
    /// Renders texts with the values of one view.
    ///
    /// # Errors
    /// Those of resolving the view; [`Error::SecretNotFound`], then [`Error::SecretUnset`], then
    /// [`Error::SecretNotText`], each naming all offenders of all texts;
    /// [`Error::InvalidTemplate`], [`Error::RenderTooLarge`].
    pub async fn render_templates(
        &self,
        permit: Permit<'_>,
        render: RenderTemplates<'_>,
    ) -> Result<Renderings, Error> {
        permit.check(Action::RenderTemplates)?;
        let RenderTemplates { view, templates, variables } = render;
        check_shape(&templates, &variables)?;
        let parsed = parse(&templates)?;
        let ask = view;
        let Seen { revision, view, place } = match self.look(&permit, &ask).await? {
            Looked::View(seen) => seen,
            // Only a caller who says what view it holds is told so, and no render does.
            Looked::NotModified(_) => {
                return Err(Error::Internal("a render without a view".into()));
            }
        };
        let values = Values::of(&view, &parsed)?;
        let mut rendered = Vec::with_capacity(parsed.len());
        let mut total = 0;
        for (index, template) in parsed.iter().enumerate() {
            let rendering = values.render(template, &variables).map_err(|e| refusal(index, e))?;
            total += rendering.text.expose().len() + rendering.redacted.len();
            if total > RENDERED_BYTES {
                return Err(Error::RenderTooLarge);
            }
            rendered.push(rendering);
        }
        self.disclose_view(&permit, &ask, Action::RenderTemplates, &place).await?;
        Ok(Renderings { revision, rendered })
    }
}

fn check_shape(
    templates: &[TemplateText],
    variables: &HashMap<String, String>,
) -> Result<(), Error> {
    let invalid = |field: &str, rule: &str| {
        Err(Error::InvalidField { field: field.to_owned(), rule: rule.to_owned() })
    };
    if templates.is_empty() {
        return invalid("templates", "must hold at least one template");
    }
    let bytes: usize = templates.iter().map(|template| template.text.len()).sum();
    if templates.len() > TEMPLATES || bytes > TEMPLATE_BYTES {
        return Err(Error::RenderTooLarge);
    }
    if !variables.keys().all(|name| SecretName::parse(name).is_ok()) {
        return invalid("variables", "must have names that match ^[A-Za-z_][A-Za-z0-9_]{0,63}$");
    }
    Ok(())
}

fn parse(templates: &[TemplateText]) -> Result<Vec<Template<'_>>, Error> {
    let mut parsed = Vec::with_capacity(templates.len());
    let mut tokens = 0;
    for (index, TemplateText { text, context }) in templates.iter().enumerate() {
        let template = Template::parse(text, *context).map_err(|error| match error {
            InvalidTemplate::TooLarge(_) => Error::RenderTooLarge,
            other => Error::InvalidTemplate { field: field(index), rule: other.to_string() },
        })?;
        tokens += template.tokens();
        if tokens > TEMPLATE_TOKENS {
            return Err(Error::RenderTooLarge);
        }
        parsed.push(template);
    }
    Ok(parsed)
}

fn field(index: usize) -> String {
    format!("templates[{index}].text")
}

fn refusal(index: usize, error: RenderError) -> Error {
    match error {
        RenderError::Missing { unknown, unset } if unknown.is_empty() => {
            Error::SecretUnset(Offenders::of(&unset))
        }
        RenderError::Missing { unknown, unset: _ } => {
            Error::SecretNotFound(Offenders::of(&unknown))
        }
        RenderError::Bytes(names) => Error::SecretNotText(Offenders::of(&names)),
        RenderError::TooLong => Error::RenderTooLarge,
        RenderError::Control(_) | RenderError::Url(_) => {
            Error::InvalidTemplate { field: field(index), rule: error.to_string() }
        }
    }
}

/// The values that some templates refer to, by the names that they write.
struct Values<'a> {
    by_name: HashMap<&'a SecretName, (&'a Entry, SecretValue)>,
}

impl<'a> Values<'a> {
    /// Copies the values out of a view; unknown wins over unset, and unset over bytes.
    fn of(view: &'a EncodedView, templates: &'a [Template<'_>]) -> Result<Self, Error> {
        let (mut by_name, mut seen) = (HashMap::new(), HashSet::new());
        let (mut unknown, mut unset, mut bytes) = (vec![], vec![], vec![]);
        let names = templates.iter().flat_map(Template::secrets);
        for name in names.filter(|name| seen.insert(*name)) {
            match view.find(name) {
                Some(Found::Set(entry)) if entry.kind == PayloadKind::Bytes => bytes.push(name),
                Some(Found::Set(entry)) => {
                    let text = Zeroizing::new(view.bytes[entry.value.clone()].to_vec());
                    let value = SecretValue::new(entry.kind, text)
                        .map_err(|_| Error::DataLoss { what: "a view" })?;
                    by_name.insert(name, (entry, value));
                }
                Some(Found::Unset(_)) => unset.push(name),
                None => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            return Err(Error::SecretNotFound(Offenders::of(unknown)));
        }
        if !unset.is_empty() {
            return Err(Error::SecretUnset(Offenders::of(unset)));
        }
        if !bytes.is_empty() {
            return Err(Error::SecretNotText(Offenders::of(bytes)));
        }
        Ok(Self { by_name })
    }

    fn render(
        &self,
        template: &Template<'_>,
        variables: &HashMap<String, String>,
    ) -> Result<Rendering, RenderError> {
        let find = |name: &SecretName| match self.by_name.get(name) {
            Some((_, value)) => reference::Found::Value(value),
            None => reference::Found::Unknown,
        };
        let rendered = template.render(find, |name| variables.get(name).map(String::as_str))?;
        let used = rendered.used.into_iter().filter_map(|name| {
            let (entry, _) = self.by_name.get(&name)?;
            Some(Used { name, origin: entry.origin, version: entry.version })
        });
        let used = used.collect();
        Ok(Rendering { text: rendered.text, redacted: rendered.redacted, used })
    }
}

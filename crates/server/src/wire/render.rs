//! Templates, what comes of them, and the references in a text.

use super::{environment, invalid, number, payload, text};
use waxseal_domain::reference::Context;
use waxseal_engine::{Error, Reference, ReferenceState, Rendering, TemplateText, Used};
use waxseal_proto::v1;

/// Templates as they were sent: the ids that the caller knows them by, and the texts. Whether
/// they are too many is the engine's to say.
pub(crate) fn templates(
    sent: Vec<v1::Template>,
) -> Result<(Vec<String>, Vec<TemplateText>), Error> {
    let template = |(index, sent): (usize, v1::Template)| {
        let v1::Template { id, text, context: of } = sent;
        let id = text::template_id(&format!("templates[{index}].id"), id)?;
        let context = context(&format!("templates[{index}].context"), of)?;
        Ok((id, TemplateText { text, context }))
    };
    sent.into_iter().enumerate().map(template).collect()
}

/// A context that has to be said.
fn context(field: &str, context: i32) -> Result<Context, Error> {
    use v1::RenderContext as Sent;
    match Sent::try_from(context) {
        Ok(Sent::Text) => Ok(Context::Text),
        Ok(Sent::Json) => Ok(Context::Json),
        Ok(Sent::Url) => Ok(Context::Url),
        Ok(Sent::UrlComponent) => Ok(Context::UrlComponent),
        Ok(Sent::HeaderValue) => Ok(Context::HeaderValue),
        Ok(Sent::FormValue) => Ok(Context::FormValue),
        Ok(Sent::Unspecified) | Err(_) => Err(invalid(field, "be said: where the text is going")),
    }
}

pub(crate) fn rendered(id: String, rendering: Rendering) -> v1::RenderedTemplate {
    let Rendering { text, redacted, used } = rendering;
    v1::RenderedTemplate {
        id,
        payload: Some(payload::rendered(text)),
        redacted,
        used: used.into_iter().map(used_secret).collect(),
    }
}

fn used_secret(used: Used) -> v1::UsedSecret {
    let Used { name, origin, version } = used;
    v1::UsedSecret {
        secret: name.into(),
        origin: environment::origin(origin).into(),
        version: number(version),
    }
}

pub(crate) fn reference(reference: Reference) -> v1::SecretReference {
    let Reference { name, state, offset, length } = reference;
    let state = match state {
        ReferenceState::Resolved => v1::ReferenceState::Resolved,
        ReferenceState::Renamed => v1::ReferenceState::Renamed,
        ReferenceState::Unset => v1::ReferenceState::Unset,
        ReferenceState::Deleted => v1::ReferenceState::Deleted,
        ReferenceState::Unknown => v1::ReferenceState::Unknown,
    };
    // A text that is parsed has at most 1 MiB.
    let bytes = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
    v1::SecretReference {
        secret: name.into(),
        state: state.into(),
        offset: bytes(offset),
        length: bytes(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(id: &str, context: i32) -> Result<(), Error> {
        let good = v1::Template { id: "1".to_owned(), text: String::new(), context: 1 };
        let sent = v1::Template { id: id.to_owned(), text: String::new(), context };
        templates(vec![good, sent]).map(drop)
    }

    #[test]
    fn a_context_has_to_be_said() {
        for context in 1..=6 {
            assert!(template("", context).is_ok(), "{context}");
        }
        for context in [0, 7, -1] {
            let refused = template("", context);
            let field = "templates[1].context";
            assert!(matches!(refused, Err(Error::InvalidField { field: f, .. }) if f == field));
        }
    }

    #[test]
    fn an_id_is_one_short_line() {
        assert!(template(&"x".repeat(128), 1).is_ok());
        for id in ["x".repeat(129), "a\nb".to_owned(), "\0".to_owned()] {
            let refused = template(&id, 1);
            let field = "templates[1].id";
            assert!(matches!(refused, Err(Error::InvalidField { field: f, .. }) if f == field));
        }
    }

    #[test]
    fn what_people_and_agents_wrote_does_not_print() {
        let canary = || "CANARY".to_owned();
        let template = v1::Template { text: canary(), ..v1::Template::default() };
        let rendered = v1::RenderedTemplate { redacted: canary(), ..Default::default() };
        let printed = [
            format!("{template:?}"),
            format!("{rendered:?}"),
            format!(
                "{:?}",
                v1::RenderTemplatesResponse { rendered: vec![rendered], revision: String::new() }
            ),
            format!(
                "{:?}",
                v1::RenderTemplatesRequest {
                    templates: vec![template],
                    variables: [(canary(), canary())].into(),
                    ..Default::default()
                }
            ),
            format!("{:?}", v1::ParseReferencesRequest { text: canary(), ..Default::default() }),
            format!("{:?}", v1::ImportProjectRequest { document: canary(), ..Default::default() }),
        ];
        for printed in printed {
            assert!(!printed.contains("CANARY") && printed.contains(".."), "{printed}");
        }
    }
}

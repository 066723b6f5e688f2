//! What holds for every text: nothing inserted is expanded, nothing outside the tokens changes.

use super::fixture::{nasty, render, text, try_render};
use super::{Context, InvalidUrl, Kind, RenderError, parse};
use ::url::{Position, Url, form_urlencoded};
use percent_encoding::percent_decode_str;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Text as an end user may send it: anything, and what has broken things before.
fn hostile() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        select(nasty()),
        any::<String>(),
        any::<char>().prop_map(String::from),
        (0..0x20_u8).prop_map(|control| char::from(control).to_string()),
    ];
    vec(one, 0..4).prop_map(|parts| parts.concat())
}

/// The same for a secret: neither empty nor with a NUL.
fn hostile_secret() -> impl Strategy<Value = String> {
    hostile().prop_map(|text| format!("{}$", text.replace('\0', "{secret:S}")))
}

/// Stretches of a template, each with what comes of it; `S` and `V` stand for what is inserted.
fn stretches() -> impl Strategy<Value = Vec<(String, char)>> {
    const LITERALS: &[&str] = &[
        "{\"a\": {\"b\": []}}",
        "{secret:}",
        "{Secret:S}",
        "{secret: S}",
        "${-",
        "}",
        "{ v }",
        "\\n",
        "é",
        "fn f() {}",
        "{unknown}",
        "{secret:\u{e9}}",
        "\r\n\t\0",
    ];
    let inert = any::<String>().prop_map(|text| text.replace(['{', '\\'], "/"));
    let one = prop_oneof![
        3 => select(LITERALS).prop_map(|text| (text.to_owned(), 'T')),
        2 => inert.prop_map(|text| (text, 'T')),
        2 => Just(("{secret:S}".to_owned(), 'S')),
        2 => Just(("{v}".to_owned(), 'V')),
        1 => Just((r"\{secret:S}".to_owned(), 'E')),
    ];
    vec(one, 0..12)
}

proptest! {
    #[test]
    fn pieces_are_the_text(bytes in vec(any::<u8>(), 0..200), cuts in vec(select(nasty()), 0..9)) {
        let text = format!("{}{}", String::from_utf8_lossy(&bytes), cuts.concat());
        let pieces = parse(&text).unwrap();
        let mut end = 0;
        for piece in &pieces {
            prop_assert_eq!(piece.offset, end);
            prop_assert!(!piece.source.is_empty());
            end += piece.source.len();
        }
        let joined: String = pieces.iter().map(|piece| piece.source).collect();
        prop_assert_eq!(&joined, &text);
        let texts = |pair: &[super::Piece<'_>]| pair.iter().all(|piece| piece.kind == Kind::Text);
        prop_assert!(!pieces.windows(2).any(texts));
    }

    #[test]
    fn inserted_text_is_never_expanded_and_the_rest_never_changed(
        stretches in stretches(), s in hostile_secret(), v in hostile(),
    ) {
        let template: String = stretches.iter().map(|(source, _)| source.as_str()).collect();
        let expected = |secret: &str| -> String {
            let each = stretches.iter().map(|(source, kind)| match kind {
                'S' => secret,
                'V' => &v,
                'E' => "{secret:S}",
                _ => source,
            });
            each.collect()
        };
        let rendered = render(&template, Context::Text, &s, &v);
        prop_assert_eq!(rendered.text.expose(), expected(&s));
        prop_assert_eq!(&rendered.redacted, &expected("[secret:S]"));
        prop_assert_eq!(rendered.used.len(), usize::from(template.contains("{secret:S}")
            && stretches.iter().any(|(_, kind)| *kind == 'S')));
    }

    #[test]
    fn json_stays_the_document_that_it_was(
        stretches in vec(stretches(), 1..5), s in hostile_secret(), v in hostile(), pretty: bool,
    ) {
        // The document as it is meant, each of its strings rendered as a text of its own.
        let strings: Vec<String> =
            stretches.iter().map(|parts| parts.iter().map(|(source, _)| &**source).collect()).collect();
        let document = |of: &dyn Fn(&str) -> String| {
            let strings: Vec<String> = strings.iter().map(|text| of(text)).collect();
            let first = strings[0].clone();
            // In a list: beside another name, one that is rendered can turn out to be the same.
            serde_json::json!([{ first: strings }, [1, 2.5, null, true, {}]])
        };
        let meant = document(&|text| render(text, Context::Text, &s, &v).text.expose().to_owned());
        let twin = document(&|text| render(text, Context::Text, &s, &v).redacted);
        let template = document(&str::to_owned);
        let template = if pretty { format!("{template:#}") } else { template.to_string() };

        let rendered = render(&template, Context::Json, &s, &v);
        let parsed: serde_json::Value = serde_json::from_str(rendered.text.expose()).unwrap();
        prop_assert_eq!(parsed, meant);
        let parsed: serde_json::Value = serde_json::from_str(&rendered.redacted).unwrap();
        prop_assert_eq!(parsed, twin);
    }

    #[test]
    fn a_url_gains_no_structure(s in hostile_secret(), v in hostile()) {
        let template = "https://u:p@h:8/a/{v}/{secret:S}.x/b?{v}={secret:S}&k={v}&{secret:S}#{v}{secret:S}";
        let (secret, secrets) = (text(&s), "S");
        let rendered = try_render(template, Context::Url, &[(secrets, &secret)], &[("v", &v)]);
        let rendered = match rendered {
            Err(error) => {
                prop_assert_eq!(error, RenderError::Url(InvalidUrl::DotSegment));
                prop_assert!(v.contains('.') || s.contains('.'));
                return Ok(());
            }
            Ok(rendered) => rendered,
        };
        let url = Url::parse(rendered.text.expose()).unwrap();
        prop_assert_eq!(&url[..Position::BeforePath], "https://u:p@h:8");
        // The parser finds nothing to change: every reader sees the same bytes.
        prop_assert_eq!(url.as_str(), rendered.text.expose());
        let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        let segments: Vec<String> = url.path_segments().unwrap().map(decode).collect();
        let name = format!("{s}.x");
        prop_assert_eq!(segments, ["a", v.as_str(), &name, "b"]);
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let expected = [(&*v, &*s), ("k", &*v), (&*s, "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        prop_assert_eq!(pairs, expected);
        prop_assert_eq!(url.fragment().map(decode), Some(format!("{v}{s}")));
        let twin = Url::parse(&rendered.redacted).unwrap();
        prop_assert_eq!(twin.path_segments().unwrap().count(), 4);
        prop_assert_eq!(twin.query_pairs().count(), 3);
    }

    #[test]
    fn components_and_forms_decode_to_what_was_inserted(s in hostile_secret(), v in hostile()) {
        let rendered = render("{v}/{secret:S}", Context::UrlComponent, &s, &v);
        let parts: Vec<&str> = rendered.text.expose().split('/').collect();
        prop_assert_eq!(parts.len(), 2);
        let decoded = parts.iter().map(|part| percent_decode_str(part).decode_utf8().unwrap());
        prop_assert_eq!(decoded.collect::<Vec<_>>(), [&*v, &*s]);

        let rendered = render("a={v}&{secret:S}=b", Context::FormValue, &s, &v);
        let pairs: Vec<_> = form_urlencoded::parse(rendered.text.expose().as_bytes()).collect();
        let expected = [("a", &*v), (&*s, "b")].map(|(k, v)| (k.into(), v.into()));
        prop_assert_eq!(pairs, expected);
    }

    #[test]
    fn a_header_holds_what_was_inserted_or_nothing(s in hostile_secret(), v in hostile()) {
        let secret = text(&s);
        let rendered =
            try_render("a {v}{secret:S}", Context::HeaderValue, &[("S", &secret)], &[("v", &v)]);
        let forbidden = |c: char| c.is_ascii_control() && c != '\t';
        match rendered {
            Ok(rendered) => {
                prop_assert_eq!(rendered.text.expose(), format!("a {v}{s}"));
                prop_assert!(!rendered.text.expose().contains(forbidden));
            }
            Err(RenderError::Control(_)) => prop_assert!(v.contains(forbidden) || s.contains(forbidden)),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// The same list once more without chance: every text as a secret and as a variable.
#[test]
fn every_nasty_text_comes_through_every_context() {
    for nasty in nasty() {
        let both = |template, context| render(template, context, &nasty, &nasty);
        assert_eq!(both("{secret:S}|{v}", Context::Text).text.expose(), format!("{nasty}|{nasty}"));

        let json = both(r#"{"{v}":["{secret:S}","\\{secret:S}"]}"#, Context::Json);
        let parsed: serde_json::Value = serde_json::from_str(json.text.expose()).unwrap();
        assert_eq!(parsed, serde_json::json!({ nasty.clone(): [nasty, "{secret:S}"] }));

        let url = both("https://h/?{v}={secret:S}", Context::Url);
        let parsed = Url::parse(url.text.expose()).unwrap();
        let pairs: Vec<_> = parsed.query_pairs().collect();
        assert_eq!(pairs, [(nasty.as_str().into(), nasty.as_str().into())]);
    }
}

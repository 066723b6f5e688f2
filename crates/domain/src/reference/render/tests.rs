use super::*;
use crate::limits::{TEMPLATE_BYTES, TEMPLATE_TOKENS, VALUE_BYTES};
use crate::reference::InvalidTemplate;
use crate::reference::fixture::{render, text, try_render};
use std::time::{Duration, Instant};

const ALL: [Context; 6] = [
    Context::Text,
    Context::Json,
    Context::Url,
    Context::UrlComponent,
    Context::HeaderValue,
    Context::FormValue,
];

fn names(names: &[&str]) -> Vec<SecretName> {
    names.iter().map(|name| SecretName::parse(name).unwrap()).collect()
}

#[test]
fn every_context_inserts_in_its_own_way_and_the_twin_keeps_the_shape() {
    let cases = [
        (
            Context::Text,
            r"{v} {secret:S} \{secret:S} {w}",
            r#"v"/ s&\ {secret:S} {w}"#,
            r#"v"/ [secret:S] {secret:S} {w}"#,
        ),
        (
            Context::Json,
            r#"{ "{v}" :["{secret:S}", "\\{secret:S} \\{v} {w}"],"n":1.50e0 }"#,
            r#"{ "v\"/" :["s&\\", "{secret:S} \\v\"/ {w}"],"n":1.50e0 }"#,
            r#"{ "v\"/" :["[secret:S]", "{secret:S} \\v\"/ {w}"],"n":1.50e0 }"#,
        ),
        (
            Context::Url,
            "HTTPS://Host:443/{v}/a%2F?{secret:S}={v}&x=[é]#{w}",
            "HTTPS://Host:443/v%22%2F/a%2F?s%26%5C=v%22%2F&x=[é]#{w}",
            "HTTPS://Host:443/v%22%2F/a%2F?[secret:S]=v%22%2F&x=[é]#{w}",
        ),
        (Context::UrlComponent, "a b/{v}{secret:S}", "a b/v%22%2Fs%26%5C", "a b/v%22%2F[secret:S]"),
        (
            Context::HeaderValue,
            "Bearer\t{v}{secret:S}",
            "Bearer\tv\"/s&\\",
            "Bearer\tv\"/[secret:S]",
        ),
        (Context::FormValue, "a={v}&b={secret:S}", "a=v%22%2F&b=s%26%5C", "a=v%22%2F&b=[secret:S]"),
    ];
    for (context, template, expected, twin) in cases {
        let rendered = render(template, context, r"s&\", r#"v"/"#);
        assert_eq!(rendered.text.expose(), expected);
        assert_eq!(rendered.redacted, twin);
        assert_eq!(rendered.used, names(&["S"]));
        assert_eq!(rendered.text.into_exposed().capacity(), expected.len());
    }
}

#[test]
fn a_text_without_tokens_is_unchanged_in_every_context() {
    for context in ALL {
        let template = match context {
            Context::Json => "\u{20}{\"a\" : [1.0, \"\\u00e9\\/\"]}\n",
            Context::Url => "HTTPS://h:443/a/../%7e?a b\\",
            _ => "{secret:} % {a-b} é\t\\",
        };
        let rendered = render(template, context, "s", "v");
        assert_eq!((rendered.text.expose(), &*rendered.redacted), (template, template));
        assert!(rendered.used.is_empty());
    }
}

#[test]
fn secrets_are_listed_once_in_the_order_of_first_use() {
    let template = "{secret:B}{secret:A}{secret:B}{secret:a}";
    let (a, b) = (text("1"), text("2"));
    let known: &[_] = &[("A", &a), ("B", &b), ("a", &b)];
    let rendered = try_render(template, Context::Text, known, &[]).unwrap();
    assert_eq!(rendered.text.expose(), "2122");
    assert_eq!(rendered.used, names(&["B", "A", "a"]));
}

#[test]
fn everything_missing_is_named_at_once_and_before_anything_else() {
    let bytes = SecretValue::new(PayloadKind::Bytes, Zeroizing::new(b"text".to_vec())).unwrap();
    let known: &[_] = &[("RAW", &bytes), ("RAW2", &bytes)];
    let template = "{secret:RAW}{secret:NO}{secret:UNSET1}{secret:no}{secret:NO}{secret:UNSET2}";
    assert_eq!(
        try_render(template, Context::Text, known, &[]).err(),
        Some(RenderError::Missing {
            unknown: names(&["NO", "no"]),
            unset: names(&["UNSET1", "UNSET2"]),
        })
    );
    assert_eq!(
        try_render("{secret:RAW2}{secret:RAW}", Context::Text, known, &[]).err(),
        Some(RenderError::Bytes(names(&["RAW2", "RAW"])))
    );
}

#[test]
fn a_header_refuses_control_characters_from_anywhere() {
    for control in (0..0x20).chain([0x7f]).filter_map(char::from_u32).filter(|c| *c != '\t') {
        let hostile = format!("a{control}b");
        assert_eq!(
            Template::parse(&format!("{{v}}{hostile}"), Context::HeaderValue).err(),
            Some(InvalidTemplate::Control { offset: 3 })
        );
        let with = |s: &str, v: &str| {
            try_render("{v}{secret:S}", Context::HeaderValue, &[("S", &text(s))], &[("v", v)]).err()
        };
        let variable = RenderError::Control(Part::Variable("v".to_owned()));
        assert_eq!(with("s", &hostile), Some(variable));
        if control != '\0' {
            let secret = RenderError::Control(Part::Secret(SecretName::parse("S").unwrap()));
            assert_eq!(with(&hostile, "v"), Some(secret));
        }
    }
}

#[test]
fn no_token_completes_a_percent_encoding() {
    for context in [Context::Url, Context::UrlComponent, Context::FormValue] {
        for (before, refused) in [
            ("%", true),
            ("%2", true),
            ("%%f", true),
            ("%2e", false),
            ("%25", false),
            ("%g", false),
        ] {
            for token in ["{secret:S}", "{v}"] {
                let template = format!("https://h/{before}{token}");
                let expected = InvalidTemplate::UnfinishedPercent { offset: 10 + before.len() };
                let refusal = Template::parse(&template, context).err();
                assert_eq!(refusal, refused.then_some(expected), "{template}");
            }
        }
    }
}

#[test]
fn values_make_no_dot_segment() {
    let with = |template: &str, v: &str| {
        try_render(template, Context::Url, &[], &[("v", v), ("w", ".")]).map(|r| r.redacted)
    };
    for (template, v) in [
        ("https://h/{v}", ".."),
        ("https://h/{v}", "."),
        ("https://h/a/{v}/b", ".."),
        ("https://h/a/{v}{w}/b", "."),
        ("https://h/.{v}", "."),
        ("https://h/.{v}", ""),
        ("https://h/%2e{v}?q", "."),
        ("https://h/{v};a=b/", ".."),
        ("https://h/{v}", "../../admin"),
        ("https://h/{v}", "a/.."),
        ("https://h/{v}", "..\\a"),
        ("https://h/{v}%2fb", ".."),
        ("foo:///{v}", ".."),
    ] {
        assert_eq!(
            with(template, v),
            Err(RenderError::Url(InvalidUrl::DotSegment)),
            "{template} {v}"
        );
    }
    for (template, v, expected) in [
        ("https://h/{v}", "...", "https://h/..."),
        ("https://h/{v}", "a..", "https://h/a.."),
        ("https://h/{v}", "%2e%2e", "https://h/%252e%252e"),
        ("https://h/?{v}#{v}", "..", "https://h/?..#.."),
        ("https://h/a/{v}/b", "", "https://h/a//b"),
    ] {
        assert_eq!(with(template, v).as_deref(), Ok(expected));
    }
}

#[test]
fn the_output_has_a_limit_that_stops_the_work() {
    let piece = "x".repeat(VALUE_BYTES);
    let most = "{secret:S}".repeat(RENDERED_BYTES / VALUE_BYTES);
    assert_eq!(render(&most, Context::Text, &piece, "").text.expose().len(), RENDERED_BYTES);
    let large = text(&piece);
    let begun = Instant::now();
    let flood = "{secret:S}".repeat(TEMPLATE_TOKENS);
    for template in [format!("{most}."), flood] {
        let refused = try_render(&template, Context::UrlComponent, &[("S", &large)], &[]);
        assert_eq!(refused.err(), Some(RenderError::TooLong));
    }
    // The twin can be the longer of the two.
    let name = "N".repeat(64);
    let template = format!("{{secret:{name}}}{{v}}");
    let rest = "v".repeat(RENDERED_BYTES - 20);
    let refused = try_render(&template, Context::Text, &[(&name, &text("s"))], &[("v", &rest)]);
    assert_eq!(refused.err(), Some(RenderError::TooLong));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_largest_templates_render_in_every_context() {
    for context in ALL {
        let (head, tail) = match context {
            Context::Json => ("[\"", "\"]"),
            Context::Url => ("https://h/", ""),
            _ => ("", ""),
        };
        let tokens = "{secret:S}{v}".repeat(TEMPLATE_TOKENS / 2);
        let fill = "{".repeat(TEMPLATE_BYTES - head.len() - tokens.len() - tail.len());
        let template = format!("{head}{tokens}{fill}{tail}");
        let begun = Instant::now();
        let rendered = render(&template, context, "s", "v");
        assert!(begun.elapsed() < Duration::from_secs(10), "{context:?}");
        let expected = format!("{head}{}{fill}{tail}", "sv".repeat(TEMPLATE_TOKENS / 2));
        assert!(rendered.text.expose() == expected, "{context:?}");
    }
}

#[test]
fn neither_an_error_nor_a_debug_shows_a_value() {
    let canary = "canary\r\n\"..";
    let rendered = render("{secret:S}{v}", Context::Text, canary, canary);
    assert!(!format!("{:?}", rendered.text).contains("canary"));
    let value = text(canary);
    let find = |_: &SecretName| Found::Value(&value);
    let template = Template::parse("{secret:S}{v}", Context::HeaderValue).unwrap();
    let error = template.render(find, |_| Some(canary)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}

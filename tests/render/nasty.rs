//! Texts that have broken a renderer, a parser or a log before: each as a secret and as what an
//! end user typed, in every context, read back by that context's own reader.

use super::{ALL, LIVE, became, demo};
use crate::support::client::Client;
use crate::support::refusal::read;
use crate::support::texts::template;
use tonic::Code;
use url::{Url, form_urlencoded};
use waxseal_proto::v1::{self, RenderContext as C, Visibility};

/// None is empty or holds a NUL, so each can be a secret.
pub(super) fn texts() -> Vec<String> {
    let mut texts: Vec<String> = LISTED.iter().map(|&text| text.to_owned()).collect();
    texts.extend((1..=0x9f).filter_map(char::from_u32).map(|c| format!("{c}")));
    texts.extend((1..0x20).filter_map(char::from_u32).map(|c| format!("a{c}b\\{c}\"$")));
    texts.push("\\".repeat(65));
    texts.push("{secret:S}{v}\\".repeat(50));
    texts
}

const LISTED: &[&str] = &[
    // Tokens, whole, cut and nested.
    "{secret:S0}",
    r"\{secret:S0}",
    r"\\{secret:S0}",
    "{{secret:S0}}",
    "{secret:{v0}}",
    "{v0}",
    "{secret:",
    "S0}",
    "{",
    "}",
    "[secret:S0]",
    // Of other template languages.
    "$",
    "$1",
    "$&",
    "$$",
    "${v0}",
    "$(id)",
    "`id`",
    "%s",
    "%n",
    "{{v0}}",
    "{}",
    "{0}",
    "<%= v0 %>",
    "#{v0}",
    // JSON.
    "\"",
    "\\",
    "\\\"",
    "\\\\",
    "\",\"admin\":true,\"x\":\"",
    "\"}]",
    "\\u0000",
    "\\u007bsecret:S0}",
    "\\ud83d",
    "\\n",
    "\u{2028}\u{2029}",
    "null",
    "1e999",
    "NaN",
    "__proto__",
    "*/",
    "\u{8}\u{c}",
    // URLs and forms.
    "..",
    ".",
    "../../etc/passwd",
    "%2e%2e",
    "%",
    "%2",
    "%zz",
    "%00",
    "%0d%0a",
    "/",
    "//evil.example",
    "\\\\evil.example",
    "@evil.example",
    ":80",
    "?",
    "#",
    "&",
    "=",
    "+",
    ";",
    "&admin=true#?",
    "a b",
    "https://evil.example/",
    "javascript:alert(1)",
    "[::1]",
    "|^`<>",
    // Lines.
    "a\r\nSet-Cookie: b",
    "\r\n\r\n",
    "\t",
    " ",
    "  a  ",
    "\u{a0}",
    // Markup, shells, SQL.
    "<script>alert(1)</script>",
    "]]>",
    "&amp;",
    "'; DROP TABLE secret; --",
    "$IFS",
    // Unicode.
    "\u{e9}",
    "e\u{301}",
    "\u{130}\u{131}\u{df}",
    "\u{1f600}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{202e}evil",
    "\u{200b}\u{feff}",
    "\u{fffd}\u{fffe}\u{ffff}",
    "\u{10ffff}\u{e000}",
    "\u{ff5b}secret:S0\u{ff5d}",
];

/// Each text as the secret `S` and its number; gives the variables of the same numbers.
pub(super) async fn stored(builder: &Client, texts: &[String]) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let name = format!("S{number}");
        builder.create_secret("demo", &name, Visibility::Masked, Some(text)).await.unwrap();
        variables.push((format!("v{number}"), text.clone()));
    }
    variables
}

/// Renders this template for every number, as many at once as may be.
async fn each(
    runtime: &Client,
    of: &str,
    context: C,
    variables: &[(String, String)],
) -> Vec<v1::RenderedTemplate> {
    let pairs: Vec<_> = variables.iter().map(|(name, text)| (&**name, &**text)).collect();
    let template = |(name, _): &(&str, &str)| {
        template(&of.replace('#', name.trim_start_matches('v')), context)
    };
    let templates: Vec<_> = pairs.iter().map(template).collect();
    let mut rendered = Vec::new();
    for some in templates.chunks(100) {
        let answer = runtime.render_all("demo", LIVE, some.to_vec(), &pairs).await.unwrap();
        rendered.extend(answer.rendered);
    }
    rendered
}

#[tokio::test]
async fn every_context_reads_back_what_was_inserted_and_nothing_else() {
    let (_server, builder, runtime) = demo().await;
    let texts = texts();
    let variables = stored(&builder, &texts).await;
    let in_order = async |of: &str, context| each(&runtime, of, context, &variables).await;

    for (rendered, text) in in_order("{secret:S#}|{v#}", C::Text).await.iter().zip(&texts) {
        assert_eq!(became(rendered).0, format!("{text}|{text}"));
    }

    let of = r#"{"{v#}": ["{secret:S#}", "\\{secret:S#}", {"n": 1.50, "\\{v#}": "é{w}"}]}"#;
    for (number, rendered) in in_order(of, C::Json).await.iter().enumerate() {
        let text = &texts[number];
        let document = |secret: &str| {
            serde_json::json!({ text.clone(): [
                secret,
                format!("{{secret:S{number}}}"),
                { "n": 1.50, format!("\\{text}"): "é{w}" },
            ] })
        };
        let (whole, twin, _) = became(rendered);
        let parsed: serde_json::Value = serde_json::from_str(whole).unwrap();
        assert_eq!(parsed, document(text), "{text:?}");
        let parsed: serde_json::Value = serde_json::from_str(twin).unwrap();
        assert_eq!(parsed, document(&format!("[secret:S{number}]")), "{text:?}");
    }

    let of = "https://u:p@h:8/?{v#}={secret:S#}&k={v#}&{secret:S#}";
    for (rendered, text) in in_order(of, C::Url).await.iter().zip(&texts) {
        let url = authority_of(rendered);
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let expected = [(&**text, &**text), ("k", text), (text, "")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
    // In a path dots are more than text: those that could leave it are in `refusals.rs`.
    let paths: Vec<_> =
        variables.iter().filter(|(_, text)| !text.contains("..")).cloned().collect();
    let of = "https://u:p@h:8/a{v#}z%23/{secret:S#}-";
    for (rendered, (_, text)) in each(&runtime, of, C::Url, &paths).await.iter().zip(&paths) {
        let url = authority_of(rendered);
        let segments: Vec<String> = url.path_segments().unwrap().map(decoded).collect();
        assert_eq!(segments, [format!("a{text}z#"), format!("{text}-")]);
    }

    for (rendered, text) in in_order("{secret:S#}/{v#}", C::UrlComponent).await.iter().zip(&texts) {
        let parts: Vec<String> = became(rendered).0.split('/').map(decoded).collect();
        assert_eq!(parts, [&**text, text]);
    }

    for (rendered, text) in in_order("{v#}={secret:S#}&b=", C::FormValue).await.iter().zip(&texts) {
        let pairs: Vec<_> = form_urlencoded::parse(became(rendered).0.as_bytes()).collect();
        assert_eq!(pairs, [(&**text, &**text), ("b", "")].map(|(k, v)| (k.into(), v.into())));
    }
}

/// A rendered URL that goes where its template says.
fn authority_of(rendered: &v1::RenderedTemplate) -> Url {
    let url = Url::parse(became(rendered).0).unwrap();
    assert_eq!(url.as_str(), became(rendered).0, "every reader sees the same bytes");
    assert_eq!(&url[..url::Position::BeforePath], "https://u:p@h:8");
    url
}

/// Percent-decoded. A form says a space as a plus, and so knows no other reading of it.
fn decoded(part: &str) -> String {
    let part = part.replace('+', "%2B");
    let mut pairs = form_urlencoded::parse(part.as_bytes());
    pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_header_takes_a_text_whole_or_refuses_it() {
    let (_server, builder, runtime) = demo().await;
    let texts = texts();
    stored(&builder, &texts).await;
    let mut refusals = 0;
    for (number, text) in texts.iter().enumerate() {
        let forbidden = text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
        let by_secret = format!("Bearer {{secret:S{number}}}");
        for (template, variables) in [(&*by_secret, vec![]), ("Bearer {v}", vec![("v", &**text)])] {
            match runtime.render(template, C::HeaderValue, &variables).await {
                Ok(rendered) => {
                    assert!(!forbidden, "{text:?}");
                    assert_eq!(became(&rendered).0, format!("Bearer {text}"));
                }
                Err(status) => {
                    refusals += 1;
                    assert!(forbidden, "{text:?}");
                    read(&status).is_about("INVALID_TEMPLATE", "templates[0].text");
                    let said = format!("{status:?}");
                    assert!(!said.contains("Set-Cookie") && !said.contains("Bearer"), "{said}");
                }
            }
        }
    }
    assert!(refusals > 100);
}

#[tokio::test]
async fn a_nul_of_an_end_user_is_text_where_text_may_hold_it() {
    let (_server, _builder, runtime) = demo().await;
    let nul = [("v", "a\0b")];
    for context in ALL {
        let answer = runtime.render(&super::around(context, "{v}"), context, &nul).await;
        let expected = match context {
            C::Text => "a\0b",
            C::Json => r"a\u0000b",
            C::HeaderValue => {
                crate::support::refused(answer).is(Code::InvalidArgument, "INVALID_TEMPLATE");
                continue;
            }
            _ => "a%00b",
        };
        assert_eq!(became(&answer.unwrap()).0, super::around(context, expected));
    }
}

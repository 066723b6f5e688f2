//! What the tests of rendering share.

use super::{Context, Found, RenderError, Rendered, Template};
use crate::name::SecretName;
use crate::value::{PayloadKind, SecretValue};
use zeroize::Zeroizing;

/// The text of a secret that exists.
pub(super) fn text(text: &str) -> SecretValue {
    SecretValue::new(PayloadKind::Text, Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// Renders a template that is fit for its context. Secrets that are not given are unknown, and
/// those named `UNSET...` are unset.
pub(super) fn try_render(
    template: &str,
    context: Context,
    secrets: &[(&str, &SecretValue)],
    variables: &[(&str, &str)],
) -> Result<Rendered, RenderError> {
    let find = |name: &SecretName| match secrets.iter().find(|(known, _)| *known == name.as_str()) {
        Some((_, value)) => Found::Value(value),
        None if name.as_str().starts_with("UNSET") => Found::Unset,
        None => Found::Unknown,
    };
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| *v);
    Template::parse(template, context).unwrap().render(find, variable)
}

/// Renders with the secret `S` and the variable `v`.
pub(super) fn render(template: &str, context: Context, s: &str, v: &str) -> Rendered {
    try_render(template, context, &[("S", &text(s))], &[("v", v)]).unwrap()
}

/// Texts that have broken a renderer, a parser or a log before. None is empty or holds a NUL, so
/// each can be a secret.
pub(super) fn nasty() -> Vec<String> {
    let mut texts: Vec<String> = NASTY.iter().map(|&text| text.to_owned()).collect();
    texts.extend((1..=0x9f).filter_map(char::from_u32).map(String::from));
    texts.extend(
        (1..0x20).filter_map(char::from_u32).map(|control| format!("a{control}b\"{control}")),
    );
    texts.push("\\".repeat(65));
    texts.push("{secret:S}".repeat(100));
    texts.push("\u{10ffff}\u{e000}\u{fffe}\u{ffff}".repeat(9));
    texts
}

const NASTY: &[&str] = &[
    // Tokens and their parts.
    "{secret:S}",
    r"\{secret:S}",
    r"\\{secret:S}",
    "{{secret:S}}",
    "{v}",
    "{secret:{v}}",
    "{secret:",
    "S}",
    "{",
    "}",
    "}{",
    "secret:S",
    "[secret:S]",
    "{secret:S",
    "\\",
    r"\\",
    "{w}",
    "{secret:T}",
    // Of other template languages.
    "$",
    "$1",
    "$&",
    "$$",
    "${v}",
    "$(id)",
    "`id`",
    "%s",
    "%n%n",
    "{{v}}",
    "{0}",
    "{}",
    "<%= v %>",
    "#{v}",
    "{% raw %}",
    // JSON.
    "\"",
    "\\\"",
    "\",\"admin\":true,\"x\":\"",
    "\"}",
    "']",
    "\\u0000",
    "\\u007bsecret:S}",
    "\\ud800",
    "\\n",
    "\u{2028}\u{2029}",
    "null",
    "1e999",
    "NaN",
    "__proto__",
    "/",
    "*/",
    "//",
    "\u{8}\u{c}",
    // URLs and forms.
    "..",
    ".",
    "../../etc/passwd",
    "%2e%2e",
    "%2E",
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
    "&admin=true",
    "a b",
    "a+b",
    "https://evil.example/",
    "javascript:alert(1)",
    ";a=b",
    "..;/",
    "[::1]",
    "|",
    "^",
    // Headers and lines.
    "a\r\nSet-Cookie: b",
    "a\nb",
    "a\rb",
    "\r\n\r\n",
    "\t",
    " ",
    "  a  ",
    "\u{b}",
    "\u{85}",
    "\u{a0}",
    "\u{7f}",
    // Markup, shells, SQL.
    "<script>alert(1)</script>",
    "]]>",
    "<!--",
    "&amp;",
    "' OR '1'='1",
    "'; DROP TABLE s; --",
    "$IFS",
    "!!",
    // Unicode.
    "é",
    "e\u{301}",
    "ß",
    "İ",
    "ı",
    "\u{1f600}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "田中",
    "مرحبا",
    "\u{202e}evil",
    "\u{200b}",
    "\u{feff}",
    "\u{fffd}",
    "\u{10ffff}",
    "｛secret:S｝",
    "ａ",
    "\u{1}\u{1f}\u{80}\u{9f}",
    "Z\u{351}\u{36b}\u{343}a\u{329}",
];

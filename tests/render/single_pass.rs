//! What holds for every text: nothing that is inserted is expanded, nothing outside the tokens is
//! changed.

use super::{LIVE, became, demo, nasty};
use crate::support::client::Client;
use crate::support::texts::template;
use crate::support::{default_slot, override_slot};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use waxseal_proto::v1::{RenderContext as C, Stage, Visibility};

const CASES: u32 = 60;

/// What an end user sends: anything, and what has broken things before.
fn hostile() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        select(nasty::texts()),
        select(vec!["{secret:S}", "{secret:T}", "{v}", r"\{secret:S}", "$", "\"", "\\", "\0"])
            .prop_map(str::to_owned),
        any::<String>(),
        (0..0x20_u8).prop_map(|control| char::from(control).to_string()),
    ];
    vec(one, 0..6).prop_map(|parts| parts.concat())
}

/// The same for a secret: neither empty nor with a NUL.
fn hostile_secret() -> impl Strategy<Value = String> {
    hostile().prop_map(|text| format!("{}\\", text.replace('\0', "{secret:T}")))
}

/// What a stretch of a template is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Literal,
    Escaped,
    S,
    T,
    V,
}

/// Stretches of a template that stay what they are wherever they meet.
fn stretches() -> impl Strategy<Value = Vec<(String, Kind)>> {
    const LITERALS: &[&str] = &[
        "{\"a\": {\"b\": []}}",
        "{secret:}",
        "{Secret:S}",
        "{secret: S}",
        "{secret:S ",
        "$",
        "{ v }",
        "{{",
        "}}",
        "\\n",
        "\u{e9}",
        "{unknown}",
        "{secret:\u{e9}}",
        "\r\n\t\0\u{1b}",
    ];
    let inert = any::<String>().prop_map(|text| format!(".{}.", text.replace(['{', '\\'], "/")));
    let one = prop_oneof![
        3 => select(LITERALS).prop_map(|text| (text.to_owned(), Kind::Literal)),
        2 => inert.prop_map(|text| (text, Kind::Literal)),
        2 => Just(("{secret:S}".to_owned(), Kind::S)),
        1 => Just(("{secret:T}".to_owned(), Kind::T)),
        2 => Just(("{v}".to_owned(), Kind::V)),
        1 => Just((r"\{secret:S}".to_owned(), Kind::Escaped)),
    ];
    vec(one, 0..16)
}

fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// One call that renders them all.
async fn all(runtime: &Client, templates: &[String], context: C, v: &str) -> Vec<(String, String)> {
    let templates = templates.iter().map(|text| template(text, context)).collect();
    let answer = runtime.render_all("demo", LIVE, templates, &[("v", v)]).await.unwrap();
    let texts = answer.rendered.iter().map(|each| {
        let (text, twin, _) = became(each);
        (text.to_owned(), twin.to_owned())
    });
    texts.collect()
}

/// What is meant by a template.
fn meant(stretches: &[(String, Kind)], s: &str, t: &str, v: &str) -> String {
    let each = stretches.iter().map(|(source, kind)| match kind {
        Kind::Literal => source,
        Kind::Escaped => "{secret:S}",
        Kind::S => s,
        Kind::T => t,
        Kind::V => v,
    });
    each.collect()
}

#[test]
fn inserted_text_is_never_expanded_and_the_rest_never_changed() {
    let serving = tokio::runtime::Runtime::new().unwrap();
    let (_server, builder, runtime) = serving.block_on(demo());
    for name in ["S", "T"] {
        let made = builder.create_secret("demo", name, Visibility::Masked, None);
        serving.block_on(made).unwrap();
    }
    let case = (vec(stretches(), 1..20), hostile_secret(), hostile_secret(), hostile());
    let outcome = runner().run(&case, |(templates, s, t, v)| {
        let text = |parts: &Vec<(String, Kind)>| parts.iter().map(|(text, _)| &**text).collect();
        let texts: Vec<String> = templates.iter().map(text).collect();
        let rendered = serving.block_on(async {
            builder.set("demo", "S", default_slot(), &s).await.unwrap();
            builder.set("demo", "T", override_slot("main", Stage::Live), &t).await.unwrap();
            let mut rendered = all(&runtime, &texts, C::Text, &v).await;
            let documents: Vec<_> =
                texts.iter().map(|text| serde_json::json!([text]).to_string()).collect();
            rendered.extend(all(&runtime, &documents, C::Json, &v).await);
            rendered
        });
        let (as_text, as_json) = rendered.split_at(templates.len());
        for (parts, (text, twin)) in templates.iter().zip(as_text) {
            prop_assert_eq!(text, &meant(parts, &s, &t, &v));
            prop_assert_eq!(twin, &meant(parts, "[secret:S]", "[secret:T]", &v));
        }
        for (parts, (text, twin)) in templates.iter().zip(as_json) {
            let parsed: [String; 1] = serde_json::from_str(text).unwrap();
            prop_assert_eq!(&parsed[0], &meant(parts, &s, &t, &v));
            let parsed: [String; 1] = serde_json::from_str(twin).unwrap();
            prop_assert_eq!(&parsed[0], &meant(parts, "[secret:S]", "[secret:T]", &v));
        }
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn a_variable_never_becomes_a_secret() {
    let (_server, builder, runtime) = demo().await;
    builder
        .create_secret("demo", "KEY", Visibility::Masked, Some("{v}{secret:KEY}"))
        .await
        .unwrap();
    let typed = "{secret:KEY} \\{secret:KEY} {v} {secret:{v}}";
    let variables = [("v", typed), ("open", "{secret:"), ("name", "KEY"), ("close", "}")];
    for (text, expected) in [
        ("{v}", typed.to_owned()),
        ("{open}{name}{close}", "{secret:KEY}".to_owned()),
        ("{open}KEY}", "{secret:KEY}".to_owned()),
        ("{secret:{name}}", "{secret:KEY}".to_owned()),
        ("{secret:KEY}{v}", format!("{{v}}{{secret:KEY}}{typed}")),
        (r"\{secret:KEY}", "{secret:KEY}".to_owned()),
        (r"\\{secret:KEY}", r"\{secret:KEY}".to_owned()),
        ("{unknown} { v} {v }", "{unknown} { v} {v }".to_owned()),
    ] {
        let rendered = runtime.render(text, C::Text, &variables).await.unwrap();
        assert_eq!(became(&rendered).0, expected, "{text}");
    }
}

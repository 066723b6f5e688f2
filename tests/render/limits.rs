//! How much is taken at once, and how much comes out: both sides of every limit.

use super::{ALL, LIVE, around, became, demo};
use crate::support::client::Client;
use crate::support::texts::template;
use crate::support::{Refusal, refused};
use tonic::Code;
use waxseal_proto::v1::{RenderContext as C, Template, Visibility};

const TEXT: usize = 1_048_576;
const TOKENS: usize = 10_000;
/// Texts and twins together.
const OUT: usize = 3_670_016;
const VALUE: usize = 65_536;

async fn render(
    runtime: &Client,
    templates: Vec<Template>,
    variables: &[(&str, &str)],
) -> Result<Vec<String>, Refusal> {
    match runtime.render_all("demo", LIVE, templates, variables).await {
        Ok(answer) => Ok(answer.rendered.iter().map(|each| became(each).0.to_owned()).collect()),
        refusal => Err(refused(refusal)),
    }
}

#[track_caller]
fn too_large(answer: Result<Vec<String>, Refusal>) {
    answer.unwrap_err().is(Code::ResourceExhausted, "RENDER_TOO_LARGE");
}

fn texts(texts: &[&str]) -> Vec<Template> {
    texts.iter().map(|text| template(text, C::Text)).collect()
}

#[tokio::test]
async fn a_hundred_templates_are_taken_and_one_more_is_not() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let templates = |count: usize| {
        let template = |number: usize| template(&format!("{number}: {{secret:KEY}}"), C::Text);
        (0..count).map(template).collect::<Vec<_>>()
    };
    let rendered = render(&runtime, templates(100), &[]).await.unwrap();
    let expected: Vec<_> = (0..100).map(|number| format!("{number}: value")).collect();
    assert_eq!(rendered, expected);
    too_large(render(&runtime, templates(101), &[]).await);
    let none = render(&runtime, vec![], &[]).await.unwrap_err();
    none.is_about("INVALID_FIELD", "templates");
}

#[tokio::test]
async fn a_mebibyte_of_text_with_ten_thousand_tokens_is_rendered_in_every_context() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("s")).await.unwrap();
    let tokens = "{secret:KEY}{v}".repeat(TOKENS / 2);
    for context in ALL {
        let frame = around(context, "").len();
        let fill = "{.".repeat((TEXT - frame - tokens.len()) / 2);
        let fill = format!("{fill}{}", ".".repeat((TEXT - frame - tokens.len()) % 2));
        let text = around(context, &format!("{tokens}{fill}"));
        assert_eq!(text.len(), TEXT);
        let rendered = render(&runtime, vec![template(&text, context)], &[("v", "v")]).await;
        let expected = around(context, &format!("{}{fill}", "sv".repeat(TOKENS / 2)));
        assert!(rendered.unwrap() == [expected], "{context:?}");
        let more = text.replacen("{.", "{..", 1);
        assert_eq!(more.len(), TEXT + 1);
        too_large(render(&runtime, vec![template(&more, context)], &[]).await);
    }
}

#[tokio::test]
async fn text_and_tokens_are_counted_together() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("s")).await.unwrap();
    let half = "x".repeat(TEXT / 2);
    assert!(render(&runtime, texts(&[&half, &half]), &[]).await.is_ok());
    too_large(render(&runtime, texts(&[&half, &half, "x"]), &[]).await);
    // Bytes are counted, not characters.
    let long = "\u{e9}".repeat(TEXT / 2);
    assert!(render(&runtime, texts(&[&long]), &[]).await.is_ok());
    too_large(render(&runtime, texts(&[&long, "x"]), &[]).await);

    for token in ["{secret:KEY}", "{unknown}", r"\{secret:KEY}"] {
        let half = token.repeat(TOKENS / 2);
        assert!(render(&runtime, texts(&[&half, &half]), &[]).await.is_ok());
        for one in ["{secret:KEY}", "{unknown}", r"\{secret:KEY}"] {
            too_large(render(&runtime, texts(&[&half, &half, one]), &[]).await);
        }
        // What is no token is not counted.
        assert!(render(&runtime, texts(&[&half, &half, "{} {a-b}"]), &[]).await.is_ok());
    }
}

#[tokio::test]
async fn what_comes_out_has_three_and_a_half_mebibytes_at_most_with_its_twins() {
    let (_server, builder, runtime) = demo().await;
    let value = "v".repeat(VALUE);
    builder.create_secret("demo", "KEY", Visibility::Masked, Some(&value)).await.unwrap();
    let one = "{secret:KEY}";
    let times = OUT / (VALUE + "[secret:KEY]".len());
    let most = one.repeat(times);
    // What is left over, for a text and its twin.
    let rest = OUT - times * (VALUE + "[secret:KEY]".len());
    let fill = "x".repeat(rest / 2);
    let rendered = render(&runtime, texts(&[&format!("{most}{fill}")]), &[]).await.unwrap();
    assert_eq!(rendered[0].len(), times * VALUE + fill.len());
    too_large(render(&runtime, texts(&[&format!("{most}{fill}.")]), &[]).await);
    // Together, wherever it comes from.
    let less = one.repeat(times - 1);
    let both = [&*less, one, "{v}"];
    assert!(render(&runtime, texts(&both), &[("v", &fill)]).await.is_ok());
    too_large(render(&runtime, texts(&both), &[("v", &format!("{fill}."))]).await);
    // As it is spelled.
    let percent = "%".repeat(fill.len() / 2);
    let mut templates = texts(&both);
    assert!(render(&runtime, templates.clone(), &[("v", &percent)]).await.is_ok());
    templates[2].context = C::UrlComponent.into();
    too_large(render(&runtime, templates, &[("v", &percent)]).await);
    // A flood is refused before it is made.
    let flood = one.repeat(TOKENS);
    too_large(render(&runtime, texts(&[&flood]), &[]).await);
}

#[tokio::test]
async fn a_variable_may_be_longer_than_any_secret() {
    let (_server, _builder, runtime) = demo().await;
    let long = "\"".repeat(900_000);
    let document = vec![template(r#"["{v}"]"#, C::Json)];
    let rendered = render(&runtime, document, &[("v", &long)]).await.unwrap();
    let parsed: [String; 1] = serde_json::from_str(&rendered[0]).unwrap();
    assert!(parsed[0] == long);
    let longer = "x".repeat(2 << 20);
    let refusal = render(&runtime, texts(&["{v}"]), &[("v", &longer)]).await.unwrap_err();
    refusal.is(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
}

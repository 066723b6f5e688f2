//! What cannot be rendered, and how that is said.

use super::{ALL, LIVE, around, became, demo};
use crate::support::client::Client;
use crate::support::refusal::read;
use crate::support::texts::template;
use crate::support::verbs::data;
use crate::support::{default_slot, refused};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use waxseal_proto::v1::{self, RenderContext as C, Stage, Visibility};

/// The reason, the names that are said and how many there are.
#[track_caller]
fn named(status: &Status) -> (Code, String, String, String) {
    let refusal = read(status);
    let details = status.get_error_details();
    let metadata = &details.error_info().unwrap().metadata;
    (refusal.code, refusal.reason, metadata["secrets"].clone(), metadata["total"].clone())
}

fn is(code: Code, reason: &str, secrets: &str, total: &str) -> (Code, String, String, String) {
    (code, reason.to_owned(), secrets.to_owned(), total.to_owned())
}

async fn refusal_of(runtime: &Client, texts: &[(&str, C)]) -> Status {
    let templates = texts.iter().map(|&(text, context)| template(text, context)).collect();
    runtime.render_all("demo", LIVE, templates, &[]).await.unwrap_err()
}

#[tokio::test]
async fn what_is_missing_is_named_at_once_and_unknown_wins_over_unset_and_unset_over_bytes() {
    let (_server, builder, runtime) = demo().await;
    for (name, value) in [("SET", Some("value")), ("LATER", None), ("LATER_TOO", None)] {
        builder.create_secret("demo", name, Visibility::Restricted, value).await.unwrap();
    }
    for name in ["RAW", "RAW_TOO"] {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
        let request = v1::SetSecretValueRequest {
            name: format!("projects/demo/secrets/{name}"),
            slot: default_slot(),
            payload: data(b"bytes"),
            ..Default::default()
        };
        builder.secrets.clone().set_secret_value(request).await.unwrap();
    }
    builder.create_secret("demo", "GONE", Visibility::Masked, Some("value")).await.unwrap();
    builder.delete_secret("demo", "GONE").await.unwrap();

    let of = async |texts: &[(&str, C)]| named(&refusal_of(&runtime, texts).await);
    let all = [
        ("{secret:RAW}{secret:LATER}{secret:set}", C::Text),
        ("{secret:SET}{secret:NEVER}{secret:LATER_TOO}{secret:NEVER}", C::HeaderValue),
        ("{secret:GONE}{secret:RAW_TOO}{secret:set}", C::FormValue),
    ];
    let unknown = is(Code::NotFound, "SECRET_NOT_FOUND", "set,NEVER,GONE", "3");
    assert_eq!(of(&all).await, unknown);
    let unset = is(Code::FailedPrecondition, "SECRET_UNSET", "LATER,LATER_TOO", "2");
    let (one, two) = ("{secret:RAW}{secret:LATER}", "{secret:RAW_TOO}{secret:LATER_TOO}");
    assert_eq!(of(&[(one, C::Text), (two, C::Text)]).await, unset);
    let bytes = is(Code::FailedPrecondition, "SECRET_NOT_TEXT", "RAW,RAW_TOO", "2");
    let (one, two) = ("{secret:SET}{secret:RAW}", "{secret:RAW_TOO}{secret:RAW}");
    assert_eq!(of(&[(one, C::Text), (two, C::HeaderValue)]).await, bytes);

    // In every context, and nothing of the others is given.
    for context in ALL {
        for (text, reason) in [
            ("{secret:NEVER}", "SECRET_NOT_FOUND"),
            ("{secret:LATER}", "SECRET_UNSET"),
            ("{secret:RAW}", "SECRET_NOT_TEXT"),
        ] {
            let texts = [("{secret:SET}", C::Text), (&*around(context, text), context)];
            assert_eq!(named(&refusal_of(&runtime, &texts).await).1, reason, "{context:?}");
        }
    }
}

#[tokio::test]
async fn of_ten_thousand_unknown_names_as_many_are_said_as_fit() {
    let (_server, _builder, runtime) = demo().await;
    let name = |number: usize| format!("N{number:063}");
    let text: String = (0..10_000).map(|number| format!("{{secret:{}}}", name(number))).collect();
    let status = runtime.render(&text, C::Text, &[]).await.unwrap_err();
    let (code, reason, names, total) = named(&status);
    assert_eq!((code, &*reason, &*total), (Code::NotFound, "SECRET_NOT_FOUND", "10000"));
    let names: Vec<_> = names.split(',').map(str::to_owned).collect();
    assert_eq!(names, (0..names.len()).map(name).collect::<Vec<_>>());
    assert!((60..=64).contains(&names.len()), "{}", names.len());
}

#[tokio::test]
async fn a_text_that_does_not_fit_its_context_is_refused_by_its_place_and_not_repeated() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    for (text, context) in [
        ("{secret:KEY}", C::Json),
        (r#"{"CANARY": {secret:KEY}}"#, C::Json),
        (r#"{"CANARY": "{v}", {v}: 1}"#, C::Json),
        (r#"["CANARY"{v}]"#, C::Json),
        (r#"{"CANARY": NaN}"#, C::Json),
        (r#"["CANARY",]"#, C::Json),
        (r#"["CANARY"] ["{v}"]"#, C::Json),
        (r#"["CANARY {v}]"#, C::Json),
        (r#"["CANARY\{secret:KEY}"]"#, C::Json),
        ("\u{feff}[\"CANARY\"]", C::Json),
        ("", C::Json),
        (&format!("{}\"CANARY\"{}", "[".repeat(200_000), "]".repeat(200_000)), C::Json),
        ("CANARY", C::Url),
        ("", C::Url),
        ("https://CANARY/../{v}", C::Url),
        ("https://CANARY/%2{v}", C::Url),
        ("CANARY%{v}", C::UrlComponent),
        ("CANARY=%2{secret:KEY}", C::FormValue),
        ("CANARY\r\nX: {v}", C::HeaderValue),
        ("CANARY\0", C::HeaderValue),
    ] {
        let status = refusal_of(&runtime, &[("{secret:KEY}", C::Text), (text, context)]).await;
        read(&status).is_about("INVALID_TEMPLATE", "templates[1].text");
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(!format!("{status:?}{details}").contains("CANARY"), "{status:?}");
    }
}

#[tokio::test]
async fn what_a_value_would_make_of_a_text_is_refused_without_the_value() {
    let (_server, builder, runtime) = demo().await;
    for (name, value) in [("LINES", "CANARY\r\nX: y"), ("DOTS", "..")] {
        builder.create_secret("demo", name, Visibility::Restricted, Some(value)).await.unwrap();
    }
    for (text, context) in [
        ("Bearer {secret:LINES}", C::HeaderValue),
        ("Bearer {lines}", C::HeaderValue),
        ("https://h/{secret:DOTS}/admin", C::Url),
        ("https://h/{dots}/admin", C::Url),
        ("https://h/{up}", C::Url),
        ("https://h/.{dot}", C::Url),
        ("https://h/%2e{dot};a/", C::Url),
    ] {
        let variables = [("lines", "CANARY\n"), ("dots", ".."), ("up", "../CANARY"), ("dot", ".")];
        let status = runtime.render(text, context, &variables).await.unwrap_err();
        read(&status).is_about("INVALID_TEMPLATE", "templates[0].text");
        let details = String::from_utf8_lossy(status.details()).into_owned();
        assert!(!format!("{status:?}{details}").contains("CANARY"), "{status:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_by_its_field() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let good = || v1::RenderTemplatesRequest {
        name: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        templates: vec![template("{secret:KEY}", C::Text); 2],
        ..Default::default()
    };
    let about = async |field: &str, spoil: &dyn Fn(&mut v1::RenderTemplatesRequest)| {
        let mut request = good();
        spoil(&mut request);
        let answer = runtime.runtime.clone().render_templates(request).await;
        refused(answer).is_about("INVALID_FIELD", field);
    };
    runtime.runtime.clone().render_templates(good()).await.unwrap();
    for stage in [0, 3, -1] {
        about("stage", &|request| request.stage = stage).await;
    }
    for context in [0, 7, -1, i32::MAX] {
        about("templates[1].context", &|request| request.templates[1].context = context).await;
    }
    for id in ["x".repeat(129), "a\nb".to_owned(), "\0".to_owned(), "\u{85}".to_owned()] {
        about("templates[0].id", &|request| request.templates[0].id = id.clone()).await;
    }
    for name in ["", "a-b", "1a", " a", "a ", "secret:KEY", "{a}", "\u{e9}", &"a".repeat(65)] {
        let spoil = |request: &mut v1::RenderTemplatesRequest| {
            request.variables.insert(name.to_owned(), "value".to_owned());
        };
        about("variables", &spoil).await;
    }
    about("templates", &|request| request.templates.clear()).await;
}

#[tokio::test]
async fn a_variable_that_is_not_given_stays_as_it_was_written() {
    let (_server, _builder, runtime) = demo().await;
    let given = [("given", "1"), ("unused", "2"), ("Given", "3"), ("secret", "4")];
    for context in ALL {
        let text = around(context, "{given}{unknown}{GIVEN}{Given}{secret}");
        let rendered = runtime.render(&text, context, &given).await.unwrap();
        let expected = around(context, "1{unknown}{GIVEN}34");
        assert_eq!(became(&rendered), (&*expected, &*expected, vec![]), "{context:?}");
    }
}

//! Rendering: texts filled with secrets and variables, each for the place it goes to.

mod freshness;
mod limits;
mod nasty;
mod refusals;
mod single_pass;
mod urls;

use crate::support::client::shown;
use crate::support::texts::template;
use crate::support::{Client, Server, override_slot, refused};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Origin, RenderContext as C, Stage, Visibility};

pub const LIVE: (&str, Stage) = ("main", Stage::Live);

/// Every context.
pub const ALL: [C; 6] = [C::Text, C::Json, C::Url, C::UrlComponent, C::HeaderValue, C::FormValue];

/// A text around another that is fit for the context.
pub fn around(context: C, inner: &str) -> String {
    match context {
        C::Json => format!("{{\"a\": [\"{inner}\"]}}"),
        C::Url => format!("https://example.com/{inner}"),
        _ => inner.to_owned(),
    }
}

/// A server, one who writes and one who renders.
pub async fn demo() -> (Server, Client, Client) {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    (server, builder, runtime)
}

/// What a template became: the text, its twin and what is in it.
type Became<'a> = (&'a str, &'a str, Vec<(&'a str, Origin, i64)>);

pub fn became(rendered: &v1::RenderedTemplate) -> Became<'_> {
    let used = rendered.used.iter();
    let used = used.map(|used| (used.secret.as_str(), used.origin(), used.version)).collect();
    (shown(rendered.payload.as_ref()), &rendered.redacted, used)
}

/// Secrets of every kind: with a default only, overridden, renamed, restricted.
async fn of_every_kind(builder: &Client, value: &str) {
    let (masked, restricted) = (Visibility::Masked, Visibility::Restricted);
    for (name, visibility) in
        [("DEFAULT", masked), ("OVER", masked), ("OLD", masked), ("TIGHT", restricted)]
    {
        let value = format!("{name}{value}");
        builder.create_secret("demo", name, visibility, Some(&value)).await.unwrap();
    }
    for over in ["first", &format!("over{value}")] {
        builder.set("demo", "OVER", override_slot("main", Stage::Live), over).await.unwrap();
    }
    builder.rename("demo", "OLD", "NEW").await.unwrap();
}

#[tokio::test]
async fn secrets_of_every_kind_are_inserted_in_every_context() {
    let (_server, builder, runtime) = demo().await;
    of_every_kind(&builder, " /&=%\"\\{v}").await;
    let inner = "{secret:DEFAULT}-{secret:OVER}-{secret:OLD}-{secret:NEW}-{secret:TIGHT}-{v}-{w}";
    for context in ALL {
        let spelled = match context {
            C::Text | C::HeaderValue => " /&=%\"\\{v}",
            C::Json => " /&=%\\\"\\\\{v}",
            C::FormValue => "+%2F%26%3D%25%22%5C%7Bv%7D",
            _ => "%20%2F%26%3D%25%22%5C%7Bv%7D",
        };
        let expected: Vec<_> = ["DEFAULT", "over", "OLD", "OLD", "TIGHT"]
            .map(|value| format!("{value}{spelled}"))
            .into();
        let expected = around(context, &format!("{}-v-{{w}}", expected.join("-")));
        let names = ["DEFAULT", "OVER", "OLD", "NEW", "TIGHT"];
        let twin = names.map(|name| format!("[secret:{name}]")).join("-");
        let twin = around(context, &format!("{twin}-v-{{w}}"));
        let rendered = runtime.render(&around(context, inner), context, &[("v", "v")]).await;
        let rendered = rendered.unwrap();
        let used = names.map(|name| match name {
            "OVER" => (name, Origin::Override, 2),
            _ => (name, Origin::Default, 1),
        });
        assert_eq!(became(&rendered), (&*expected, &*twin, used.to_vec()), "{context:?}");
        let payload = rendered.payload.unwrap();
        assert_eq!(payload.crc32c, Some(crc32c::crc32c(expected.as_bytes()).into()));
    }
}

#[tokio::test]
async fn each_view_renders_its_own_values() {
    let (server, builder, runtime) = demo().await;
    let admin = server.admin().await;
    let deny = v1::Fallback::Deny.into();
    let settings = v1::Environment { fallback: deny, ..Default::default() };
    admin.create_environment_as("demo", "strict", settings).await.unwrap();
    builder.create_secret("demo", "KEY", Visibility::Restricted, Some("default")).await.unwrap();
    builder.set("demo", "KEY", override_slot("main", Stage::Draft), "draft").await.unwrap();
    let render = async |place| {
        let templates = vec![template("{secret:KEY}", C::Text)];
        runtime.render_all("demo", place, templates, &[]).await
    };
    for (place, value, origin) in [
        (("main", Stage::Draft), "draft", Origin::Override),
        (("main", Stage::Live), "default", Origin::Default),
        (("staging", Stage::Draft), "default", Origin::Default),
    ] {
        let answer = render(place).await.unwrap();
        let expected = (value, "[secret:KEY]", vec![("KEY", origin, 1)]);
        assert_eq!(became(&answer.rendered[0]), expected, "{place:?}");
    }
    let strict = render(("strict", Stage::Live)).await;
    refused(strict).is(Code::FailedPrecondition, "SECRET_UNSET");
    let none = render(("none", Stage::Live)).await;
    refused(none).is(Code::NotFound, "ENVIRONMENT_NOT_FOUND");
}

#[tokio::test]
async fn an_old_name_renders_until_it_is_released() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "OLD", Visibility::Masked, Some("value")).await.unwrap();
    builder.rename("demo", "OLD", "NEW").await.unwrap();
    let text = "{secret:OLD}, {secret:NEW}";
    let rendered = runtime.render(text, C::Text, &[]).await.unwrap();
    assert_eq!(became(&rendered).0, "value, value");
    builder.release_alias("demo", "NEW", "OLD").await.unwrap();
    let gone = runtime.render(text, C::Text, &[]).await;
    refused(gone).is(Code::NotFound, "SECRET_NOT_FOUND");
    builder.create_secret("demo", "OLD", Visibility::Masked, Some("another")).await.unwrap();
    let rendered = runtime.render(text, C::Text, &[]).await.unwrap();
    assert_eq!(became(&rendered).0, "another, value");
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_templates_under_their_ids() {
    let (_server, builder, runtime) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("a b")).await.unwrap();
    let with = |id: &str, text: &str, context: C| v1::Template {
        id: id.to_owned(),
        ..template(text, context)
    };
    let templates = vec![
        with("url", "https://h/{secret:KEY}", C::Url),
        with("", "", C::Text),
        with("same", "{secret:KEY}", C::FormValue),
        with("same", "{secret:KEY}", C::Text),
        with("k\u{e9}y", "no token", C::HeaderValue),
    ];
    let answer = runtime.render_all("demo", LIVE, templates, &[]).await.unwrap();
    let is: Vec<_> =
        answer.rendered.iter().map(|each| (each.id.as_str(), became(each).0)).collect();
    let expected = [
        ("url", "https://h/a%20b"),
        ("", ""),
        ("same", "a+b"),
        ("same", "a b"),
        ("k\u{e9}y", "no token"),
    ];
    assert_eq!(is, expected);
}

#[tokio::test]
async fn the_twin_and_what_is_listed_beside_it_hold_no_value() {
    const CANARY: &str = "c4n4ry/c4n4ry\"c4n4ry";
    let (_server, builder, runtime) = demo().await;
    of_every_kind(&builder, CANARY).await;
    for context in ALL {
        let inner = "{secret:OVER}{secret:DEFAULT}{secret:OLD}{secret:TIGHT}";
        let mut rendered = runtime.render(&around(context, inner), context, &[]).await.unwrap();
        assert!(became(&rendered).0.contains("c4n4ry"));
        let printed = format!("{rendered:?}");
        rendered.payload = None;
        let rest = prost::Message::encode_to_vec(&rendered);
        for held in [printed, String::from_utf8_lossy(&rest).into_owned()] {
            assert!(!held.contains("c4n4ry"), "{context:?}: {held}");
        }
    }
    // What a user typed is theirs: it is not searched.
    let rendered = runtime.render("{v}", C::Text, &[("v", CANARY)]).await.unwrap();
    assert_eq!(became(&rendered), (CANARY, CANARY, vec![]));
}

#[tokio::test]
async fn only_a_runtime_renders_and_only_within_its_scope() {
    let (server, builder, _) = demo().await;
    builder.create_secret("demo", "KEY", Visibility::Masked, Some("value")).await.unwrap();
    let templates = || vec![template("{secret:KEY}", C::Text)];
    for role in Role::ALL {
        let client = server.client(role, role == Role::Builder, "deployment").await;
        let answer = client.render_all("demo", LIVE, templates(), &[]).await;
        match role {
            Role::Runtime => drop(answer.unwrap()),
            _ => refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED"),
        }
    }
    let scope = "projects/demo/environments/main/stages/live";
    let scoped = server.client(Role::Runtime, false, scope).await;
    scoped.render_all("demo", LIVE, templates(), &[]).await.unwrap();
    for outside in [("main", Stage::Draft), ("staging", Stage::Live), ("gone", Stage::Live)] {
        let answer = scoped.render_all("demo", outside, templates(), &[]).await;
        refused(answer).is(Code::PermissionDenied, "PERMISSION_DENIED");
    }
}

//! Names: what lies outside the ASCII rule is refused wherever a name stands, nothing is trimmed,
//! folded or normalised, and a refusal does not repeat what was sent.

mod complete;
mod fields;

use crate::support::raw::Raw;
use crate::support::{Server, default_slot, refused};
use fields::{FIELDS, Field, Form, Rule};
use tonic::Code;
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Visibility};

/// What people, scripts and attackers write where a name goes.
fn strings() -> Vec<String> {
    let listed = [
        "",
        "a",
        "A",
        "_",
        "0",
        "-",
        "1ST_KEY",
        "1st-key",
        "A1_b",
        "a-b",
        "a--b",
        "a-",
        "-a",
        "a_b",
        " KEY",
        "KEY ",
        "MY KEY",
        " ",
        " root",
        "ROOT",
        "root ",
        "KEY\t",
        "\tkey",
        "KEY\n",
        "\nkey",
        "key\r\n",
        "KEY\0",
        "\0",
        "key\0key",
        ".",
        "..",
        "a.b",
        "a/b",
        "a\\b",
        "a%2fb",
        "a%00b",
        "{a}",
        "{secret:KEY}",
        "}}",
        "\"",
        "a\"b",
        "'; DROP TABLE secret; --",
        "$(id)",
        "`id`",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{410}PI_KEY",
        "\u{ff21}\u{ff30}\u{ff29}",
        "\u{ff41}pi",
        "API\u{200d}KEY",
        "api\u{200d}key",
        "\u{202e}YEK",
        "\u{feff}KEY",
        "key\u{feff}",
        "KEY\u{a0}",
        "m\u{131}",
        "\u{130}D",
        "\u{17f}ecret",
        "\u{212a}EY",
        "\u{fb01}le",
        "\u{1f511}",
        "KEY\u{7f}",
        "KEY\u{85}",
        "\u{660}1",
        "projects/demo/",
        "demo/secrets/KEY",
        "*",
        "-",
        "~",
        "main;main",
        "main/",
        "/main",
        "main/secrets/KEY",
        "KEY/",
        "/KEY",
        "KEY/versions/1",
    ];
    let mut strings: Vec<_> = listed.map(str::to_owned).into();
    for length in [63, 64, 65, 10_000] {
        strings.extend(["a".repeat(length), "A".repeat(length), "\u{e9}".repeat(length / 2)]);
    }
    strings
}

/// Callers of every method.
struct Callers {
    raw: Raw,
    admin: String,
    builder: String,
    runtime: String,
    auditor: String,
}

impl Callers {
    async fn of(server: &Server) -> Self {
        Self {
            raw: Raw::connect(&server.address).await,
            admin: server.token(Role::Admin, false, "deployment").await,
            builder: server.token(Role::Builder, true, "deployment").await,
            runtime: server.token(Role::Runtime, false, "deployment").await,
            auditor: server.token(Role::Auditor, false, "deployment").await,
        }
    }

    async fn send(
        &self,
        method: &str,
        message: Vec<u8>,
    ) -> Result<tonic::Response<Vec<u8>>, tonic::Status> {
        let token = match method {
            "ResolveEnvironment" | "ResolveSecrets" | "WatchEnvironment" | "RenderTemplates" => {
                &self.runtime
            }
            "RevealSecretValue" => &self.builder,
            "ListAuditEvents" => &self.auditor,
            _ => &self.admin,
        };
        self.raw.call(method, token, message).await
    }
}

#[tokio::test]
async fn a_name_outside_the_rule_is_refused_wherever_it_stands_and_not_repeated() {
    let server = Server::with_demo().await;
    let callers = Callers::of(&server).await;
    let strings = strings();
    let (mut refusals, mut taken) = (0, 0);
    for Field { method, field, form, request } in FIELDS {
        for (template, rule) in form.templates() {
            for string in &strings {
                if string.is_empty() && matches!(form, Form::OptionalId | Form::OptionalSecretId) {
                    continue;
                }
                let place = format!("{method}.{field} {template} {string:?}");
                let sent = template.replace("{}", string);
                let answer = callers.send(method, request(sent)).await;
                if rule.takes(string) {
                    taken += 1;
                    if let Err(status) = answer {
                        let code = status.code();
                        let fits = [Code::NotFound, Code::AlreadyExists, Code::FailedPrecondition];
                        assert!(fits.contains(&code), "{place}: {status:?}");
                    }
                    continue;
                }
                refusals += 1;
                let Err(status) = answer else { panic!("{place} was taken") };
                assert_not_repeated(&status, string.as_bytes(), &place);
                let refusal = crate::support::refusal::read(&status);
                let expected = (Code::InvalidArgument, rule.reason(), vec![(*field).to_owned()]);
                let is = (refusal.code, refusal.reason.as_str(), refusal.fields);
                assert_eq!(is, expected, "{place}");
            }
        }
    }
    assert!(refusals > 4_000 && taken > 200, "{refusals} refusals, {taken} taken");
}

#[track_caller]
fn assert_not_repeated(status: &tonic::Status, input: &[u8], place: &str) {
    if input.len() <= 3 {
        return;
    }
    let holds = |hay: &[u8]| hay.windows(input.len()).any(|window| window == input);
    assert!(!holds(status.message().as_bytes()), "{place}: {}", status.message());
    assert!(!holds(status.details()), "{place}: it stands in the details");
}

#[tokio::test]
async fn a_lone_surrogate_is_no_text_wherever_it_stands() {
    const STAND_IN: &str = "@@@";
    let server = Server::with_demo().await;
    let callers = Callers::of(&server).await;
    for Field { method, field, form, request } in FIELDS {
        for (template, _) in form.templates() {
            // A high one and a low one as UTF-8 would have them, and a byte that never begins one.
            for bytes in [b"\xed\xa0\x80", b"\xed\xb3\xbf", b"\xffKE"] {
                let mut message = request(template.replace("{}", STAND_IN));
                let found = message.windows(3).position(|window| window == STAND_IN.as_bytes());
                let at = found.unwrap();
                message[at..at + 3].copy_from_slice(bytes);
                let answer = callers.send(method, message).await;
                let refusal = refused(answer);
                let is = (refusal.code, refusal.reason.as_str());
                assert_eq!(is, (Code::Internal, "MALFORMED_MESSAGE"), "{method}.{field} {bytes:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_of_another_kind_is_none() {
    let server = Server::with_demo().await;
    let callers = Callers::of(&server).await;
    let main = "projects/demo/environments/main";
    let key = "projects/demo/secrets/KEY";
    let binding = "principals/ann/bindings/0198c5e2-7f3a-7c00-8000-0198c5e27f3a";
    let token = "principals/ann/tokens/0000AAAAzzzz";
    for Field { method, field, form, request } in FIELDS {
        let others: &[&str] = match form {
            Form::Project => &[main, key],
            Form::Environment => {
                &["projects/demo", key, "projects/demo/environments/main/secrets/KEY"]
            }
            Form::Secret => &["projects/demo", main, "projects/demo/environments/main/secrets/KEY"],
            Form::Principal => &["projects/demo", binding, token],
            Form::Binding => &["principals/ann", token],
            Form::ApiToken => &["principals/ann", binding],
            Form::Id | Form::SecretId | Form::OptionalId | Form::OptionalSecretId => {
                &["projects/demo", main, key]
            }
            Form::Prefix => &[],
        };
        for other in others {
            let status = callers.send(method, request((*other).to_owned())).await;
            let refusal = refused(status);
            assert_eq!(refusal.fields, [*field], "{method} {other}");
            refusal.is_about("INVALID_NAME", field);
        }
    }
}

/// Texts made of what names are made of and of what lies just beside it; the same ones every time.
fn texts(count: usize) -> Vec<String> {
    const SETS: [&[u8]; 3] = [b"abyz019-", b"abyzABYZ019_", b"abzABZ019__--a /.@[`{\x7f\t"];
    let mut state: u32 = 7_466;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    let mut text = |length: usize, set: &[u8]| -> String {
        (0..length).map(|_| char::from(set[next(set.len())])).collect()
    };
    (0..count).map(|n| text(1 + n % 70, SETS[n % SETS.len()])).collect()
}

#[tokio::test]
async fn what_is_taken_is_kept_byte_for_byte() {
    let server = Server::with_demo().await;
    let admin = server.admin().await;
    let (mut projects, mut secrets) = (0, 0);
    for text in strings().into_iter().chain(texts(400)) {
        if let Ok(created) = admin.create_project(&text).await {
            projects += 1;
            assert!(Rule::Id.takes(&text), "{text:?}");
            assert_eq!(created.name, format!("projects/{text}"));
            let environment = admin.create_environment(&text, &text).await.unwrap();
            let name = format!("projects/{text}/environments/{text}");
            assert_eq!(environment.name, name);
            let request = v1::GetEnvironmentRequest { name: name.clone() };
            let read = admin.environments.clone().get_environment(request).await.unwrap();
            assert_eq!(read.into_inner().environment.unwrap().name, name);
        }
        let created = admin.create_secret("demo", &text, Visibility::Masked, None).await;
        if let Ok(created) = created {
            secrets += 1;
            assert!(Rule::Secret.takes(&text), "{text:?}");
            let name = format!("projects/demo/secrets/{text}");
            assert_eq!(created.secret.unwrap().name, name);
            assert_eq!(admin.get_secret("demo", &text).await.unwrap().name, name);
        }
    }
    assert!(projects > 20 && secrets > 100, "{projects} projects, {secrets} secrets");
}

#[tokio::test]
async fn a_case_twin_is_another_name_for_reading_and_the_same_for_creating() {
    let server = Server::with_demo().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    builder.create_secret("demo", "Stripe_Key", Visibility::Masked, Some("value")).await.unwrap();
    let twins = ["stripe_key", "STRIPE_KEY", "sTRIPE_kEY"];
    for twin in twins {
        let again = builder.create_secret("demo", twin, Visibility::Masked, None).await;
        refused(again).is(Code::AlreadyExists, "SECRET_EXISTS");
        let read = builder.get_secret("demo", twin).await;
        refused(read).is(Code::NotFound, "SECRET_NOT_FOUND");
        let set = builder.set("demo", twin, default_slot(), "other").await;
        refused(set).is(Code::NotFound, "SECRET_NOT_FOUND");
        let revealed = builder.reveal("demo", twin, default_slot()).await;
        refused(revealed).is(Code::NotFound, "SECRET_NOT_FOUND");
        let deleted = builder.delete_secret("demo", twin).await;
        refused(deleted).is(Code::NotFound, "SECRET_NOT_FOUND");
        let resolved = runtime.resolve_named("demo", "main", v1::Stage::Live, &[twin], true).await;
        refused(resolved).is(Code::NotFound, "SECRET_NOT_FOUND");
    }
    builder.delete_secret("demo", "Stripe_Key").await.unwrap();
    for twin in twins {
        let again = builder.create_secret("demo", twin, Visibility::Masked, None).await;
        refused(again).is(Code::AlreadyExists, "NAME_HELD_BY_DELETED");
        refused(builder.undelete_secret("demo", twin).await).is(Code::NotFound, "SECRET_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_prefix_is_matched_exactly() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    for name in ["STRIPE_KEY", "STRIPE", "stripe_test", "STR", "A_STRIPE"] {
        builder.create_secret("demo", name, Visibility::Masked, None).await.unwrap();
    }
    for (prefix, expected) in [
        ("STRIPE", vec!["STRIPE", "STRIPE_KEY"]),
        ("stripe", vec!["stripe_test"]),
        ("STRIPE_KEY", vec!["STRIPE_KEY"]),
        ("STRIPE_KEYS", vec![]),
        ("_", vec![]),
        ("9", vec![]),
    ] {
        let parent = "projects/demo".to_owned();
        let request =
            v1::ListSecretsRequest { parent, prefix: prefix.to_owned(), ..Default::default() };
        let listed = builder.secrets.clone().list_secrets(request).await.unwrap().into_inner();
        let mut names: Vec<_> = listed
            .secrets
            .iter()
            .map(|secret| secret.name.trim_start_matches("projects/demo/secrets/"))
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{prefix}");
        assert_eq!(listed.total_size as usize, expected.len(), "{prefix}");
    }
}

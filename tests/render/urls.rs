//! URLs: whoever fills one in has no say in where it goes.

use super::{became, demo};
use crate::support::refusal::read;
use crate::support::{Client, refused};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use url::Url;
use waxseal_proto::v1::{RenderContext as C, Visibility};

/// A secret, one that nobody knows, a variable that is given, and one that is not.
const TOKENS: [&str; 4] = ["{secret:HOST}", "{secret:NONE}", "{host}", "{none}"];
const HOST: &str = "evil.example";

async fn world() -> (crate::support::Server, Client) {
    let (server, builder, runtime) = demo().await;
    builder.create_secret("demo", "HOST", Visibility::Masked, Some(HOST)).await.unwrap();
    (server, runtime)
}

/// Where a URL goes, with a token in it.
const PLACES: &[&str] = &[
    "§://h/",
    "http§://h/",
    "https§://h/",
    "§https://h/",
    "https://§",
    "https://§/a",
    "https://§.good.example/",
    "https://good.§/",
    "https://good.example§?q",
    "https://§#f",
    "https://§@h/",
    "https://§:p@h/",
    "https://user:§@h/",
    "https://u:p@§/",
    "https://h:§/",
    "https://h:8§/",
    "https://[§]/",
    "https://[::§]/",
    "https://127.0.0.§/",
    "https://xn--§/",
    "postgres://u:§@h/db",
    "foo://§/",
    "https:///§/",
    "https:§",
    "https:/§/",
    "//§/",
    "§",
    "mailto:§",
    "javascript:§",
    "data:§",
    "file:///§",
];

/// What smuggles one part into another for some readers.
const SMUGGLED: &[&str] = &[
    "", "\t", "\n", "\r", " ", "\0", "\u{7f}", "\u{a0}", "\u{2028}", "\u{feff}", "\\", "\\\\",
    "/\\", "%2f", "%2F", "%5c", "%40", "%3a", "%23", "%3f", "%09", "%0a", "%00", "%252f",
    "\u{ff0f}", "\u{ff20}", "\u{ff1f}", "\u{ff03}", "\u{3002}", "\u{2044}",
];

#[tokio::test]
async fn a_token_where_a_url_says_where_it_goes_is_refused_however_it_is_smuggled_in() {
    let (_server, runtime) = world().await;
    let mut refusals = 0;
    for place in PLACES {
        let (before, after) = place.split_once('§').unwrap();
        for smuggled in SMUGGLED {
            for token in TOKENS {
                for text in [
                    format!("{before}{smuggled}{token}{after}"),
                    format!("{before}{token}{smuggled}{after}"),
                ] {
                    if text.contains("\\{secret:") {
                        continue; // That is the text of a token, and none.
                    }
                    let answer = runtime.render(&text, C::Url, &[("host", HOST)]).await;
                    let Err(status) = answer else { panic!("{text:?} was taken") };
                    read(&status).is_about("INVALID_TEMPLATE", "templates[0].text");
                    refusals += 1;
                }
            }
        }
    }
    assert!(refusals > 5_000, "{refusals}");
}

#[tokio::test]
async fn behind_the_authority_a_token_is_data() {
    let (_server, runtime) = world().await;
    let variables = [("host", HOST), ("hostile", "/../@evil.example:80?x=y#z\\")];
    for (text, expected) in [
        ("https://h/{host}", "https://h/evil.example"),
        ("HTTPS://H:443/{secret:HOST}/b", "HTTPS://H:443/evil.example/b"),
        ("https://u:p@h/@{host}", "https://u:p@h/@evil.example"),
        (
            "https://h?u=https://{hostile}",
            "https://h?u=https://%2F..%2F%40evil.example%3A80%3Fx%3Dy%23z%5C",
        ),
        (
            "https://h/{none}?{none}={host}#{host}",
            "https://h/{none}?{none}=evil.example#evil.example",
        ),
        ("postgres://h/{host}", "postgres://h/evil.example"),
        (r"https://h/\{secret:HOST}", "https://h/{secret:HOST}"),
    ] {
        let answer = runtime.render(text, C::Url, &variables).await.unwrap();
        assert_eq!(became(&answer).0, expected, "{text}");
    }
    // In a path, a reader that takes `%2F` for a slash would leave it.
    let answer = runtime.render("https://h/{hostile}", C::Url, &variables).await;
    refused(answer).is_about("INVALID_TEMPLATE", "templates[0].text");
}

/// Where a URL goes for readers of several schools: each sees scheme, user info, host and port.
fn authorities(text: &str) -> Vec<String> {
    let mut seen = Vec::new();
    if let Ok(url) = Url::parse(text) {
        seen.push(url[..url::Position::BeforePath].to_owned());
    }
    let stripped: String = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    let decoded = stripped.replace("%2f", "/").replace("%2F", "/").replace("%5c", "\\");
    for text in [text, &stripped, &decoded] {
        for ends in [&['/', '?', '#'][..], &['/', '?', '#', '\\']] {
            let Some((scheme, rest)) = text.split_once(':') else { continue };
            // Readers skip slashes only behind a scheme that they know.
            let rest = match scheme {
                "foo" => rest.strip_prefix("//").unwrap_or(rest),
                _ => rest.trim_start_matches(ends),
            };
            let authority = rest.split(ends).next().unwrap_or_default();
            seen.push(format!("{scheme}:{authority}"));
        }
    }
    seen
}

#[test]
fn of_any_text_that_is_taken_no_reader_finds_a_value_in_the_authority() {
    const PARTS: &[&str] = &[
        "https",
        "http",
        "ftp",
        "foo",
        ":",
        "/",
        "//",
        "///",
        "\\",
        "@",
        "u:p@",
        "h",
        ".example",
        "..",
        ":80",
        "[",
        "]",
        "::1",
        "\t",
        "\n",
        " ",
        "%2f",
        "%5c",
        "%40",
        "?",
        "#",
        "=",
        "&",
        "\u{ff0f}",
        "\u{e9}",
        ";",
        "file",
        "{secret:HOST}",
        "{host}",
        "{host}",
        "{secret:HOST}",
    ];
    let serving = tokio::runtime::Runtime::new().unwrap();
    let (_server, runtime) = serving.block_on(world());
    let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let starts = select(vec!["", "https://", "https://h", "https://h/", "https://h?", "foo://"]);
    let texts = (starts, proptest::collection::vec(select(PARTS), 1..9))
        .prop_map(|(start, parts)| format!("{start}{}", parts.concat()));
    let taken = std::cell::Cell::new((0, 0));
    let outcome = runner.run(&texts, |text| {
        let (mut rendered, mut refusals) = taken.get();
        match serving.block_on(runtime.render(&text, C::Url, &[("host", HOST)])) {
            Ok(answer) => {
                let url = became(&answer).0;
                if url.contains(HOST) {
                    rendered += 1;
                }
                for authority in authorities(url) {
                    prop_assert!(!authority.contains(HOST), "{:?}: {}", text, authority);
                }
                prop_assert!(Url::parse(url).is_ok(), "{:?}", url);
            }
            Err(status) => {
                refusals += 1;
                read(&status).is_about("INVALID_TEMPLATE", "templates[0].text");
            }
        }
        taken.set((rendered, refusals));
        Ok(())
    });
    outcome.unwrap();
    let (rendered, refusals) = taken.get();
    assert!(rendered > 100 && refusals > 500, "{rendered} rendered, {refusals} refused");
}

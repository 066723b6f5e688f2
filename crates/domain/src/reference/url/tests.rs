use super::InvalidUrl::{Ambiguous, DotSegment, NoAuthority, Syntax, TokenInAuthority};
use super::*;
use crate::reference::{Context, InvalidTemplate, Template};

fn refusal(text: &str) -> Option<InvalidUrl> {
    match Template::parse(text, Context::Url) {
        Err(InvalidTemplate::Url(refusal)) => Some(refusal),
        other => {
            assert!(other.is_ok(), "{text}: {other:?}");
            None
        }
    }
}

/// Every row with a secret and with a variable, which is known to nobody.
#[test]
fn a_token_that_any_reader_could_find_in_the_authority_is_refused() {
    let table: &[(&str, InvalidUrl)] = &[
        // Scheme, user info, host, port.
        ("§", NoAuthority),
        ("§:", NoAuthority),
        ("§:§", NoAuthority),
        ("§://h/", TokenInAuthority),
        ("http§://h/", TokenInAuthority),
        ("§https://h/", TokenInAuthority),
        ("https://§", TokenInAuthority),
        ("https://§/", TokenInAuthority),
        ("https://§.example/", TokenInAuthority),
        ("https://example.§/", TokenInAuthority),
        ("https://example§", TokenInAuthority),
        ("https://§@h/", TokenInAuthority),
        ("https://u:§@h/", TokenInAuthority),
        ("https://u@§/", TokenInAuthority),
        ("https://u@v@§/", TokenInAuthority),
        ("https://h@§/", TokenInAuthority),
        ("https://h:§/", TokenInAuthority),
        ("https://h:8§/", TokenInAuthority),
        ("https://h:80§", TokenInAuthority),
        ("https://h:§?q", TokenInAuthority),
        ("https://[§]/", TokenInAuthority),
        ("https://[::§]/", TokenInAuthority),
        ("https://127.0.0.§/", TokenInAuthority),
        ("https://xn--§/", TokenInAuthority),
        ("https://§§/§", TokenInAuthority),
        ("https://§#§", TokenInAuthority),
        // Schemes that are not special.
        ("redis://§/", TokenInAuthority),
        ("postgres://u:§@h/db", TokenInAuthority),
        ("foo://§", TokenInAuthority),
        ("foo://h:§", TokenInAuthority),
        // Slashes that are missing, or too many.
        ("https:§", NoAuthority),
        ("https:/§", NoAuthority),
        ("https:/h/§", NoAuthority),
        ("https:h/§", NoAuthority),
        ("https:///§", NoAuthority),
        ("https:///§/", NoAuthority),
        ("https:////§/", NoAuthority),
        ("https:///u@§/", NoAuthority),
        ("https://?§", Syntax),
        ("foo:/§", NoAuthority),
        ("foo:§", NoAuthority),
        // No scheme.
        ("//§/", NoAuthority),
        ("//h/§", NoAuthority),
        ("/§", NoAuthority),
        ("a/§", NoAuthority),
        ("?§", NoAuthority),
        ("#§", NoAuthority),
        ("h?u=https://h/§", NoAuthority),
        ("/redirect/https://§/", NoAuthority),
        ("://§", TokenInAuthority),
        ("://h/§", Syntax),
        ("1https://h/§", Syntax),
        ("https：//h/§", NoAuthority),
        // Delimiters in disguise.
        ("https:\\\\§/", Ambiguous),
        ("https:\\\\h\\§", Ambiguous),
        ("https:/\\§/", Ambiguous),
        ("https://h\\§", Ambiguous),
        ("https://h\\@§/", Ambiguous),
        ("https://h\\.§/", Ambiguous),
        ("https://h/\\§", Ambiguous),
        ("https://h/?\\§", Ambiguous),
        ("https://h%2f§/", TokenInAuthority),
        ("https://h%2F§", TokenInAuthority),
        ("https://h%5c§/", TokenInAuthority),
        ("https://h%3f§/", TokenInAuthority),
        ("https://h%23§/", TokenInAuthority),
        ("https://h%40§/", TokenInAuthority),
        ("https%3a//§/", NoAuthority),
        ("https:%2f%2f§/", NoAuthority),
        ("https://h%2f/§", Syntax),
        ("https://h／§/", TokenInAuthority),
        ("https://h／/§", Syntax),
        ("https://h？§/", TokenInAuthority),
        ("https://h＃§/", TokenInAuthority),
        ("https://h＠§/", TokenInAuthority),
        ("https://h。§/", TokenInAuthority),
        ("https://h⁄§/", TokenInAuthority),
        // What a reader drops.
        ("\thttps://§/", Ambiguous),
        ("ht\ntps://§/", Ambiguous),
        ("https\t://§/", Ambiguous),
        ("https:/\t/§/", Ambiguous),
        ("https:/\n/h/§", Ambiguous),
        ("https:\t//h/§", Ambiguous),
        ("https://h\t/§", Ambiguous),
        ("https://h\r\n/§", Ambiguous),
        ("https://h/\t§", Ambiguous),
        ("https://\t§/", Ambiguous),
        (" https://h/§", Ambiguous),
        ("https://h/§ ", Ambiguous),
        ("https://h/§\n", Ambiguous),
        ("https://h/ §", Ambiguous),
        ("https://h/§\0", Ambiguous),
        ("\u{1}https://h/§", Ambiguous),
        ("https://h/§\u{7f}", Ambiguous),
        ("https://h\u{a0}/§", Ambiguous),
        ("https://h\u{2028}/§", Ambiguous),
        ("\u{feff}https://h/§", NoAuthority),
        // Paths that are no paths.
        ("mailto:§", NoAuthority),
        ("mailto:a@example.com?subject=§", NoAuthority),
        ("data:text/html,§", NoAuthority),
        ("javascript:alert(1)#§", NoAuthority),
        ("blob:https://h/§", NoAuthority),
        ("view-source:https://h/§", NoAuthority),
        ("jar:https://h/a.jar!/§", NoAuthority),
        ("urn:§", NoAuthority),
        ("file:///§", NoAuthority),
        ("file://h/§", NoAuthority),
        ("file:////§/share", NoAuthority),
        ("FILE:///C:/§", NoAuthority),
        ("file://§/", TokenInAuthority),
        // No URL at all.
        ("https://h:99999/§", Syntax),
        ("https://[::1/§", Syntax),
        ("https://a b/§", Ambiguous),
        ("https://h:p/§", Syntax),
    ];
    for (row, expected) in table {
        for token in ["{secret:T_}", "{t_}"] {
            // There it would be the escaped form, which is no token.
            if row.contains(r"\§") && token.starts_with("{secret:") {
                continue;
            }
            let text = row.replace('§', token);
            assert_eq!(refusal(&text), Some(*expected), "{text:?}");
        }
    }
}

#[test]
fn a_token_behind_the_authority_is_taken() {
    for row in [
        "https://h/§",
        "HTTPS://EXAMPLE.com:443/§",
        "https://h/§/§",
        "https://h/a§b",
        "https://h//§",
        "https://h/§@§:§",
        "https://h/https://§/",
        "https://h?§",
        "https://h?§=§&a=§#§",
        "https://h#§",
        "https://h/#/../§",
        "https://h/?..=§",
        "https://u:p@h/§",
        "https://[::1]:80/§",
        "https://bücher.example/§/é",
        "https://h/.../§",
        "https://h/.a/a./§",
        "https://h/%2f§",
        "wss://h/§",
        "postgres://h/§",
        "foo:///§",
        r"https://h/\{secret:X}/§",
    ] {
        for token in ["{secret:T_}", "{t_}"] {
            assert_eq!(refusal(&row.replace('§', token)), None, "{row}");
        }
    }
}

#[test]
fn a_dot_segment_is_refused_in_any_spelling() {
    for dots in [
        ".",
        "..",
        "%2e",
        "%2E.",
        ".%2e",
        "%2e%2E",
        "..;",
        "..;a=b",
        ".;",
        "a%2f..",
        "..%5ca",
        "a%2F%2e%2e%5C",
        "..%3b",
    ] {
        for row in ["https://h/D", "https://h/D/b", "https://h/a/D/{x}", "foo://h/D?{x}"] {
            let text = format!("{}#{{x}}", row.replace('D', dots));
            assert_eq!(refusal(&text), Some(DotSegment), "{text}");
        }
    }
}

#[test]
fn a_url_without_tokens_is_only_asked_to_be_one() {
    for text in [
        "HTTPS://EXAMPLE.com:443/a/../b?x=y#",
        "mailto:a@example.com",
        "file:///a",
        " https://h/a b\\c\n",
        "https:h",
        r"https://h/\{secret:X}",
    ] {
        assert_eq!(refusal(text), None, "{text}");
    }
    for text in ["", "a", "/a", "//h/a", "https://", "https://h:p/", r"https://\{secret:X}/"] {
        assert_eq!(refusal(text), Some(Syntax), "{text}");
    }
}

//! A value in every form that it could be found in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::Write as _;

/// What is looked for, with names that say which value it is in which form.
#[derive(Default)]
pub struct Needles(Vec<(String, String)>);

/// Bytes as a text of the same number of characters, so that any bytes can be searched as text.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

impl Needles {
    /// Looks for this value, whole and by halves.
    pub fn value(&mut self, name: &str, value: &[u8]) {
        let (first, second) = value.split_at(value.len() / 2);
        for (part, bytes) in [("", value), ("first half of ", first), ("second half of ", second)] {
            for (form, needle) in forms(bytes) {
                self.0.push((format!("{part}{name}, {form}"), needle));
            }
        }
    }

    /// Looks for this token and for the part of it that is secret.
    pub fn token(&mut self, token: &str) {
        let secret = token.split('_').nth(3).unwrap();
        assert_eq!(secret.len(), 43);
        self.value(&token[..7], token.as_bytes());
        self.value(&format!("secret of {}", &token[..7]), secret.as_bytes());
    }

    /// There is what should be there, found by the same search, and nothing of what is looked for.
    #[track_caller]
    pub fn absent_from(&self, place: &str, content: &[u8], there: &[&str]) {
        let content = latin1(content);
        for known in there {
            let mut control = Self::default();
            control.value(known, known.as_bytes());
            let found = control.found_in(&content);
            assert!(found.contains(&&*format!("{known}, raw")), "{known} is not in {place}");
        }
        assert_eq!(self.found_in(&content), [""; 0], "in {place}");
    }

    /// The names of all that is found.
    pub fn found_in(&self, haystack: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, needle)| haystack.contains(needle.as_str()));
        found.map(|(name, _)| name.as_str()).collect()
    }
}

/// Every form of some bytes, as a text of Latin-1 characters.
fn forms(bytes: &[u8]) -> Vec<(String, String)> {
    let mut forms = vec![("raw".to_owned(), latin1(bytes))];
    let mut add = |form: &str, needle: String| forms.push((form.to_owned(), needle));
    add("hex", each(bytes, |byte| format!("{byte:02x}")));
    add("HEX", each(bytes, |byte| format!("{byte:02X}")));
    add("hex with spaces", each(bytes, |byte| format!("{byte:02x} ")).trim_end().to_owned());
    for before in 0..3 {
        let padded = [&vec![0; before][..], bytes].concat();
        // The characters that depend on nothing but these bytes.
        let own = [0, 2, 3][before]..padded.len() * 8 / 6;
        add(&format!("base64 after {before}"), STANDARD_NO_PAD.encode(&padded)[own.clone()].into());
        add(&format!("base64url after {before}"), URL_SAFE_NO_PAD.encode(&padded)[own].into());
    }
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let percent = |byte: u8| format!("%{byte:02X}");
    add(
        "percent",
        each(bytes, |byte| if unreserved(byte) { char::from(byte).into() } else { percent(byte) }),
    );
    add("percent, all of it", each(bytes, percent));
    let debug = format!("{bytes:?}");
    add("list of bytes", debug[1..debug.len() - 1].to_owned());
    add("JSON list", debug[1..debug.len() - 1].replace(' ', ""));
    add("escaped bytes", bytes.escape_ascii().to_string());
    let lossy = String::from_utf8_lossy(bytes);
    add("escaped text", within_quotes(&format!("{lossy:?}")));
    add("JSON", within_quotes(&serde_json::to_string(&lossy).unwrap()));
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    add("reversed", latin1(&reversed));
    let characters: String = lossy.chars().rev().collect();
    add("reversed text", latin1(characters.as_bytes()));
    forms
}

fn each(bytes: &[u8], form: impl Fn(u8) -> String) -> String {
    bytes.iter().fold(String::new(), |mut written, byte| {
        write!(written, "{}", form(*byte)).unwrap();
        written
    })
}

/// What is between the first and the last character, as it stands in a file.
fn within_quotes(quoted: &str) -> String {
    latin1(&quoted.as_bytes()[1..quoted.len() - 1])
}

/// The search itself is tried: what is hidden is found.
#[test]
fn every_form_is_found_where_it_is() {
    for value in [super::TEXT.as_bytes(), super::PLAIN.as_bytes(), super::BYTES] {
        let mut needles = Needles::default();
        needles.value("it", value);
        for (form, hidden) in forms(value) {
            let haystack = format!("{{\"level\":\"TRACE\"}}{hidden}\u{0}\u{ff} and so on");
            let found = needles.found_in(&haystack);
            assert!(found.contains(&format!("it, {form}").as_str()), "{form}: {found:?}");
        }
        assert_eq!(needles.found_in("nothing of it"), [""; 0]);
    }
}

/// And by how others write them: by hand, not by the functions above.
#[test]
fn known_encodings_are_found() {
    let mut needles = Needles::default();
    needles.value("it", b"Secret/+Value");
    for haystack in [
        "Secret/+Value",
        "5365637265742f2b56616c7565",
        "5365637265742F2B56616C7565",
        "U2VjcmV0LytWYWx1ZQ==",
        "eHhTZWNyZXQvK1ZhbHVleQ==",
        "eFNlY3JldC8rVmFsdWU=",
        "Secret%2F%2BValue",
        "[83, 101, 99, 114, 101, 116, 47, 43, 86, 97, 108, 117, 101]",
        "eulaV+/terceS",
    ] {
        let found = needles.found_in(haystack);
        assert!(found.iter().any(|found| found.starts_with("it, ")), "{haystack}: {found:?}");
    }
}

//! JSON that says nothing twice.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Whether this is one JSON value in which no object has a member twice. Which of two counts is a
/// matter of the reader, and whoever signed it may have been another reader.
pub(super) fn is_unambiguous(json: &[u8]) -> bool {
    serde_json::from_slice::<Unambiguous>(json).is_ok()
}

struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON that says nothing twice")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Unambiguous, A::Error> {
        while values.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unambiguous, A::Error> {
        let mut names = HashSet::new();
        while let Some((name, _)) = members.next_entry::<String, Unambiguous>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("a member stands there twice"));
            }
        }
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_twice_at_any_depth() {
        for good in [r#"{"a":1,"b":{"a":[1.5,-1,true,null,"x"]}}"#, r#"[{"a":1},{"a":2}]"#, "1"] {
            assert!(is_unambiguous(good.as_bytes()), "{good}");
        }
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"[{"a":1,"a":2}]"#,
            r#"{"a":1} "#.trim_end().trim_end_matches('}'),
            r#"{"a":1}{"a":2}"#,
            "",
        ] {
            assert!(!is_unambiguous(bad.as_bytes()), "{bad}");
        }
        let deep = "[".repeat(100_000);
        assert!(!is_unambiguous(deep.as_bytes()), "it does not end in the stack");
    }
}

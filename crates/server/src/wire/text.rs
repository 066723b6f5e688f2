//! Texts for people.

use super::invalid;
use waxseal_domain::limits::{DESCRIPTION_BYTES, DISPLAY_NAME_BYTES};
use waxseal_engine::Error;

/// Longest id of a template.
const TEMPLATE_ID_BYTES: usize = 128;

/// A display name: one line.
pub(crate) fn display_name(field: &str, text: String) -> Result<String, Error> {
    checked(field, text, DISPLAY_NAME_BYTES, |_| false)
}

/// A description: several lines.
pub(crate) fn description(field: &str, text: String) -> Result<String, Error> {
    checked(field, text, DESCRIPTION_BYTES, |character| matches!(character, '\n' | '\t'))
}

/// What a caller knows a template by: one line.
pub(crate) fn template_id(field: &str, text: String) -> Result<String, Error> {
    checked(field, text, TEMPLATE_ID_BYTES, |_| false)
}

fn checked(
    field: &str,
    text: String,
    limit: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<String, Error> {
    if text.len() > limit {
        return Err(invalid(field, format!("be at most {limit} bytes")));
    }
    if text.chars().any(|character| character.is_control() && !allowed(character)) {
        return Err(invalid(field, "hold no control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_on_both_sides() {
        assert!(display_name("f", "x".repeat(128)).is_ok());
        assert!(display_name("f", "x".repeat(129)).is_err());
        assert!(description("f", "x".repeat(1_024)).is_ok());
        assert!(description("f", "x".repeat(1_025)).is_err());
    }

    #[test]
    fn control_characters_are_refused() {
        for text in ["a\0", "a\nb", "a\tb", "\u{1b}[0m", "\u{85}", "\u{7f}"] {
            assert!(display_name("f", text.to_owned()).is_err(), "{text:?}");
        }
        assert!(description("f", "a\n\tb".to_owned()).is_ok());
        assert!(description("f", "a\r\nb".to_owned()).is_err());
    }
}

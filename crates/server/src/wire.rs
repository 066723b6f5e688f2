//! Between messages and the types of the domain.
//!
//! **Architecture Invariant:** what arrives is parsed here, once; behind this module no string of
//! a request is checked again. A payload leaves its message before anything else happens, into
//! memory that is wiped.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod environment;
pub(crate) mod key;
pub(crate) mod mask;
pub(crate) mod name;
pub(crate) mod payload;
pub(crate) mod project;
pub(crate) mod render;
pub(crate) mod request;
pub(crate) mod runtime;
pub(crate) mod secret;
pub(crate) mod slot;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod view;

use waxseal_engine::Error;

/// A version or a count, as the wire has it.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A field that does not follow its rule; the rule follows the word "must".
fn invalid(field: &str, rule: impl std::fmt::Display) -> Error {
    Error::InvalidField { field: field.to_owned(), rule: format!("must {rule}") }
}

//! The rules of Waxseal as pure types and functions: no clock, no I/O, no wire, no database.
//!
//! What arrives from outside is parsed here once, at the door; below that no string is checked
//! again. A type that can hold a secret's value cannot be printed, cloned or serialised.

pub mod caller;
pub mod environment;
pub mod identity;
pub mod limits;
pub mod name;
pub mod principal;
pub mod project;
pub mod reference;
pub mod secret;
pub mod slot;
pub mod time;
pub mod uid;
pub mod value;
pub mod view;

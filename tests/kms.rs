//! Waxseal on a key service: what it asks of it, and what happens when that fails, refuses, or is
//! asked by hosts that may do different things.

mod counts;
mod deadlines;
mod failures;
mod outages;
mod policies;
mod revoked;
mod rotation;
pub mod world;

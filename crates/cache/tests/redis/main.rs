//! The shared cache against real servers, and against a network that misbehaves.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and is told where the servers are"
)]

mod cluster;
mod faults;
mod proxy;
mod server;
mod servers;
mod single;
mod support;
mod tls;

//! Waxseal from outside: every test here drives a real server through gRPC, or the real binary
//! through its command line.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "tests"
)]

mod support;

mod deadlines;
mod drain;
mod errors;
mod frames;
mod history;
mod overload;
mod replicas;

mod watch;

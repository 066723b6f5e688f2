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

mod aliases;
mod answers;
mod arguments;
mod audit;
mod canary;
mod command_line;
mod concurrency;
mod credentials;
mod deadlines;
mod environments;
mod errors;
mod export;
mod external;
mod faults;
mod frames;
mod history;
mod keys;
mod kill;
mod kms;
mod layers;
mod limits;
mod model;
mod names;
mod overload;
mod paging;
mod process;
mod projects;
mod purge;
mod readme;
mod references;
mod render;
mod replicas;
mod restricted;
mod revisions;
mod rights;
mod secrecy;
mod sequences;
mod story;
mod tamper;
mod values;
mod vectors;
mod verify;
mod versions;
mod watch;

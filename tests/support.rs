//! What the tests share: a server with parts that a test can count, pause and move, clients of
//! it, and how a refusal is read.

pub mod access;
pub mod binary;
pub mod client;
pub mod collector;
pub mod grpcurl;
pub mod kms;
pub mod postgres;
pub mod production;
pub mod proxy;
pub mod raw;
pub mod redis;
pub mod refusal;
pub mod replicas;
pub mod server;
pub mod standby;
pub mod stored;
pub mod texts;
pub mod tls;
pub mod traces;
pub mod verbs;

pub use access::token_of;
pub use client::{Client, default_slot, override_slot, text};
pub use refusal::{Refusal, refused};
pub use server::{Server, Setup};

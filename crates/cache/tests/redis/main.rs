//! The shared cache against real servers, and against a network that misbehaves.

mod cluster;
mod faults;
mod proxy;
mod server;
mod servers;
mod single;
mod support;
mod tls;

//! The gRPC server as a library: [`wiring`] opens the parts, [`run`] serves them. The caller owns
//! the port and the stop signal.
//!
//! **Architecture Invariant:** on the serving side this crate alone speaks tonic and prost.
//! `wire` alone converts between messages and the types of the domain, `status` alone turns a
//! failure into a gRPC status, and `wiring` alone names the backends.

mod admin;
mod auth;
mod checkpointing;
pub mod config;
mod front;
mod identity;
mod listeners;
pub mod metrics;
pub mod process;
mod purging;
mod readiness;
mod rpc;
mod run;
mod status;
pub mod telemetry;
mod tls;
mod traces;
mod wire;
pub mod wiring;
mod workers;

pub use admin::Admin;
pub use config::Config;
pub use identity::IssuersError;
pub use listeners::{Connections, LOCAL_SOCKET, ListenError, Listeners};
pub use metrics::Metrics;
pub use run::{RunError, run};
pub use tls::{Certificates, TlsError};
pub use traces::TracesError;

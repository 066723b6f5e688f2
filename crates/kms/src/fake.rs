//! A server that speaks the protocol of AWS KMS, for tests and measurements.
//!
//! It enforces what tests depend on: encryption contexts, key states, pinned key ids, and key
//! policies by the role that a request is signed for. Signatures are not checked. It can be told to
//! fail, and it counts.
#![allow(clippy::expect_used, reason = "what this is for fails by panicking")]

mod http;
mod operations;
pub mod policy;
mod state;

pub use state::{Fault, KeyState, Request};

use policy::Policy;
use state::State;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// The account that every key belongs to, and that the shipped policies name.
pub const ACCOUNT: &str = "111122223333";
/// The region of every key.
pub const REGION: &str = "eu-central-1";

/// The server. It ends when this is dropped, connections included.
pub struct Fake {
    state: Arc<Mutex<State>>,
    endpoint: String,
    server: AbortHandle,
}

impl Fake {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Panics
    /// If there is none.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let server = tokio::spawn(http::serve(listener, Arc::clone(&state))).abort_handle();
        Self { state, endpoint, server }
    }

    /// Where it listens, as [`AwsSettings::endpoint`](crate::AwsSettings::endpoint) takes it.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Settings for this key here. The access key is called `caller`.
    #[must_use]
    pub fn settings(&self, key: &str, caller: &str) -> crate::AwsSettings {
        crate::AwsSettings {
            endpoint: Some(self.endpoint()),
            region: Some(REGION.to_owned()),
            credentials: Some((caller.to_owned(), "secret".to_owned())),
            ..crate::AwsSettings::new(key)
        }
    }

    /// Makes a key, enabled and without a policy: everyone may do everything. Gives its ARN.
    ///
    /// # Panics
    /// If the system has no random bytes.
    #[must_use]
    pub fn create_key(&self) -> String {
        self.state().create_key()
    }

    /// Points an alias, such as `alias/waxseal`, at a key.
    pub fn alias(&self, alias: &str, arn: &str) {
        self.state().aliases.insert(alias.to_owned(), arn.to_owned());
    }

    /// Changes the state of a key.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn set_state(&self, arn: &str, state: KeyState) {
        self.state().key_mut(arn).state = state;
    }

    /// Gives a key a policy: from now on whatever that does not allow is denied.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn set_policy(&self, arn: &str, policy: Policy) {
        self.state().key_mut(arn).policy = Some(policy);
    }

    /// Lets requests that are signed with this access key come from this role.
    pub fn role(&self, access_key: &str, arn: &str) {
        self.state().roles.insert(access_key.to_owned(), arn.to_owned());
    }

    /// Has the next requests fail, as many as said, or all from now on.
    pub fn fail(&self, fault: Fault, times: Option<u32>) {
        self.state().fault = Some((fault, times));
    }

    /// No request fails any more.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    /// Has each request take this long.
    pub fn set_latency(&self, latency: Duration) {
        self.state().latency = latency;
    }

    /// How many requests there were by operation, those that failed included.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.state().counts.clone()
    }

    /// How many requests of this operation there were.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.state().counts.get(operation).copied().unwrap_or_default()
    }

    /// The last requests, oldest first; at most a thousand.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[cfg(test)]
mod tests;

//! The server as its callers see it: one connection, and a token for each part.

use super::tokens::Kept;
use crate::client::{Bearer, Caller};
use crate::failure::Failure;
use tonic::transport::Endpoint;
use waxseal_domain::caller::Role;

/// The callers in the story.
pub(super) struct Clients {
    pub(super) admin: Caller,
    pub(super) builder: Caller,
    pub(super) runtime: Caller,
}

impl Clients {
    pub(super) async fn connect(address: &str, kept: &[Kept]) -> Result<Self, Failure> {
        let failed = |source| Failure::Connect { address: address.to_owned(), source };
        let uri = match address.strip_prefix("unix:") {
            Some(path) => format!("unix://{path}"),
            None => format!("http://{address}"),
        };
        let endpoint = Endpoint::from_shared(uri).map_err(failed)?;
        let channel = endpoint.connect().await.map_err(failed)?;
        let caller = |role| Caller { channel: channel.clone(), bearer: bearer(role, kept) };
        Ok(Self {
            admin: caller(Role::Admin),
            builder: caller(Role::Builder),
            runtime: caller(Role::Runtime),
        })
    }
}

fn bearer(role: Role, kept: &[Kept]) -> Bearer {
    let token = kept.iter().find(|kept| kept.role == role).map(|kept| kept.token.as_str());
    Bearer::of(token.unwrap_or_default())
}

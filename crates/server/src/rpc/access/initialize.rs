//! The first admin.

use crate::identity::Peer;
use crate::wire::{access, name, time};
use std::time::Duration;
use tonic::Request;
use waxseal_engine::{Engine, Error, Initialize, Initialized};
use waxseal_proto::v1::{InitializeRequest, InitializeResponse};

/// The one method that has no caller where it is open.
pub(crate) const PATH: &str = "/waxseal.v1.AccessService/Initialize";

/// How long the first token is good, where nobody says.
const LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

pub(super) async fn initialize(
    engine: &Engine,
    request: Request<InitializeRequest>,
) -> Result<InitializeResponse, Error> {
    if !request.extensions().get::<Peer>().is_some_and(Peer::owns_this) {
        return Err(Error::PermissionDenied);
    }
    let InitializeRequest { principal_id, token_life } = request.into_inner();
    let id = if principal_id.is_empty() { "admin" } else { &principal_id };
    let principal = name::principal_id("principal_id", id)?;
    let life = match token_life {
        None => LIFE,
        Some(life) => Duration::try_from(life).map_err(|_| Error::InvalidField {
            field: "token_life".to_owned(),
            rule: "must be a duration over 0".to_owned(),
        })?,
    };
    let first = Initialize { principal, life };
    let Initialized { principal, token, expires } = engine.initialize(first).await?;
    Ok(InitializeResponse {
        principal: Some(access::principal(&principal)),
        token: token.to_string(),
        token_expire_time: Some(time::message(expires)),
    })
}

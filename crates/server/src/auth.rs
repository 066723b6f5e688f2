//! Who calls. Settled before a byte of the message is decoded.

use crate::identity::{Peer, Vouched, Workloads};
use http::header::{AUTHORIZATION, Entry, HeaderMap};
use std::sync::Arc;
use waxseal_domain::caller::Caller;
use waxseal_engine::{Engine, Error};

/// What tokens of ours begin with; those of workloads never do.
const API_TOKEN: &str = "wxs_";

/// Finds the caller by the one `authorization: Bearer TOKEN` of a call, and takes the header away,
/// so that nothing further in can print it. A call without that header is its connection's: of
/// whom the peer's certificate names. With it, the header alone counts.
///
/// Whatever is wrong with credentials that are there is answered alike.
pub(crate) async fn authenticate(
    engine: &Engine,
    workloads: Option<&Workloads>,
    peer: &Peer,
    headers: &mut HeaderMap,
) -> Result<Arc<Caller>, Error> {
    let Entry::Occupied(sent) = headers.entry(AUTHORIZATION) else {
        let certified = peer.certified.as_ref().ok_or(Error::CredentialsMissing)?;
        return vouched_for(engine, certified).await;
    };
    let (_, mut sent) = sent.remove_entry_mult();
    let header = match (sent.next(), sent.next()) {
        (Some(header), None) => header,
        _ => return Err(Error::CredentialsInvalid),
    };
    drop(sent);
    let token = header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    let token = token.ok_or(Error::CredentialsInvalid)?;
    match workloads.filter(|_| !token.starts_with(API_TOKEN)) {
        None => engine.authenticate(token).await,
        Some(workloads) => match workloads.verify(token, engine.now()).await {
            Ok(vouched) => vouched_for(engine, &vouched).await,
            Err(why) => {
                tracing::debug!(why, "a workload's token is refused");
                Err(Error::CredentialsInvalid)
            }
        },
    }
}

/// Whether credentials are none that somebody may be guessing: a token that was good a moment ago,
/// or the certificate of the connection.
pub(crate) fn is_no_guess(engine: &Engine, headers: &HeaderMap) -> bool {
    let Some(sent) = headers.get(AUTHORIZATION) else { return true };
    let token = sent.to_str().ok().and_then(|sent| sent.strip_prefix("Bearer "));
    token.is_some_and(|token| engine.knows(token))
}

/// The caller whom an identity stands for, for as long as it is vouched for.
async fn vouched_for(engine: &Engine, vouched: &Vouched) -> Result<Arc<Caller>, Error> {
    if !vouched.holds(engine.now()) {
        return Err(Error::CredentialsInvalid);
    }
    Ok(vouched.bound(engine.authenticate_identity(&vouched.identity).await?))
}

//! Who calls. Settled before a byte of the message is decoded.

use http::header::{AUTHORIZATION, HeaderMap};
use std::sync::Arc;
use waxseal_domain::caller::Caller;
use waxseal_engine::{Engine, Error};

/// Finds the caller by the one `authorization: Bearer TOKEN` of a call, and takes the header away,
/// so that nothing further in can print it.
///
/// Whatever is wrong with credentials that are there is answered alike.
pub(crate) async fn authenticate(
    engine: &Engine,
    headers: &mut HeaderMap,
) -> Result<Arc<Caller>, Error> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (sent.next(), sent.next());
    let header = match (first, second) {
        (None, _) => return Err(Error::CredentialsMissing),
        (Some(header), None) => header,
        (Some(_), Some(_)) => return Err(Error::CredentialsInvalid),
    };
    let token = header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    let caller = engine.authenticate(token.ok_or(Error::CredentialsInvalid)?).await?;
    headers.remove(AUTHORIZATION);
    Ok(caller)
}

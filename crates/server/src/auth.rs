//! Who calls. Settled before a byte of the message is decoded.

use http::header::{AUTHORIZATION, Entry, HeaderMap};
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
    let Entry::Occupied(sent) = headers.entry(AUTHORIZATION) else {
        return Err(Error::CredentialsMissing);
    };
    let (_, mut sent) = sent.remove_entry_mult();
    let header = match (sent.next(), sent.next()) {
        (Some(header), None) => header,
        _ => return Err(Error::CredentialsInvalid),
    };
    drop(sent);
    let token = header.to_str().ok().and_then(|header| header.strip_prefix("Bearer "));
    engine.authenticate(token.ok_or(Error::CredentialsInvalid)?).await
}

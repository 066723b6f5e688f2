//! Request ids (AIP-155): a retry with the same id and body gets the first answer.

use crate::{Engine, Error};
use uuid::Uuid;
use waxseal_domain::caller::Action;

/// A caller's request id, and a keyed digest of what was asked under it. Never a plain digest:
/// the body may hold a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestKey {
    pub(crate) id: Uuid,
    pub(crate) body: [u8; 32],
}

impl Engine {
    /// Reads a request id; an empty one is none. The body is the whole request as it was sent.
    ///
    /// # Errors
    /// [`Error::InvalidRequestId`] for anything but a UUID in its hyphenated form, and for the
    /// nil UUID.
    pub fn request_key(
        &self,
        id: &str,
        action: Action,
        body: &[u8],
    ) -> Result<Option<RequestKey>, Error> {
        const HYPHENATED: usize = 36;
        if id.is_empty() {
            return Ok(None);
        }
        let uuid = Uuid::try_parse(id).map_err(|_| Error::InvalidRequestId)?;
        if id.len() != HYPHENATED || uuid.is_nil() {
            return Err(Error::InvalidRequestId);
        }
        let body = self.keys.request.mac(&[action.as_str().as_bytes(), body]);
        Ok(Some(RequestKey { id: uuid, body }))
    }
}

//! What many requests have in common.

use prost::Message;
use waxseal_domain::caller::Action;
use waxseal_engine::{Engine, Error, Page, RequestKey};
use zeroize::Zeroizing;

/// A request as it came, for a later one of the same id to be compared with. It holds what the
/// request holds, so it is wiped.
pub(crate) struct Body {
    id: String,
    encoded: Zeroizing<Vec<u8>>,
}

impl Body {
    /// Encodes a request; before its payload is taken out of it. Nothing is done where it has no
    /// id.
    pub(crate) fn of(request: &impl Message, id: &str) -> Self {
        // Exactly as large as it needs to be, so that no copy is left behind by growing.
        let encoded = if id.is_empty() { Vec::new() } else { request.encode_to_vec() };
        Self { id: id.to_owned(), encoded: Zeroizing::new(encoded) }
    }

    /// What the engine recognises a repetition by.
    pub(crate) fn key(&self, engine: &Engine, action: Action) -> Result<Option<RequestKey>, Error> {
        engine.request_key(&self.id, action, &self.encoded)
    }
}

/// The etag a caller expects; empty is any.
pub(crate) fn etag(etag: String) -> Option<String> {
    (!etag.is_empty()).then_some(etag)
}

pub(crate) const fn page(size: i32, token: String) -> Page {
    Page { size, token }
}

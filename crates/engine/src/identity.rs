//! From an identity that others vouch for to a caller.

use crate::{Engine, Error};
use std::sync::Arc;
use waxseal_domain::caller::Caller;
use waxseal_domain::identity::Identity;
use waxseal_domain::time::Timestamp;

impl Engine {
    /// Whom an identity stands for. That it is the caller's has been verified.
    ///
    /// # Errors
    /// [`Error::CredentialsInvalid`]: nobody has been told of it yet.
    pub async fn authenticate_identity(&self, _identity: &Identity) -> Result<Arc<Caller>, Error> {
        Err(Error::CredentialsInvalid)
    }

    /// The time by the clock that everything here goes by.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

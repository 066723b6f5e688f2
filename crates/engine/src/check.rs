//! Whether the engine can do its work just now.

use crate::{Engine, Error};

impl Engine {
    /// Asks the store, and looks at what is known of the key provider. An outage of the provider is
    /// no reason to say no: what is warm is served.
    ///
    /// # Errors
    /// [`Error::StorageUnavailable`] and [`Error::KeyUnavailable`].
    pub async fn check(&self) -> Result<(), Error> {
        self.keys.check_health()?;
        Ok(self.store.check().await?)
    }
}

//! Going on with a database that was restored.

use super::{Trail as _, Witness};
use crate::{Engine, OpenError};
use waxseal_storage::AuditRow;

impl Engine {
    /// Puts on record that the database does not know what the file of checkpoints does, if that is
    /// so: somebody said that it is to be gone on with.
    pub(crate) async fn record_adoption(&self) -> Result<(), OpenError> {
        let Some((number, _)) = self.witness.as_ref().and_then(Witness::lost) else {
            return Ok(());
        };
        tracing::warn!(number, "going on with a database that does not know this checkpoint");
        let row = AuditRow::new(self.clock.now(), "local".to_owned(), "AdoptRestored");
        let mut tx = self.store.begin("adopt_restored").await?;
        let recorded = tx.append_audit(&row).await;
        recorded.map_err(|error| OpenError::Adoption(Box::new(error)))?;
        Ok(tx.commit().await?)
    }
}

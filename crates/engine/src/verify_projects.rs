//! Whether every project is vouched for. No value is opened by it.

use crate::{Engine, Error};
use waxseal_domain::environment::Stage;

const PAGE: usize = 100;

impl Engine {
    /// Checks the manifest of every project, deleted ones too, with all that it vouches for; for
    /// whoever may read the key file. `told` hears after each how many were checked; so does the
    /// caller in the end.
    ///
    /// # Errors
    /// [`Error::DataLoss`] of the first that is not vouched for, and those of the store and of the
    /// key provider.
    pub async fn verify_projects(&self, mut told: impl FnMut(u64) + Send) -> Result<u64, Error> {
        let (mut checked, mut after) = (0, None);
        loop {
            let mut rows = self.store.snapshot().await?;
            let page = rows.projects(after.as_ref(), true, PAGE).await?;
            let Some(last) = page.last() else { return Ok(checked) };
            after = Some(last.project.id.clone());
            for project in &page {
                let project = self.verified_or_deleted(&mut *rows, &project.project.id).await?;
                project.catalogue(&mut *rows).await?;
                for environment in &project.environments {
                    for stage in Stage::ALL {
                        project.overrides(&mut *rows, environment, stage).await?;
                    }
                }
                checked += 1;
                told(checked);
            }
        }
    }
}

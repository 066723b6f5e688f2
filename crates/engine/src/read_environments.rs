//! Reading environments.

use crate::projects::standing;
use crate::{Engine, Error, Listed, Page, Permit};
use waxseal_domain::caller::Action;
use waxseal_domain::environment::Environment;
use waxseal_domain::name::{EnvironmentId, ProjectId};

impl Engine {
    /// One environment.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::EnvironmentNotFound`].
    pub async fn get_environment(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
        id: &EnvironmentId,
    ) -> Result<Environment, Error> {
        permit.check(Action::GetEnvironment)?;
        let all = self.all_environments(project).await?;
        all.into_iter().find(|found| found.id == *id).ok_or(Error::EnvironmentNotFound)
    }

    /// The environments of a project, by id.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], and of the page wish.
    pub async fn list_environments(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
        page: Page,
    ) -> Result<Listed<Environment>, Error> {
        const ACTION: Action = Action::ListEnvironments;
        permit.check(ACTION)?;
        let arguments = [project.as_str()];
        let wanted = self.wanted(&page, &permit, ACTION, &arguments)?;
        let all = self.all_environments(project).await?;
        let total = all.len() as u64;
        let (items, last) = wanted.cut(all, |environment| environment.id.to_string());
        let next = self.next(last, &permit, ACTION, &arguments)?;
        Ok(Listed { items, next, total })
    }

    async fn all_environments(&self, project: &ProjectId) -> Result<Vec<Environment>, Error> {
        let mut rows = self.store.snapshot().await?;
        let project = standing(&mut *rows, project).await?;
        let rows = rows.environments(project.uid).await?;
        Ok(rows.into_iter().map(|row| row.environment).collect())
    }
}

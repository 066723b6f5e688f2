//! Reading projects.

use crate::permit::Rights;
use crate::{Engine, Error, Listed, Page, Permit};
use std::collections::BTreeSet;
use waxseal_domain::caller::{Action, Scope};
use waxseal_domain::name::ProjectId;
use waxseal_domain::project::Project;
use waxseal_storage::Snapshot;

impl Engine {
    /// One project; a deleted one too.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`].
    pub async fn get_project(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
    ) -> Result<Project, Error> {
        permit.check(Action::GetProject)?;
        let row = self.store.snapshot().await?.project(project).await?;
        Ok(row.ok_or(Error::ProjectNotFound)?.project)
    }

    /// The projects that the caller may see, by id.
    ///
    /// # Errors
    /// Of the page wish.
    pub async fn list_projects(
        &self,
        permit: Permit<'_>,
        show_deleted: bool,
        page: Page,
    ) -> Result<Listed<Project>, Error> {
        permit.check(Action::ListProjects)?;
        let arguments = [if show_deleted { "deleted" } else { "" }];
        let wanted = self.wanted(&page, &permit, Action::ListProjects, &arguments)?;
        let mut rows = self.store.snapshot().await?;
        if !permit.rights().is_everywhere() {
            let mut own = Vec::new();
            for id in own_projects(permit.rights()) {
                let row = rows.project(id).await?.map(|row| row.project);
                own.extend(row.filter(|own| show_deleted || own.deletion.is_none()));
            }
            let total = own.len() as u64;
            let (items, last) = wanted.cut(own, |project| project.id.to_string());
            let next = self.next(last, &permit, Action::ListProjects, &arguments)?;
            return Ok(Listed { items, next, total });
        }
        let after = wanted.after.as_deref().map(ProjectId::parse).transpose();
        let after = after.map_err(|_| Error::InvalidPageToken)?;
        let mut items: Vec<_> = rows
            .projects(after.as_ref(), show_deleted, wanted.limit + 1)
            .await?
            .into_iter()
            .map(|row| row.project)
            .collect();
        let more = items.len() > wanted.limit;
        items.truncate(wanted.limit);
        let last = items.last().filter(|_| more).map(|project| project.id.to_string());
        let next = self.next(last, &permit, Action::ListProjects, &arguments)?;
        Ok(Listed { items, next, total: rows.count_projects(show_deleted).await? })
    }
}

/// A project that stands. Those who may ask are told that a deleted one is deleted.
pub(crate) async fn standing(rows: &mut dyn Snapshot, id: &ProjectId) -> Result<Project, Error> {
    let project = rows.project(id).await?.ok_or(Error::ProjectNotFound)?.project;
    if project.deletion.is_some() { Err(Error::ProjectDeleted) } else { Ok(project) }
}

/// The projects that a caller's scopes lie in, in the order of their ids.
fn own_projects(rights: Rights<'_>) -> BTreeSet<&ProjectId> {
    let own = rights.grants().filter_map(|grant| match &grant.scope {
        Scope::Deployment => None,
        Scope::Project { id, .. } | Scope::Environment { project: id, .. } => Some(id),
    });
    own.collect()
}

//! A project's own fields; and deleting it softly and bringing it back.

use crate::change::{Change, Verb, Written};
use crate::{Engine, Error, Permit, RequestKey, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::ProjectId;
use waxseal_domain::project::Project;
use waxseal_domain::secret::Deletion;

/// What to change; `None` stays as it is.
#[derive(Debug)]
pub struct UpdateProject {
    /// Which project.
    pub id: ProjectId,
    /// For people.
    pub display_name: Option<String>,
    /// What the project must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// Which project to delete or to bring back.
#[derive(Debug)]
pub struct ChangeProject {
    /// Which project.
    pub id: ProjectId,
    /// What the project must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Changes a project's own fields.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDeleted`], [`Error::EtagMismatch`].
    pub async fn update_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        update: UpdateProject,
    ) -> Result<Written<Project>, Error> {
        let UpdateProject { id, display_name, etag, request } = update;
        self.change(permit, Some(id), request, Update { display_name, etag }).await
    }

    /// Deletes a project softly: nothing in it resolves any more.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDeleted`], [`Error::EtagMismatch`].
    pub async fn delete_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        delete: ChangeProject,
    ) -> Result<Written<Project>, Error> {
        let ChangeProject { id, etag, request } = delete;
        self.change(permit, Some(id), request, Delete { etag }).await
    }

    /// Brings a deleted project back as it was.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], also when the time to undo is over;
    /// [`Error::ProjectNotDeleted`], [`Error::EtagMismatch`].
    pub async fn undelete_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        undelete: ChangeProject,
    ) -> Result<Written<Project>, Error> {
        let ChangeProject { id, etag, request } = undelete;
        self.change(permit, Some(id), request, Undelete { etag }).await
    }
}

fn check(change: &Change<'_>, etag: Option<&str>) -> Result<(), Error> {
    etag::check(etag, &etag::project(&change.project()?.row.project))
}

struct Update {
    display_name: Option<String>,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Update {
    type Answer = Project;
    const ACTION: Action = Action::UpdateProject;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Project, Error> {
        check(change, self.etag.as_deref())?;
        let before = &change.project()?.row.project;
        match self.display_name.take().filter(|name| *name != before.display_name) {
            Some(name) => change.edit_project(|project| project.display_name = name),
            None => Ok(before.clone()),
        }
    }
}

struct Delete {
    etag: Option<String>,
}

#[async_trait]
impl Verb for Delete {
    type Answer = Project;
    const ACTION: Action = Action::DeleteProject;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Project, Error> {
        check(change, self.etag.as_deref())?;
        let (deleted, retention) = (change.now, change.engine.quotas.retention);
        let deletion = Deletion { deleted, purge: deleted.after(retention) };
        change.touch_all()?;
        change.edit_project(|project| project.deletion = Some(deletion))
    }
}

struct Undelete {
    etag: Option<String>,
}

#[async_trait]
impl Verb for Undelete {
    type Answer = Project;
    const ACTION: Action = Action::UndeleteProject;
    const ON_DELETED: bool = true;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Project, Error> {
        check(change, self.etag.as_deref())?;
        let deletion = change.project()?.row.project.deletion.ok_or(Error::ProjectNotDeleted)?;
        if deletion.purge <= change.now {
            return Err(Error::ProjectNotFound);
        }
        change.touch_all()?;
        change.edit_project(|project| project.deletion = None)
    }
}

//! Taking a project's outline out, in, and across.

use crate::change::{Change, Verb, Written};
use crate::keys::NewKeys;
use crate::outline::{Imported, Outline, build};
use crate::{Engine, Error, Permit, RequestKey};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::name::ProjectId;
use waxseal_domain::uid::ProjectUid;

/// What to import.
#[derive(Debug)]
pub struct ImportProject {
    /// The new project's id.
    pub id: ProjectId,
    /// The document.
    pub document: String,
    /// For retries.
    pub request: Option<RequestKey>,
}

/// What to duplicate.
#[derive(Debug)]
pub struct DuplicateProject {
    /// The project to take the outline of.
    pub source: ProjectId,
    /// The new project's id.
    pub id: ProjectId,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// A project's outline as a JSON document: names and settings, and nothing of any value.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`], [`Error::ProjectDeleted`].
    pub async fn export_project(
        &self,
        permit: Permit<'_>,
        project: &ProjectId,
    ) -> Result<String, Error> {
        permit.check(Action::ExportProject)?;
        let (mut rows, project) = self.read(project).await?;
        let catalogue = project.catalogue(&mut *rows).await?;
        Outline::of(&project, &catalogue).write()
    }

    /// Makes a new project of placeholders from a document.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`], [`Error::DocumentTooLarge`], [`Error::ProjectExists`],
    /// [`Error::IdHeldByDeleted`], [`Error::EnvironmentLimit`], [`Error::SecretLimit`].
    pub async fn import_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        import: ImportProject,
    ) -> Result<Written<Imported>, Error> {
        permit.check(Action::ImportProject)?;
        let ImportProject { id, document, request } = import;
        let outline = Outline::read(&document)?;
        self.change(permit, None, request, Import { id, outline, keys: None }).await
    }

    /// Makes a new project of placeholders with another one's outline.
    ///
    /// # Errors
    /// [`Error::ProjectNotFound`] and [`Error::ProjectDeleted`] of the source, and those of an
    /// import.
    pub async fn duplicate_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        duplicate: DuplicateProject,
    ) -> Result<Written<Imported>, Error> {
        let DuplicateProject { source, id, request } = duplicate;
        self.change(permit, None, request, Duplicate { source, id, keys: None }).await
    }
}

type Prepared = Option<(ProjectUid, NewKeys)>;

struct Import {
    id: ProjectId,
    outline: Outline,
    keys: Prepared,
}

#[async_trait]
impl Verb for Import {
    type Answer = Imported;
    const ACTION: Action = Action::ImportProject;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        self.keys = Some(engine.new_project().await?);
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Imported, Error> {
        let keys = self.keys.take().ok_or(Error::Conflict)?;
        build(change, &self.id, "", keys, self.outline.clone()).await
    }
}

struct Duplicate {
    source: ProjectId,
    id: ProjectId,
    keys: Prepared,
}

#[async_trait]
impl Verb for Duplicate {
    type Answer = Imported;
    const ACTION: Action = Action::DuplicateProject;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        engine.have_integrity_key(&self.source).await?;
        self.keys = Some(engine.new_project().await?);
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Imported, Error> {
        let keys = self.keys.take().ok_or(Error::Conflict)?;
        let (source, catalogue) = change.other(&self.source).await?;
        build(change, &self.id, "", keys, Outline::of(&source, &catalogue)).await
    }
}

//! A project begins with the environment `main` and no secrets.

use crate::change::{Change, Verb, Written};
use crate::keys::{self, NewKeys};
use crate::manifest::Verified;
use crate::{Engine, Error, Permit, RequestKey, create_environment};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::{Fallback, Settings};
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::project::Project;
use waxseal_domain::uid::ProjectUid;
use waxseal_storage::ProjectRow;

/// What to create.
#[derive(Debug)]
pub struct CreateProject {
    /// Its id.
    pub id: ProjectId,
    /// For people.
    pub display_name: String,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Creates a project.
    ///
    /// # Errors
    /// [`Error::ProjectExists`].
    pub async fn create_project(
        self: &Arc<Self>,
        permit: Permit<'_>,
        new: CreateProject,
    ) -> Result<Written<Project>, Error> {
        let CreateProject { id, display_name, request } = new;
        let verb = Create { id, display_name, keys: None };
        self.change(permit, None, request, verb).await
    }
}

struct Create {
    id: ProjectId,
    display_name: String,
    keys: Option<(ProjectUid, NewKeys)>,
}

#[async_trait]
impl Verb for Create {
    type Answer = Project;
    const ACTION: Action = Action::CreateProject;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        self.keys = Some(engine.new_project().await?);
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Project, Error> {
        let keys = self.keys.take().ok_or(Error::Conflict)?;
        let project = add(change, &self.id, &self.display_name, keys).await?;
        let settings =
            Settings { display_name: String::new(), fallback: Fallback::Allow, protected: false };
        create_environment::add(change, &EnvironmentId::main(), settings).await?;
        Ok(project)
    }
}

impl Engine {
    /// The identity and the keys of a project to be.
    pub(crate) async fn new_project(&self) -> Result<(ProjectUid, NewKeys), Error> {
        let uid = ProjectUid::new(keys::new_uid(self.clock.now())?);
        Ok((uid, self.keys.new_project(uid).await?))
    }
}

/// Adds a project with nothing in it, not even an environment.
pub(crate) async fn add(
    change: &mut Change<'_>,
    id: &ProjectId,
    display_name: &str,
    (uid, keys): (ProjectUid, NewKeys),
) -> Result<Project, Error> {
    change.check_project_id(id).await?;
    let NewKeys { integrity, wrapped_integrity, wrapped_fingerprint } = keys;
    let project = Project {
        uid,
        id: id.clone(),
        display_name: display_name.to_owned(),
        edition: 1,
        created: change.now,
        updated: change.now,
        deletion: None,
    };
    let row = ProjectRow {
        incarnation: change.incarnation().await?,
        project: project.clone(),
        revision: 0,
        integrity_key: wrapped_integrity,
        fingerprint_key: wrapped_fingerprint,
        catalogue: waxseal_envelope::manifest::catalogue(uid, []),
        manifest: [0; 32],
    };
    change.add_project(Verified { row, environments: Vec::new(), key: integrity }).await?;
    Ok(project)
}

//! A project begins with the environment `main` and no secrets.

use crate::change::{Change, Verb, Written};
use crate::manifest::Verified;
use crate::{Engine, Error, Permit, RequestKey, keys};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::environment::{Environment, Fallback, Settings};
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::project::Project;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid};
use waxseal_envelope::Key;
use waxseal_storage::{ProjectRow, Wrapped};

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
        let verb = Create { id, display_name, integrity: None };
        self.change(permit, None, request, verb).await
    }
}

struct Create {
    id: ProjectId,
    display_name: String,
    integrity: Option<(ProjectUid, Arc<Key>, Wrapped)>,
}

#[async_trait]
impl Verb for Create {
    type Answer = Project;
    const ACTION: Action = Action::CreateProject;

    async fn prepare(&mut self, engine: &Engine) -> Result<(), Error> {
        let uid = ProjectUid::new(keys::new_uid(engine.clock.now())?);
        let (key, wrapped) = engine.keys.new_integrity(uid).await?;
        self.integrity = Some((uid, key, wrapped));
        Ok(())
    }

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Project, Error> {
        if change.project_exists(&self.id).await? {
            return Err(Error::ProjectExists);
        }
        let (uid, key, integrity_key) = self.integrity.take().ok_or(Error::Conflict)?;
        let now = change.now;
        let project = Project {
            uid,
            id: self.id.clone(),
            display_name: self.display_name.clone(),
            edition: 1,
            created: now,
            updated: now,
        };
        let row = ProjectRow {
            project: project.clone(),
            revision: 0,
            integrity_key,
            catalogue: waxseal_envelope::manifest::catalogue(uid, []),
            manifest: [0; 32],
        };
        change.add_project(Verified { row, environments: Vec::new(), key }).await?;
        let settings =
            Settings { display_name: String::new(), fallback: Fallback::Allow, protected: false };
        let main = Environment {
            uid: EnvironmentUid::new(keys::new_uid(now)?),
            id: EnvironmentId::main(),
            settings,
            edition: 1,
            created: now,
            updated: now,
        };
        change.add_environment(main).await?;
        Ok(project)
    }
}

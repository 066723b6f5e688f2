//! What a warm read needs to know.

use std::sync::Arc;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::EnvironmentId;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, ProjectUid};

/// The newest committed state of a project, as far as a warm read needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The life of the store that the revisions count in.
    pub incarnation: Incarnation,
    /// The project's identity.
    pub project: ProjectUid,
    /// The project's revision.
    pub revision: u64,
    /// Whether the project is deleted: then nothing in it resolves.
    pub deleted: bool,
    /// The project's environments.
    pub environments: Vec<EnvironmentHead>,
}

/// An environment in a [`Head`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentHead {
    /// Its identity.
    pub uid: EnvironmentUid,
    /// Its id.
    pub id: EnvironmentId,
    /// The revision of its draft view.
    pub draft: u64,
    /// The revision of its live view.
    pub live: u64,
}

impl EnvironmentHead {
    /// The revision of one of its views.
    #[must_use]
    pub const fn view(&self, stage: Stage) -> u64 {
        match stage {
            Stage::Draft => self.draft,
            Stage::Live => self.live,
        }
    }
}

impl Head {
    /// The environment of this id.
    #[must_use]
    pub fn environment(&self, id: &EnvironmentId) -> Option<&EnvironmentHead> {
        self.environments.iter().find(|environment| environment.id == *id)
    }
}

/// What a strong question is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The head of the project; none where there is no such project.
    pub head: Option<Arc<Head>>,
    /// The authorisation epoch in the same state or a later one: raised with every change of who
    /// may do what.
    pub epoch: u64,
}

//! Who waits for which project's head to move.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use waxseal_domain::name::ProjectId;

type ByProject = HashMap<ProjectId, watch::Sender<()>>;

/// Those who follow projects.
#[derive(Clone, Default)]
pub(crate) struct Followers {
    projects: Arc<Mutex<ByProject>>,
}

/// One who follows a project. Dropped, it no longer costs anything.
#[derive(Debug)]
pub struct Following {
    project: ProjectId,
    moved: watch::Receiver<()>,
    followers: Followers,
}

impl Following {
    /// Returns once the project's head may have moved since the last call, or since this was
    /// made. Several moves count as one.
    pub async fn moved(&mut self) {
        if self.moved.changed().await.is_err() {
            // The store is gone, and with it what could move.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut projects = self.followers.projects();
        // This one still counts.
        if projects.get(&self.project).is_some_and(|moved| moved.receiver_count() <= 1) {
            projects.remove(&self.project);
        }
    }
}

impl Followers {
    pub(crate) fn follow(&self, project: &ProjectId) -> Following {
        let mut projects = self.projects();
        let moved = projects.entry(project.clone()).or_insert_with(|| watch::channel(()).0);
        Following { project: project.clone(), moved: moved.subscribe(), followers: self.clone() }
    }

    /// Tells those who follow this project.
    pub(crate) fn tell(&self, project: &ProjectId) {
        if let Some(moved) = self.projects().get(project) {
            moved.send_replace(());
        }
    }

    /// Tells everybody.
    pub(crate) fn tell_all(&self) {
        for moved in self.projects().values() {
            moved.send_replace(());
        }
    }

    fn projects(&self) -> MutexGuard<'_, ByProject> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Followers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Followers")
    }
}

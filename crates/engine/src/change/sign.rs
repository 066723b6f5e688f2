//! The end of a change: revisions, digests, the manifest's MAC, the head and the audit rows.

use super::state::{find, find_mut};
use super::{Change, Subject};
use crate::audit::{Actor, Trail as _};
use crate::manifest::Verified;
use crate::revision::Revision;
use crate::{Error, RequestKey};
use waxseal_domain::caller::Action;
use waxseal_storage::{AuditRow, ProjectRow, Transaction};

impl Change<'_> {
    /// Raises the revisions, signs the state, and writes head and audit row.
    pub(super) async fn sign(
        mut self,
        action: Action,
        request: Option<RequestKey>,
    ) -> Result<(Box<dyn Transaction>, Revision), Error> {
        let mut project = self.project.take().ok_or(Error::ProjectNotFound)?;
        project.row.revision += 1;
        let revision = project.row.revision;
        if let Some(catalogue) = &self.catalogue {
            project.row.catalogue = project.digest_catalogue(catalogue)?;
        }
        for ((environment, stage), slots) in &self.overrides {
            let digest = project.digest_overrides(
                find(&project.environments, *environment)?,
                *stage,
                slots,
            )?;
            find_mut(&mut project.environments, *environment)?.group_mut(*stage).digest = digest;
        }
        for (environment, stage) in &self.touched {
            if let Ok(row) = find_mut(&mut project.environments, *environment) {
                row.group_mut(*stage).revision = revision;
            }
        }
        project.row.manifest = project.mac(self.engine.deployment);
        self.write(&project, action, request).await?;
        let Verified { row: ProjectRow { project, incarnation, .. }, .. } = project;
        Ok((self.tx, Revision { incarnation, project: project.uid, number: revision }))
    }

    async fn write(
        &mut self,
        project: &Verified,
        action: Action,
        request: Option<RequestKey>,
    ) -> Result<(), Error> {
        for row in project.environments.iter().filter(|row| !self.before.contains(row)) {
            self.tx.update_environment(row).await?;
        }
        self.tx.update_project(&project.row).await?;
        if self.subjects.is_empty() {
            self.subjects.push(Subject::default());
        }
        let mut rows = Vec::with_capacity(self.subjects.len());
        for subject in std::mem::take(&mut self.subjects) {
            let Subject { environment, stage, secret, version, names } =
                self.named(project, subject);
            let (environment_id, secret_name) = names;
            rows.push(AuditRow {
                project: Some(project.row.project.uid),
                project_id: Some(project.row.project.id.as_str().to_owned()),
                environment,
                environment_id,
                stage,
                secret,
                secret_name,
                version,
                revision: Some(project.row.revision),
                request: request.map(|key| key.id),
                ..Actor::of(self.rights.caller).did(self.now, action.as_str())
            });
        }
        self.tx.append_all(rows).await
    }
}

//! A change under way: what was read so far, all of it vouched for.

use crate::manifest::{Catalogue, Verified};
use crate::permit::Rights;
use crate::{Engine, Error};
use std::collections::{BTreeMap, BTreeSet};
use waxseal_domain::caller::Scope;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::ProjectId;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, Incarnation, SecretUid};
use waxseal_storage::{EnvironmentRow, SlotRow, Snapshot, Transaction, ValueRow};

/// What an audit row says a change was about.
#[derive(Default)]
pub(crate) struct Subject {
    pub(crate) environment: Option<EnvironmentUid>,
    pub(crate) stage: Option<Stage>,
    pub(crate) secret: Option<SecretUid>,
    pub(crate) version: Option<u64>,
    /// What environment and secret are called.
    pub(crate) names: (Option<String>, Option<String>),
}

/// A change under way: a locked, verified project and what was done to it so far.
pub(crate) struct Change<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) rights: Rights<'a>,
    pub(crate) now: Timestamp,
    /// One audit row each.
    pub(super) subjects: Vec<Subject>,
    pub(super) tx: Box<dyn Transaction>,
    pub(super) project: Option<Verified>,
    /// The environments as they were read; those that differ at the end are written.
    pub(super) before: Vec<EnvironmentRow>,
    /// Groups that were read, and verified. All of them are signed anew at the end.
    pub(super) catalogue: Option<Catalogue>,
    pub(super) overrides: BTreeMap<(EnvironmentUid, Stage), Vec<SlotRow>>,
    /// Views that the change could alter.
    pub(super) touched: BTreeSet<(EnvironmentUid, Stage)>,
    /// Whether a value takes more room than the one before it.
    pub(super) grown: bool,
}

impl<'a> Change<'a> {
    pub(super) async fn begin(
        engine: &'a Engine,
        rights: Rights<'a>,
        mut tx: Box<dyn Transaction>,
        project: Option<&ProjectId>,
    ) -> Result<Self, Error> {
        let project = match project {
            // A scope's project that is gone looks like one that never was the caller's.
            Some(id) => match engine.verified_or_deleted(&mut *tx, id).await {
                Err(Error::ProjectNotFound) if !rights.is_everywhere() => {
                    return Err(Error::PermissionDenied);
                }
                project => Some(project?),
            },
            None => None,
        };
        Ok(Self {
            engine,
            rights,
            now: engine.clock.now(),
            subjects: Vec::new(),
            tx,
            before: project.as_ref().map_or_else(Vec::new, |found| found.environments.clone()),
            project,
            catalogue: None,
            overrides: BTreeMap::new(),
            touched: BTreeSet::new(),
            grown: false,
        })
    }

    /// Everything else that can be read in this change's transaction.
    pub(super) fn rows(&mut self) -> &mut dyn Snapshot {
        &mut *self.tx
    }

    /// The store's present life.
    pub(crate) async fn incarnation(&mut self) -> Result<Incarnation, Error> {
        let meta = self.tx.meta().await?;
        Ok(meta.ok_or(Error::DataLoss { what: "the store's own row" })?.incarnation)
    }

    /// Whether what a scope names is still what it named when the right was given. A scope that is
    /// not the whole deployment is of the project that is being changed, as the permit saw to.
    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        match scope {
            Scope::Deployment => true,
            Scope::Project { id, uid } => self.project.as_ref().is_some_and(|project| {
                let project = &project.row.project;
                project.id == *id && project.uid == *uid
            }),
            Scope::Environment { project_uid, environment_uid, .. } => {
                self.project.as_ref().is_some_and(|project| {
                    project.row.project.uid == *project_uid
                        && find(&project.environments, *environment_uid).is_ok()
                })
            }
        }
    }

    /// Says what the change is about, for the audit trail.
    pub(crate) fn about(&mut self, subject: Subject) {
        let subject = match &self.project {
            // Now as well as at the end: what is removed has its name no longer then.
            Some(project) => self.named(project, subject),
            None => subject,
        };
        self.subjects.push(subject);
    }

    /// With the names that can be told, where there are none yet.
    pub(super) fn named(&self, project: &Verified, subject: Subject) -> Subject {
        let (environment, secret) = subject.names;
        let environment = environment.or_else(|| {
            let row = find(&project.environments, subject.environment?).ok()?;
            Some(row.environment.id.as_str().to_owned())
        });
        let secret = secret.or_else(|| {
            let secrets = &self.catalogue.as_ref()?.secrets;
            let found = secrets.iter().find(|secret| Some(secret.uid) == subject.secret)?;
            Some(found.name.as_str().to_owned())
        });
        Subject { names: (environment, secret), ..subject }
    }

    /// Whether the project that is being changed is deleted.
    pub(super) fn is_deleted(&self) -> bool {
        self.project.as_ref().is_some_and(|project| project.row.project.deletion.is_some())
    }

    /// The project that is being changed.
    pub(crate) fn project(&self) -> Result<&Verified, Error> {
        self.project.as_ref().ok_or(Error::ProjectNotFound)
    }

    pub(super) fn project_mut(&mut self) -> Result<&mut Verified, Error> {
        self.project.as_mut().ok_or(Error::ProjectNotFound)
    }

    /// The secrets and their default slots.
    pub(crate) async fn catalogue(&mut self) -> Result<&Catalogue, Error> {
        if self.catalogue.is_none() {
            let project = self.project.as_ref().ok_or(Error::ProjectNotFound)?;
            self.catalogue = Some(project.catalogue(&mut *self.tx).await?);
        }
        self.catalogue.as_ref().ok_or(Error::ProjectNotFound)
    }

    /// The overrides of one environment and stage.
    pub(crate) async fn overrides(
        &mut self,
        environment: EnvironmentUid,
        stage: Stage,
    ) -> Result<&mut Vec<SlotRow>, Error> {
        if !self.overrides.contains_key(&(environment, stage)) {
            let project = self.project.as_ref().ok_or(Error::ProjectNotFound)?;
            let row = find(&project.environments, environment)?;
            let slots = project.overrides(&mut *self.tx, row, stage).await?;
            self.overrides.insert((environment, stage), slots);
        }
        self.overrides.get_mut(&(environment, stage)).ok_or(Error::EnvironmentNotFound)
    }

    /// The slot of a secret, if it was ever written.
    pub(crate) async fn slot(
        &mut self,
        secret: SecretUid,
        place: Place,
    ) -> Result<Option<SlotRow>, Error> {
        let slots = match place {
            Place::Default => &self.catalogue().await?.defaults,
            Place::Override(environment, stage) => &*self.overrides(environment, stage).await?,
        };
        Ok(slots.iter().find(|slot| slot.secret == secret).cloned())
    }

    /// Refuses an id that a project has, or had until it is purged.
    pub(crate) async fn check_project_id(&mut self, id: &ProjectId) -> Result<(), Error> {
        match self.tx.project(id).await? {
            Some(row) if row.project.deletion.is_some() => Err(Error::IdHeldByDeleted),
            Some(_) => Err(Error::ProjectExists),
            None => Ok(()),
        }
    }

    /// Another project than the one that is being changed.
    pub(crate) async fn other(&mut self, id: &ProjectId) -> Result<(Verified, Catalogue), Error> {
        let project = self.engine.verified(&mut *self.tx, id).await?;
        let catalogue = project.catalogue(&mut *self.tx).await?;
        Ok((project, catalogue))
    }

    /// One version of one slot, vouched for.
    pub(crate) async fn value(
        &mut self,
        secret: SecretUid,
        place: Place,
        version: u64,
    ) -> Result<Option<ValueRow>, Error> {
        let Some(slot) = self.slot(secret, place).await? else { return Ok(None) };
        let row = self.tx.value(secret, place, version).await?;
        if let Some(row) = &row {
            self.project()?.vouch(&slot, row)?;
        }
        Ok(row)
    }

    /// Every kept version of every slot of a secret.
    pub(crate) async fn values_of(&mut self, secret: SecretUid) -> Result<Vec<ValueRow>, Error> {
        Ok(self.tx.values_of(secret).await?)
    }
}

impl Subject {
    /// A slot of a secret.
    pub(crate) fn slot(secret: SecretUid, place: Place) -> Self {
        let (environment, stage) = match place {
            Place::Default => (None, None),
            Place::Override(environment, stage) => (Some(environment), Some(stage)),
        };
        Self { environment, stage, secret: Some(secret), ..Self::default() }
    }
}

pub(super) fn find(rows: &[EnvironmentRow], uid: EnvironmentUid) -> Result<&EnvironmentRow, Error> {
    rows.iter().find(|row| row.environment.uid == uid).ok_or(Error::EnvironmentNotFound)
}

pub(super) fn find_mut(
    rows: &mut [EnvironmentRow],
    uid: EnvironmentUid,
) -> Result<&mut EnvironmentRow, Error> {
    rows.iter_mut().find(|row| row.environment.uid == uid).ok_or(Error::EnvironmentNotFound)
}

//! The one path of every mutation: replay, prepare, lock, verify, apply, sign, audit, keep the
//! answer, commit. A verb supplies only what is its own.

use crate::in_flight::Flight;
use crate::keys::SealedValue;
use crate::manifest::{Catalogue, Verified, by_secret, is_set};
use crate::revision::Revision;
use crate::{Engine, Error, Permit, RequestKey};
use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tracing::Instrument;
use waxseal_domain::caller::{Action, Caller};
use waxseal_domain::environment::{Fallback, Stage};
use waxseal_domain::limits::{REQUEST_ID_LIFE, VIEW_BYTES};
use waxseal_domain::name::{EnvironmentId, ProjectId};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{EnvironmentUid, ProjectUid, SecretUid, ValueUid};
use waxseal_domain::view::{Effective, effective, encoded_unset, encoded_value};
use waxseal_envelope::OVERHEAD;
use waxseal_envelope::manifest::overrides;
use waxseal_storage::{
    AuditRow, EnvironmentRow, GroupRow, ProjectRow, RequestRow, Sealed, SlotRow, Snapshot,
    Transaction, ValueHead, ValueRow,
};

/// How often a change is prepared anew because another came first.
const ATTEMPTS: usize = 8;

/// The answer to a mutation.
#[derive(Debug)]
pub struct Written<T> {
    /// What the verb answers.
    pub answer: T,
    /// The token of the project's new revision.
    pub revision: String,
}

/// What a mutation has of its own.
#[async_trait]
pub(crate) trait Verb: Send + 'static {
    /// The answer; kept for retries, so it never holds a value.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// The method.
    const ACTION: Action;

    /// What has to be done before the project is locked: calls to the key provider. Repeated
    /// for every attempt.
    async fn prepare(&mut self, _engine: &Engine) -> Result<(), Error> {
        Ok(())
    }

    /// Checks and changes, under the lock. [`Error::Conflict`] asks for another attempt: what
    /// was prepared no longer fits.
    async fn apply(&mut self, change: &mut Change<'_>) -> Result<Self::Answer, Error>;
}

/// What an audit row says a change was about.
#[derive(Default)]
pub(crate) struct Subject {
    pub(crate) environment: Option<EnvironmentUid>,
    pub(crate) stage: Option<Stage>,
    pub(crate) secret: Option<SecretUid>,
    pub(crate) version: Option<u64>,
}

/// A change under way: a locked, verified project and what was done to it so far.
pub(crate) struct Change<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Timestamp,
    /// One audit row each.
    subjects: Vec<Subject>,
    tx: Box<dyn Transaction>,
    project: Option<Verified>,
    /// The environments as they were read; those that differ at the end are written.
    before: Vec<EnvironmentRow>,
    /// Groups that were read, and verified. All of them are signed anew at the end.
    catalogue: Option<Catalogue>,
    overrides: BTreeMap<(EnvironmentUid, Stage), Vec<SlotRow>>,
    /// Views that the change could alter.
    touched: BTreeSet<(EnvironmentUid, Stage)>,
}

impl Engine {
    /// Carries out a mutation. It goes on to its end when the caller goes away: most calls that
    /// time out around a commit have committed, and half a change is worse than either.
    pub(crate) async fn change<V: Verb>(
        self: &Arc<Self>,
        permit: Permit<'_>,
        project: Option<ProjectId>,
        request: Option<RequestKey>,
        verb: V,
    ) -> Result<Written<V::Answer>, Error> {
        permit.check(V::ACTION)?;
        let caller = permit.caller.clone();
        let flight =
            request.map(|key| self.in_flight.enter(&caller.principal, key.id)).transpose()?;
        let engine = self.clone();
        let task = async move { engine.carry_out(&caller, project, request, verb, flight).await };
        let task = tokio::spawn(task.in_current_span());
        task.await.unwrap_or_else(|stopped| match stopped.try_into_panic() {
            Ok(_) => Err(Error::Internal("a change panicked".into())),
            Err(_) => Err(Error::ShuttingDown),
        })
    }

    async fn carry_out<V: Verb>(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        request: Option<RequestKey>,
        mut verb: V,
        _flight: Option<Flight>,
    ) -> Result<Written<V::Answer>, Error> {
        // Before anything is prepared: what the first call met may be gone since.
        if let Some(key) = request
            && let Some(first) =
                self.replay(&mut *self.store.snapshot().await?, caller, key).await?
        {
            return Ok(first);
        }
        for _ in 0..ATTEMPTS {
            verb.prepare(self).await?;
            match self.attempt(caller, project.as_ref(), request, &mut verb).await {
                Err(Error::Conflict) => {}
                outcome => return outcome,
            }
        }
        Err(Error::Conflict)
    }

    async fn attempt<V: Verb>(
        &self,
        caller: &Caller,
        project: Option<&ProjectId>,
        request: Option<RequestKey>,
        verb: &mut V,
    ) -> Result<Written<V::Answer>, Error> {
        let mut tx = self.store.begin(V::ACTION.as_str()).await?;
        if let Some(key) = request
            && let Some(first) = self.replay(&mut *tx, caller, key).await?
        {
            return Ok(first);
        }
        let mut change = Change::begin(self, caller, tx, project).await?;
        let answer = verb.apply(&mut change).await?;
        let (mut tx, revision) = change.sign(V::ACTION, request).await?;
        let kept = Kept { project: revision.project, number: revision.number, answer };
        if let Some(key) = request {
            let now = self.clock.now();
            tx.forget_requests(now.before(REQUEST_ID_LIFE)).await?;
            tx.put_request(&kept.row(caller, key, now)?).await?;
        }
        tx.commit().await?;
        Ok(self.written(kept))
    }

    /// The answer that was given to this request before, if it was.
    async fn replay<A: DeserializeOwned>(
        &self,
        rows: &mut dyn Snapshot,
        caller: &Caller,
        key: RequestKey,
    ) -> Result<Option<Written<A>>, Error> {
        let Some(row) = rows.request(&caller.principal, key.id).await? else { return Ok(None) };
        if row.created < self.clock.now().before(REQUEST_ID_LIFE) {
            return Ok(None);
        }
        if !bool::from(row.body.ct_eq(&key.body)) {
            return Err(Error::RequestIdReused);
        }
        let kept = serde_json::from_str(&row.answer)
            .map_err(|_| Error::DataLoss { what: "a kept answer" })?;
        Ok(Some(self.written(kept)))
    }

    fn written<A>(&self, kept: Kept<A>) -> Written<A> {
        let Kept { project, number, answer } = kept;
        let revision = Revision { incarnation: self.incarnation, project, number };
        Written { answer, revision: self.keys.write_revision(revision) }
    }
}

/// An answer as it is kept for retries.
#[derive(Serialize, serde::Deserialize)]
struct Kept<A> {
    project: ProjectUid,
    number: u64,
    answer: A,
}

impl<A: Serialize> Kept<A> {
    fn row(&self, caller: &Caller, key: RequestKey, now: Timestamp) -> Result<RequestRow, Error> {
        Ok(RequestRow {
            principal: caller.principal.clone(),
            id: key.id,
            body: key.body,
            answer: serde_json::to_string(self).map_err(|error| Error::Internal(error.into()))?,
            created: now,
        })
    }
}

impl<'a> Change<'a> {
    async fn begin(
        engine: &'a Engine,
        caller: &'a Caller,
        mut tx: Box<dyn Transaction>,
        project: Option<&ProjectId>,
    ) -> Result<Self, Error> {
        let project = match project {
            Some(id) => Some(engine.verified(&mut *tx, id).await?),
            None => None,
        };
        Ok(Self {
            engine,
            caller,
            now: engine.clock.now(),
            subjects: Vec::new(),
            tx,
            before: project.as_ref().map_or_else(Vec::new, |found| found.environments.clone()),
            project,
            catalogue: None,
            overrides: BTreeMap::new(),
            touched: BTreeSet::new(),
        })
    }

    /// Says what the change is about, for the audit trail.
    pub(crate) fn about(&mut self, subject: Subject) {
        self.subjects.push(subject);
    }

    /// The project that is being changed.
    pub(crate) fn project(&self) -> Result<&Verified, Error> {
        self.project.as_ref().ok_or(Error::ProjectNotFound)
    }

    fn project_mut(&mut self) -> Result<&mut Verified, Error> {
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

    /// Whether a project of this id exists.
    pub(crate) async fn project_exists(&mut self, id: &ProjectId) -> Result<bool, Error> {
        Ok(self.tx.project(id).await?.is_some())
    }

    /// Every kept version of every slot of a secret.
    pub(crate) async fn values_of(&mut self, secret: SecretUid) -> Result<Vec<ValueRow>, Error> {
        Ok(self.tx.values_of(secret).await?)
    }

    /// Takes a new project as the one that is being changed.
    pub(crate) async fn add_project(&mut self, project: Verified) -> Result<(), Error> {
        // The row is written now so that what belongs to it can be, and again when it is signed.
        self.tx.insert_project(&project.row).await?;
        self.project = Some(project);
        Ok(())
    }

    /// Adds an environment without overrides.
    pub(crate) async fn add_environment(
        &mut self,
        environment: waxseal_domain::environment::Environment,
    ) -> Result<(), Error> {
        let uid = environment.uid;
        let project = self.project_mut()?;
        let empty = |stage| GroupRow {
            revision: 0,
            digest: overrides(project.row.project.uid, uid, stage, []),
        };
        let row =
            EnvironmentRow { environment, draft: empty(Stage::Draft), live: empty(Stage::Live) };
        let project_uid = project.row.project.uid;
        project.environments.push(row.clone());
        self.tx.insert_environment(project_uid, &row).await?;
        self.touch_both(uid);
        Ok(())
    }

    /// The environment of this id, to change.
    pub(crate) fn environment_mut(
        &mut self,
        id: &EnvironmentId,
    ) -> Result<&mut EnvironmentRow, Error> {
        let project = self.project_mut()?;
        project
            .environments
            .iter_mut()
            .find(|row| row.environment.id == *id)
            .ok_or(Error::EnvironmentNotFound)
    }

    /// Removes an environment with all its overrides.
    pub(crate) async fn remove_environment(&mut self, uid: EnvironmentUid) -> Result<(), Error> {
        let project = self.project_mut()?;
        let project_uid = project.row.project.uid;
        project.environments.retain(|row| row.environment.uid != uid);
        self.overrides.retain(|(environment, _), _| *environment != uid);
        self.tx.remove_environment(project_uid, uid).await?;
        Ok(())
    }

    /// Adds a secret; every view could tell.
    pub(crate) async fn add_secret(&mut self, secret: Secret) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        self.catalogue().await?;
        self.tx.insert_secret(project, &secret).await?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.secrets.push(secret);
        }
        self.touch_all()
    }

    /// Writes a secret's metadata. The caller says which views it touches.
    pub(crate) async fn put_secret(&mut self, secret: &Secret) -> Result<(), Error> {
        self.catalogue().await?;
        self.tx.update_secret(secret).await?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.secrets.retain(|other| other.uid != secret.uid);
            catalogue.secrets.push(secret.clone());
        }
        Ok(())
    }

    /// Writes a new version into a slot: a sealed value, or none to clear it. Returns the slot.
    pub(crate) async fn write_slot(
        &mut self,
        secret: SecretUid,
        place: Place,
        uid: ValueUid,
        sealed: Option<Sealed>,
    ) -> Result<SlotRow, Error> {
        let project = self.project()?.row.project.uid;
        let before = self.slot(secret, place).await?;
        let version = before.as_ref().map_or(0, |slot| slot.highest) + 1;
        let head = ValueHead {
            uid,
            sealed: sealed.as_ref().map(|sealed| (sealed.digest, sealed.record.len() as u64)),
        };
        let slot = SlotRow {
            secret,
            place,
            current: version,
            highest: version,
            edition: before.map_or(0, |slot| slot.edition) + 1,
            updated: self.now,
            value: Some(head),
        };
        self.tx
            .insert_value(&ValueRow { secret, place, version, uid, created: self.now, sealed })
            .await?;
        self.tx.put_slot(project, &slot).await?;
        self.hold(slot.clone()).await?;
        if let Some(subject) = self.subjects.last_mut() {
            subject.version = Some(version);
        }
        self.touch_place(place)?;
        Ok(slot)
    }

    /// Replaces the record of a version that stands, in its row and, where it is the current
    /// one, in its group.
    pub(crate) async fn reseal(&mut self, version: u64, value: &SealedValue) -> Result<(), Error> {
        let SealedValue { secret, place, visibility: _, uid, sealed } = value.clone();
        let slot = self.slot(secret, place).await?;
        let digest = (sealed.digest, sealed.record.len() as u64);
        let row = ValueRow { secret, place, version, uid, created: self.now, sealed: Some(sealed) };
        self.tx.reseal_value(&row).await?;
        if let Some(slot) = slot.filter(|slot| slot.current == version) {
            let value = Some(ValueHead { uid, sealed: Some(digest) });
            self.hold(SlotRow { value, ..slot }).await?;
        }
        Ok(())
    }

    /// Puts a slot into the group in memory.
    async fn hold(&mut self, slot: SlotRow) -> Result<(), Error> {
        self.slot(slot.secret, slot.place).await?;
        let slots = match slot.place {
            Place::Default => self.catalogue.as_mut().map(|catalogue| &mut catalogue.defaults),
            Place::Override(environment, stage) => self.overrides.get_mut(&(environment, stage)),
        };
        if let Some(slots) = slots {
            slots.retain(|other| other.secret != slot.secret);
            slots.push(slot);
        }
        Ok(())
    }

    /// The views that a slot can alter.
    fn touch_place(&mut self, place: Place) -> Result<(), Error> {
        match place {
            Place::Default => self.touch_all(),
            Place::Override(environment, stage) => {
                self.touched.insert((environment, stage));
                Ok(())
            }
        }
    }

    /// Both views of an environment.
    pub(crate) fn touch_both(&mut self, environment: EnvironmentUid) {
        self.touched.extend(Stage::ALL.map(|stage| (environment, stage)));
    }

    /// Every view of the project.
    pub(crate) fn touch_all(&mut self) -> Result<(), Error> {
        let project = self.project()?;
        let uids: Vec<_> = project.environments.iter().map(|row| row.environment.uid).collect();
        uids.into_iter().for_each(|uid| self.touch_both(uid));
        Ok(())
    }

    /// Refuses a change to what the live view of a protected environment resolves, unless an
    /// admin makes it. An override there is refused also where nothing resolves yet: whoever
    /// protects a live stage means all of its slots.
    pub(crate) async fn check_protection(
        &mut self,
        secret: SecretUid,
        places: Touches,
    ) -> Result<(), Error> {
        if self.caller.may_change_protected() {
            return Ok(());
        }
        let protected: Vec<_> = self
            .project()?
            .environments
            .iter()
            .filter(|row| row.environment.settings.protected)
            .map(|row| (row.environment.uid, row.environment.settings.fallback))
            .collect();
        for (environment, fallback) in protected {
            let live = Place::Override(environment, Stage::Live);
            let over = self.slot(secret, live).await?.filter(is_set);
            let default = self.slot(secret, Place::Default).await?.filter(is_set);
            let resolves = effective(fallback, default, over);
            let refused = match places {
                Touches::Slot(place) if place == live => true,
                Touches::Slot(Place::Default) => {
                    matches!(resolves, Effective::Value(waxseal_domain::view::Origin::Default, _))
                }
                Touches::Slot(Place::Override(..)) => false,
                Touches::Everything => matches!(resolves, Effective::Value(..)),
            };
            if refused {
                return Err(Error::EnvironmentProtected);
            }
        }
        Ok(())
    }

    /// Refuses a change that makes any view too large to be sent.
    pub(crate) async fn check_views(&mut self) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        let slots = self.tx.all_slots(project).await?;
        let mut by_place: BTreeMap<Place, Vec<SlotRow>> = BTreeMap::new();
        for slot in slots.into_iter().filter(is_set) {
            by_place.entry(slot.place).or_default().push(slot);
        }
        let none = Vec::new();
        let defaults = by_secret(by_place.get(&Place::Default).unwrap_or(&none));
        self.catalogue().await?;
        let secrets = self.catalogue.as_ref().map_or(&[][..], |catalogue| &catalogue.secrets);
        for row in &self.project()?.environments {
            for stage in Stage::ALL {
                let place = Place::Override(row.environment.uid, stage);
                let overrides = by_secret(by_place.get(&place).unwrap_or(&none));
                let fallback = row.environment.settings.fallback;
                let size: u64 = secrets
                    .iter()
                    .filter(|secret| secret.deletion.is_none())
                    .map(|secret| {
                        let slot = |slots: &std::collections::HashMap<_, &SlotRow>| {
                            slots.get(&secret.uid).map(|slot| (slot.current, length(slot)))
                        };
                        encoded(secret, fallback, slot(&defaults), slot(&overrides))
                    })
                    .sum();
                if size > VIEW_BYTES {
                    return Err(Error::ViewTooLarge);
                }
            }
        }
        Ok(())
    }

    /// Raises the revisions, signs the state, and writes head and audit row.
    async fn sign(
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
        let Verified { row: ProjectRow { project, .. }, .. } = project;
        let incarnation = self.engine.incarnation;
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
        for Subject { environment, stage, secret, version } in std::mem::take(&mut self.subjects) {
            let audit = AuditRow {
                at: self.now,
                principal: self.caller.principal.clone(),
                action: action.as_str(),
                project: Some(project.row.project.uid),
                environment,
                stage,
                secret,
                version,
                revision: Some(project.row.revision),
                request: request.map(|key| key.id),
            };
            self.tx.append_audit(&audit).await?;
        }
        Ok(())
    }
}

/// What of a secret a change touches.
#[derive(Clone, Copy)]
pub(crate) enum Touches {
    /// One slot.
    Slot(Place),
    /// All of them.
    Everything,
}

impl Subject {
    /// A slot of a secret.
    pub(crate) fn slot(secret: SecretUid, place: Place) -> Self {
        let (environment, stage) = match place {
            Place::Default => (None, None),
            Place::Override(environment, stage) => (Some(environment), Some(stage)),
        };
        Self { environment, stage, secret: Some(secret), version: None }
    }
}

fn find(rows: &[EnvironmentRow], uid: EnvironmentUid) -> Result<&EnvironmentRow, Error> {
    rows.iter().find(|row| row.environment.uid == uid).ok_or(Error::EnvironmentNotFound)
}

fn find_mut(
    rows: &mut [EnvironmentRow],
    uid: EnvironmentUid,
) -> Result<&mut EnvironmentRow, Error> {
    rows.iter_mut().find(|row| row.environment.uid == uid).ok_or(Error::EnvironmentNotFound)
}

/// Bytes of a slot's value, told from the length of its record.
fn length(slot: &SlotRow) -> u64 {
    let sealed = slot.value.and_then(|value| value.sealed).map_or(0, |(_, length)| length);
    sealed.saturating_sub(OVERHEAD as u64)
}

/// Bytes that a secret takes in a view, from version and length in each slot.
fn encoded(
    secret: &Secret,
    fallback: Fallback,
    default: Option<(u64, u64)>,
    over: Option<(u64, u64)>,
) -> u64 {
    match effective(fallback, default, over) {
        Effective::Value(_, (version, length)) => encoded_value(&secret.name, length, version),
        Effective::Unset(_) => encoded_unset(&secret.name),
    }
}

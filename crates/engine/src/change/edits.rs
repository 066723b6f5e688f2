//! What a verb does to a project: each edit goes into the transaction and into the state in
//! memory that is signed at the end, and says which views it could alter.

use super::Change;
use crate::Error;
use crate::keys::SealedValue;
use crate::manifest::Verified;
use waxseal_domain::environment::{Environment, Stage};
use waxseal_domain::name::{EnvironmentId, SecretName};
use waxseal_domain::project::Project;
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{EnvironmentUid, SecretUid, ValueUid};
use waxseal_envelope::manifest::overrides;
use waxseal_storage::{AliasRow, EnvironmentRow, GroupRow, Sealed, SlotRow, ValueHead, ValueRow};

impl Change<'_> {
    /// Takes a new project as the one that is being changed.
    pub(crate) async fn add_project(&mut self, project: Verified) -> Result<(), Error> {
        // The row is written now so that what belongs to it can be, and again when it is signed.
        self.tx.insert_project(&project.row).await?;
        self.project = Some(project);
        Ok(())
    }

    /// Changes the project's own fields.
    pub(crate) fn edit_project(
        &mut self,
        edit: impl FnOnce(&mut Project),
    ) -> Result<Project, Error> {
        let now = self.now;
        let project = &mut self.project_mut()?.row.project;
        edit(project);
        project.edition += 1;
        project.updated = now;
        Ok(project.clone())
    }

    /// Adds an environment without overrides.
    pub(crate) async fn add_environment(&mut self, environment: Environment) -> Result<(), Error> {
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

    /// Reserves a name for a secret that had it.
    pub(crate) async fn add_alias(
        &mut self,
        secret: SecretUid,
        name: &SecretName,
    ) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        self.catalogue().await?;
        let alias = AliasRow { name: name.clone(), secret };
        self.tx.insert_alias(project, &alias).await?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.aliases.push(alias);
        }
        self.touch_all()
    }

    /// Lets go of a reserved name.
    pub(crate) async fn remove_alias(&mut self, name: &SecretName) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        self.catalogue().await?;
        self.tx.remove_alias(project, name).await?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.aliases.retain(|alias| alias.name != *name);
        }
        self.touch_all()
    }

    /// Removes a secret with all it had: slots, versions, data keys, aliases.
    pub(crate) async fn remove_secret(&mut self, secret: SecretUid) -> Result<(), Error> {
        let project = self.project()?;
        let (uid, places) = (project.row.project.uid, project.environments.clone());
        for row in places {
            for stage in Stage::ALL {
                let overrides = self.overrides(row.environment.uid, stage).await?;
                overrides.retain(|slot| slot.secret != secret);
            }
        }
        self.catalogue().await?;
        if let Some(catalogue) = &mut self.catalogue {
            catalogue.secrets.retain(|other| other.uid != secret);
            catalogue.aliases.retain(|alias| alias.secret != secret);
            catalogue.defaults.retain(|slot| slot.secret != secret);
        }
        self.tx.remove_secret(uid, secret).await?;
        self.touch_all()
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
        let row = self.vouched(secret, place, version, uid, sealed)?;
        let pruned = version.saturating_sub(self.engine.quotas.versions as u64);
        let (edition, mut history) =
            before.map_or((0, vec![]), |slot| (slot.edition, slot.history));
        // Never the current one: that is the one that is being written.
        history.retain(|(kept, _)| *kept > pruned);
        history.push((version, row.mac));
        let slot = SlotRow {
            secret,
            place,
            current: version,
            highest: version,
            edition: edition + 1,
            updated: self.now,
            history,
            value: Some(head),
        };
        self.tx.insert_value(&row).await?;
        self.tx.put_slot(project, &slot).await?;
        self.tx.prune_values(secret, place, pruned).await?;
        self.hold(slot.clone()).await?;
        if let Some(subject) = self.subjects.last_mut() {
            subject.version = Some(version);
        }
        self.touch_place(place)?;
        Ok(slot)
    }

    /// A version's row, with the MAC that vouches for it.
    fn vouched(
        &self,
        secret: SecretUid,
        place: Place,
        version: u64,
        uid: ValueUid,
        sealed: Option<Sealed>,
    ) -> Result<ValueRow, Error> {
        let (created, destroyed, mac) = (self.now, false, [0; 32]);
        let row = ValueRow { secret, place, version, uid, created, sealed, destroyed, mac };
        Ok(ValueRow { mac: self.project()?.version_mac(&row), ..row })
    }

    /// Makes a version that stands the current one again. Nothing is opened.
    pub(crate) async fn point_slot(
        &mut self,
        before: SlotRow,
        row: &ValueRow,
    ) -> Result<SlotRow, Error> {
        let project = self.project()?.row.project.uid;
        let sealed = row.sealed.as_ref();
        let sealed = sealed.map(|sealed| (sealed.digest, sealed.record.len() as u64));
        let slot = SlotRow {
            current: row.version,
            edition: before.edition + 1,
            updated: self.now,
            value: Some(ValueHead { uid: row.uid, sealed }),
            ..before
        };
        self.tx.put_slot(project, &slot).await?;
        self.hold(slot.clone()).await?;
        self.touch_place(slot.place)?;
        Ok(slot)
    }

    /// Destroys the record and the data key of a version that is not the current one.
    pub(crate) async fn destroy(&mut self, slot: SlotRow, row: ValueRow) -> Result<(), Error> {
        let row = ValueRow { sealed: None, destroyed: true, ..row };
        let row = ValueRow { mac: self.project()?.version_mac(&row), ..row };
        self.replace(slot, &row).await
    }

    /// Replaces the record of a version that stands, in its row and, where it is the current
    /// one, in its group.
    pub(crate) async fn reseal(&mut self, version: u64, value: &SealedValue) -> Result<(), Error> {
        let SealedValue { secret, place, visibility: _, uid, sealed } = value.clone();
        let slot = self.slot(secret, place).await?.ok_or(Error::Conflict)?;
        let digest = (sealed.digest, sealed.record.len() as u64);
        let row = self.vouched(secret, place, version, uid, Some(sealed))?;
        let value = if slot.current == version {
            Some(ValueHead { uid, sealed: Some(digest) })
        } else {
            slot.value
        };
        self.replace(SlotRow { value, ..slot }, &row).await
    }

    /// Puts a version in the place of the one of its number, and into its slot's history.
    async fn replace(&mut self, mut slot: SlotRow, row: &ValueRow) -> Result<(), Error> {
        let project = self.project()?.row.project.uid;
        for (version, mac) in &mut slot.history {
            if *version == row.version {
                *mac = row.mac;
            }
        }
        self.tx.reseal_value(row).await?;
        self.tx.put_slot(project, &slot).await?;
        self.hold(slot).await
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
}

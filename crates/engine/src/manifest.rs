//! Trust in a state. A record's context stops it from being moved; the manifest stops rows from
//! being deleted, restored or exchanged, names from being swapped and settings from being turned
//! by someone who can write to the database.
//!
//! **Architecture Invariant:** no value is opened, and no manifest is written, from rows that
//! the manifest did not vouch for. So a change never signs what someone else put there.

use crate::{Engine, Error, Offenders};
use std::collections::HashMap;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use waxseal_domain::environment::Stage;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::{Place, Slot};
use waxseal_domain::uid::{Deployment, SecretUid};
use waxseal_envelope::manifest::{
    CatalogueEntry, Digest, EnvironmentEntry, Group, Root, SlotEntry, catalogue, overrides,
};
use waxseal_envelope::{Key, sha256};
use waxseal_storage::{
    AliasRow, CatalogueRows, EnvironmentRow, GroupRow, ProjectRow, SlotRow, Snapshot, ValueRow,
};

const LOST: Error = Error::DataLoss { what: "a project's manifest" };

/// A project whose head, settings and digests are vouched for.
pub(crate) struct Verified {
    pub(crate) row: ProjectRow,
    pub(crate) environments: Vec<EnvironmentRow>,
    pub(crate) key: Arc<Key>,
}

/// A project's secrets and their default slots, vouched for.
pub(crate) struct Catalogue {
    pub(crate) secrets: Vec<Secret>,
    pub(crate) aliases: Vec<AliasRow>,
    pub(crate) defaults: Vec<SlotRow>,
}

impl Engine {
    /// Reads a project that is not deleted and checks its manifest.
    pub(crate) async fn verified(
        &self,
        rows: &mut dyn Snapshot,
        id: &ProjectId,
    ) -> Result<Verified, Error> {
        let project = self.verified_or_deleted(rows, id).await?;
        if project.row.project.deletion.is_some() {
            Err(Error::ProjectDeleted)
        } else {
            Ok(project)
        }
    }

    /// A snapshot, and in it a project that is not deleted, vouched for. The key provider is asked
    /// before the snapshot is begun, so that one that hangs holds up nothing else.
    pub(crate) async fn read(
        &self,
        id: &ProjectId,
    ) -> Result<(Box<dyn Snapshot>, Verified), Error> {
        self.have_integrity_key(id).await?;
        let mut rows = self.store.snapshot().await?;
        let project = self.verified(&mut *rows, id).await?;
        Ok((rows, project))
    }

    /// Sees to it that a project's integrity key is at hand before anything is held open or locked.
    /// If another key stands there a moment later, it is asked for then.
    pub(crate) async fn have_integrity_key(&self, id: &ProjectId) -> Result<(), Error> {
        if self.keys.has_integrity(id) {
            return Ok(());
        }
        let row = self.store.snapshot().await?.project(id).await?;
        if let Some(row) = row {
            self.keys.integrity(&row).await?;
        }
        Ok(())
    }

    /// Reads a project, deleted or not, and checks its manifest.
    pub(crate) async fn verified_or_deleted(
        &self,
        rows: &mut dyn Snapshot,
        id: &ProjectId,
    ) -> Result<Verified, Error> {
        let found = rows.project_and_environments(id).await?;
        let (row, environments) = found.ok_or(Error::ProjectNotFound)?;
        self.vouched(row, environments).await
    }

    /// Checks the manifest of a project that was read.
    pub(crate) async fn vouched(
        &self,
        row: ProjectRow,
        environments: Vec<EnvironmentRow>,
    ) -> Result<Verified, Error> {
        let key = self.keys.integrity(&row).await?;
        let verified = Verified { row, environments, key };
        verified
            .root(self.deployment)
            .verify(&verified.key, &verified.row.manifest)
            .map_err(|_| LOST)?;
        Ok(verified)
    }

    /// Why no head shows a project or an environment. Before it is taken for one that never was,
    /// the manifest has its say: a row that somebody deleted is missed.
    pub(crate) async fn absent(
        &self,
        project: &ProjectId,
        environment: Option<&EnvironmentId>,
    ) -> Error {
        let look = async {
            let (_, project) = self.read(project).await?;
            environment.map_or(Ok(()), |id| project.environment(id).map(drop))
        };
        // One that came into being since came too late for this call.
        let late = environment.map_or(Error::ProjectNotFound, |_| Error::EnvironmentNotFound);
        match look.await {
            // Nothing in a deleted project resolves; those who resolve are not told why.
            Err(Error::ProjectDeleted) => Error::ProjectNotFound,
            Err(error) => error,
            Ok(()) => late,
        }
    }
}

impl Verified {
    fn root(&self, deployment: Deployment) -> Root<'_> {
        let Self { row, environments, key: _ } = self;
        Root {
            deployment,
            project: row.project.uid,
            id: &row.project.id,
            revision: row.revision,
            deleted: row.project.deletion.is_some(),
            catalogue: row.catalogue,
            environments: environments.iter().map(entry).collect(),
        }
    }

    /// The MAC that vouches for the state as it is in memory.
    pub(crate) fn mac(&self, deployment: Deployment) -> Digest {
        self.root(deployment).mac(&self.key)
    }

    pub(crate) fn environment(&self, id: &EnvironmentId) -> Result<&EnvironmentRow, Error> {
        self.environments
            .iter()
            .find(|row| row.environment.id == *id)
            .ok_or(Error::EnvironmentNotFound)
    }

    /// Where a slot is stored.
    pub(crate) fn place(&self, slot: &Slot) -> Result<Place, Error> {
        Ok(match slot {
            Slot::Default => Place::Default,
            Slot::Override(id, stage) => {
                Place::Override(self.environment(id)?.environment.uid, *stage)
            }
        })
    }

    /// Reads and checks the secrets and their default slots.
    pub(crate) async fn catalogue(&self, rows: &mut dyn Snapshot) -> Result<Catalogue, Error> {
        let rows = rows.catalogue(self.row.project.uid).await?;
        let CatalogueRows { secrets, aliases, defaults } = rows;
        let catalogue = Catalogue { secrets, aliases, defaults };
        self.check_catalogue(&catalogue)?;
        Ok(catalogue)
    }

    /// Checks secrets and default slots that were read.
    pub(crate) fn check_catalogue(&self, catalogue: &Catalogue) -> Result<(), Error> {
        if self.digest_catalogue(catalogue)? == self.row.catalogue {
            Ok(())
        } else {
            Err(Error::DataLoss { what: "a project's catalogue" })
        }
    }

    /// Reads and checks the overrides of one environment and stage.
    pub(crate) async fn overrides(
        &self,
        rows: &mut dyn Snapshot,
        environment: &EnvironmentRow,
        stage: Stage,
    ) -> Result<Vec<SlotRow>, Error> {
        let place = Place::Override(environment.environment.uid, stage);
        let slots = rows.slots(self.row.project.uid, place).await?;
        self.check_overrides(environment, stage, &slots)?;
        Ok(slots)
    }

    /// Checks the overrides of one environment and stage that were read.
    pub(crate) fn check_overrides(
        &self,
        environment: &EnvironmentRow,
        stage: Stage,
        slots: &[SlotRow],
    ) -> Result<(), Error> {
        if self.digest_overrides(environment, stage, slots)? == environment.group(stage).digest {
            Ok(())
        } else {
            Err(Error::DataLoss { what: "an environment's overrides" })
        }
    }

    pub(crate) fn digest_catalogue(&self, held: &Catalogue) -> Result<Digest, Error> {
        let mut defaults = by_secret(&held.defaults);
        let mut aliases: HashMap<SecretUid, Vec<SecretName>> = HashMap::new();
        for alias in &held.aliases {
            aliases.entry(alias.secret).or_default().push(alias.name.clone());
        }
        let mut entries = Vec::with_capacity(held.secrets.len());
        for secret in &held.secrets {
            entries.push(CatalogueEntry {
                uid: secret.uid,
                name: &secret.name,
                aliases: aliases.get(&secret.uid).map_or(&[][..], Vec::as_slice),
                visibility: secret.visibility,
                deleted: secret.deletion.is_some(),
                default: defaults.remove(&secret.uid).map(slot_entry).transpose()?,
            });
        }
        // What is left is a slot without a secret: a row that somebody deleted.
        if defaults.is_empty() { Ok(catalogue(self.row.project.uid, entries)) } else { Err(LOST) }
    }

    /// The MAC that binds a version's number to its identity, record and fingerprint.
    pub(crate) fn version_mac(&self, row: &ValueRow) -> Digest {
        let (environment, stage) = match row.place {
            Place::Default => ([0; 16], 0),
            Place::Override(environment, stage) => (*environment.bytes(), stage.number()),
        };
        let (digest, fingerprint) = match &row.sealed {
            Some(sealed) => (&sealed.digest[..], &sealed.fingerprint[..]),
            None => (&[][..], &[][..]),
        };
        let version = row.version.to_be_bytes();
        let parts: [&[u8]; 9] = [
            b"waxseal1:version",
            row.secret.bytes(),
            &environment,
            &[stage],
            &version,
            row.uid.bytes(),
            &[u8::from(row.destroyed)],
            digest,
            fingerprint,
        ];
        self.key.mac(&parts)
    }

    /// Refuses a version that is not the one that stands under this number: one that was never
    /// written there, and one that was and has been put back.
    pub(crate) fn vouch(&self, slot: &SlotRow, row: &ValueRow) -> Result<(), Error> {
        let written = bool::from(self.version_mac(row).ct_eq(&row.mac));
        if written && slot.history.contains(&(row.version, row.mac)) {
            Ok(())
        } else {
            Err(Error::DataLoss { what: "a value" })
        }
    }

    pub(crate) fn digest_overrides(
        &self,
        environment: &EnvironmentRow,
        stage: Stage,
        slots: &[SlotRow],
    ) -> Result<Digest, Error> {
        let entries: Result<Vec<_>, Error> =
            slots.iter().map(|slot| Ok((slot.secret, slot_entry(slot)?))).collect();
        Ok(overrides(self.row.project.uid, environment.environment.uid, stage, entries?))
    }
}

/// Slots by their secret; all of one place.
pub(crate) fn by_secret(slots: &[SlotRow]) -> HashMap<SecretUid, &SlotRow> {
    slots.iter().map(|slot| (slot.secret, slot)).collect()
}

fn slot_entry(slot: &SlotRow) -> Result<SlotEntry, Error> {
    let value = slot.value.ok_or(LOST)?;
    Ok(SlotEntry {
        version: slot.current,
        highest: slot.highest,
        history: digest_history(slot),
        value: value.uid,
        sealed: value.sealed.map(|(digest, _)| digest),
    })
}

fn digest_history(slot: &SlotRow) -> Digest {
    let entries = slot.history.iter();
    let bytes: Vec<u8> =
        entries.flat_map(|(version, mac)| version.to_be_bytes().into_iter().chain(*mac)).collect();
    sha256(&bytes)
}

fn entry(row: &EnvironmentRow) -> EnvironmentEntry<'_> {
    let EnvironmentRow { environment, draft, live } = row;
    let group = |row: &GroupRow| Group { revision: row.revision, digest: row.digest };
    EnvironmentEntry {
        uid: environment.uid,
        id: &environment.id,
        fallback: environment.settings.fallback,
        protected: environment.settings.protected,
        draft: group(draft),
        live: group(live),
    }
}

impl Catalogue {
    /// The secret of exactly this name, deleted or not.
    pub(crate) fn secret(&self, name: &SecretName) -> Result<&Secret, Error> {
        self.secrets
            .iter()
            .find(|secret| secret.name == *name)
            .ok_or_else(|| Error::SecretNotFound(Offenders::one(name)))
    }

    /// Who holds a name, regardless of case: a secret by its name, or one that had it.
    pub(crate) fn holder(&self, name: &SecretName) -> Option<Holder<'_>> {
        let folded = name.folded();
        let by_name = self.secrets.iter().find(|secret| secret.name.folded() == folded);
        by_name.map(Holder::Name).or_else(|| {
            let alias = self.aliases.iter().find(|alias| alias.name.folded() == folded)?;
            Some(Holder::Alias(alias.secret))
        })
    }

    /// The names that a secret had, in their order.
    pub(crate) fn aliases_of(&self, secret: SecretUid) -> Vec<SecretName> {
        let mut names: Vec<_> = self
            .aliases
            .iter()
            .filter(|alias| alias.secret == secret)
            .map(|alias| alias.name.clone())
            .collect();
        names.sort();
        names
    }

    /// The secret of exactly this name, not deleted.
    pub(crate) fn standing(&self, name: &SecretName) -> Result<&Secret, Error> {
        let secret = self.secret(name)?;
        if secret.deletion.is_some() { Err(Error::SecretDeleted) } else { Ok(secret) }
    }
}

/// Who holds a name.
pub(crate) enum Holder<'a> {
    /// The secret that has it.
    Name(&'a Secret),
    /// The secret that had it.
    Alias(SecretUid),
}

/// Whether a slot holds a value: written, and not cleared.
pub(crate) fn is_set(slot: &SlotRow) -> bool {
    slot.value.is_some_and(|value| value.sealed.is_some())
}

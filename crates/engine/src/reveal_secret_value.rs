//! A masked value is shown to a builder who holds the grant, one at a time, and only once it is
//! on record. A restricted value is never shown, to anyone.

use crate::audit::{Actor, Denied, Trail as _};
use crate::{Engine, Error, Offenders, Permit};
use std::time::Duration;
use tokio::time::timeout;
use waxseal_domain::caller::Action;
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::slot::Slot;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::ProjectUid;
use waxseal_domain::value::SecretValue;
use waxseal_storage::{AuditRow, Snapshot, ValueRow};

/// How long a reveal waits for its record.
const PATIENCE: Duration = Duration::from_secs(2);

/// Which value to show.
#[derive(Debug)]
pub struct RevealSecretValue {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// In which slot.
    pub slot: Slot,
    /// Which version; 0 is the current one.
    pub version: u64,
}

/// A value that is shown.
#[derive(Debug)]
pub struct Revealed {
    /// The value.
    pub value: SecretValue,
    /// The number of its version.
    pub version: u64,
    /// When a user interface should hide it again.
    pub hide: Timestamp,
}

impl Engine {
    /// Shows one value.
    ///
    /// # Errors
    /// [`Error::SecretRestricted`], decided before any key is asked for;
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EnvironmentNotFound`],
    /// [`Error::VersionNotFound`], [`Error::SecretUnset`].
    pub async fn reveal_secret_value(
        &self,
        permit: Permit<'_>,
        reveal: RevealSecretValue,
    ) -> Result<Revealed, Error> {
        permit.check(Action::RevealSecretValue)?;
        let revealed = self.reveal(&permit, &reveal).await;
        if let Err(error) = &revealed {
            let at = Denied {
                project: Some(reveal.project.as_str()),
                environment: reveal.slot.environment().map(EnvironmentId::as_str),
                secret: Some(reveal.name.as_str()),
                resource: None,
            };
            self.denied(permit.caller, Action::RevealSecretValue, at, error);
        }
        revealed
    }

    async fn reveal(
        &self,
        permit: &Permit<'_>,
        reveal: &RevealSecretValue,
    ) -> Result<Revealed, Error> {
        self.refuse_restricted(&mut *self.store.snapshot().await?, reveal).await?;
        self.have_integrity_key(&reveal.project).await?;
        let mut rows = self.store.snapshot().await?;
        let (project, secret, row) = self.find(&mut *rows, reveal).await?;
        drop(rows);
        let value = self.keys.open(project, secret.visibility, &row).await?;
        let record = self.record(permit, reveal, project, &secret, &row);
        match timeout(PATIENCE, record).await {
            Ok(Ok(())) => {}
            Ok(Err(
                error @ (Error::StorageUnavailable(_)
                | Error::StorageFull
                | Error::CommitUnknown
                | Error::Conflict),
            )) => {
                tracing::warn!(%error, "a reveal cannot be put on record");
                return Err(Error::AuditUnavailable);
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(Error::AuditUnavailable),
        }
        let (version, hide) = (row.version, self.clock.now().after(self.quotas.reveal));
        Ok(Revealed { value, version, hide })
    }

    /// From the bare row, and so without any key: if someone turned the row to restricted, the
    /// refusal is harmless; if they turned it to masked, or took it away, the manifest tells.
    async fn refuse_restricted(
        &self,
        rows: &mut dyn Snapshot,
        reveal: &RevealSecretValue,
    ) -> Result<(), Error> {
        let project = rows.project(&reveal.project).await?.ok_or(Error::ProjectNotFound)?;
        let secret = rows.secret(project.project.uid, &reveal.name).await?;
        match secret.filter(|secret| secret.name == reveal.name) {
            Some(secret) if secret.visibility == Visibility::Restricted => {
                Err(Error::SecretRestricted)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The value version that is asked for, vouched for by the manifest.
    async fn find(
        &self,
        rows: &mut dyn Snapshot,
        reveal: &RevealSecretValue,
    ) -> Result<(ProjectUid, Secret, ValueRow), Error> {
        let project = self.verified(rows, &reveal.project).await?;
        let catalogue = project.catalogue(rows).await?;
        let secret = catalogue.standing(&reveal.name)?.clone();
        let place = project.place(&reveal.slot)?;
        let slot = match &reveal.slot {
            Slot::Default => catalogue.defaults.into_iter().find(|slot| slot.secret == secret.uid),
            Slot::Override(id, stage) => {
                let environment = project.environment(id)?;
                let overrides = project.overrides(rows, environment, *stage).await?;
                overrides.into_iter().find(|slot| slot.secret == secret.uid)
            }
        };
        let unset = || Error::SecretUnset(Offenders::one(&reveal.name));
        let slot = slot.ok_or_else(unset)?;
        let version = if reveal.version == 0 { slot.current } else { reveal.version };
        let row = rows.value(secret.uid, place, version).await?.ok_or(Error::VersionNotFound)?;
        let fits = slot.value.is_some_and(|value| value.uid == row.uid);
        if version == slot.current && !fits {
            return Err(Error::DataLoss { what: "a value" });
        }
        project.vouch(&slot, &row)?;
        if row.destroyed {
            return Err(Error::VersionDestroyed);
        }
        if row.sealed.is_none() {
            return Err(unset());
        }
        Ok((project.row.project.uid, secret, row))
    }

    /// Puts the disclosure on record, durably, if the value is still one that may be shown. So
    /// no reveal that ends after a ratchet shows anything.
    async fn record(
        &self,
        permit: &Permit<'_>,
        reveal: &RevealSecretValue,
        project: ProjectUid,
        secret: &Secret,
        row: &ValueRow,
    ) -> Result<(), Error> {
        let mut tx = self.store.begin("RevealSecretValue").await?;
        self.ensure_rights(&mut *tx, permit.rights()).await?;
        if self.same(permit.rights()).await?.is_none() {
            return Err(Error::PermissionDenied);
        }
        self.refuse_restricted(&mut *tx, reveal).await?;
        let now = tx.secret(project, &reveal.name).await?;
        if now.as_ref().is_none_or(|now| now.uid != secret.uid || now.deletion.is_some()) {
            return Err(Error::SecretDeleted);
        }
        tx.append_audit(&AuditRow {
            project: Some(project),
            project_id: Some(reveal.project.as_str().to_owned()),
            environment_id: reveal.slot.environment().map(|id| id.as_str().to_owned()),
            secret: Some(secret.uid),
            secret_name: Some(secret.name.as_str().to_owned()),
            version: Some(row.version),
            ..Actor::of(permit.caller)
                .did(self.clock.now(), Action::RevealSecretValue.as_str())
                .at_place(row.place)
        })
        .await?;
        Ok(tx.commit().await?)
    }
}

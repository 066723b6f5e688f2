//! Purging: what was deleted goes for good, with its data keys and its ciphertext.

use crate::audit::Trail as _;
use crate::change::{Change, Subject, Verb, Written};
use crate::delete_secret::ChangeSecret;
use crate::permit::Rights;
use crate::{Engine, Error, Permit, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::SecretUid;
use waxseal_storage::AuditRow;

impl Engine {
    /// Purges a deleted secret now.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::EtagMismatch`], [`Error::SecretNotDeleted`].
    pub async fn purge_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        purge: ChangeSecret,
    ) -> Result<Written<()>, Error> {
        let ChangeSecret { project, name, etag, request } = purge;
        self.change(permit, Some(project), request, Purge { name, etag }).await
    }

    /// Purges every secret and project whose time to be brought back is over, and says how many
    /// projects it touched. What fails is logged, and tried again the next time.
    ///
    /// # Errors
    /// Of the store, before anything was done.
    pub async fn purge_expired(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut rows = self.store.snapshot().await?;
        let due = rows.purgeable(now).await?;
        // A process that ended between a removal and its scrub left that to the next one.
        let unscrubbed = rows.meta().await?.is_some_and(|meta| meta.unscrubbed);
        drop(rows);
        for id in &due {
            if let Err(error) = self.purge_project(id, now).await {
                tracing::error!(%error, "a purge failed");
            }
        }
        if unscrubbed || !due.is_empty() {
            self.scrub().await;
        }
        Ok(due.len())
    }

    async fn purge_project(&self, id: &ProjectId, now: Timestamp) -> Result<(), Error> {
        let caller = Caller::system("retention");
        self.have_integrity_key(id).await?;
        let mut tx = self.store.begin("purge_project").await?;
        let project = self.verified_or_deleted(&mut *tx, id).await?.row;
        let over = project.project.deletion.is_some_and(|deletion| deletion.purge <= now);
        if !over {
            drop(tx);
            let rights = Rights::all(&caller);
            self.attempt(rights, Some(id), None, &mut PurgeExpired).await?;
            return Ok(());
        }
        tx.remove_project(&project).await?;
        tx.mark_unscrubbed().await?;
        let audit = AuditRow::new(now, caller.principal, "PurgeProject");
        let (uid, id) = (Some(project.project.uid), project.project.id.as_str().to_owned());
        tx.append_audit(&AuditRow { project: uid, project_id: Some(id), ..audit }).await?;
        Ok(tx.commit().await?)
    }

    /// Copies of what was removed are still in the store's files until those are written anew; a
    /// snapshot that is being read can put that off.
    pub(crate) async fn scrub(&self) {
        const TRIES: u32 = 50;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
        for _ in 0..TRIES {
            match self.store.scrub().await {
                Ok(true) => return,
                Ok(false) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    tracing::warn!(%error, "what was purged may still be in the store's files");
                    return;
                }
            }
        }
        tracing::warn!("what was purged is still in the store's files: snapshots are being read");
    }
}

struct Purge {
    name: SecretName,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Purge {
    type Answer = ();
    const ACTION: Action = Action::PurgeSecret;
    const REMOVES: bool = true;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<(), Error> {
        let secret = change.catalogue().await?.secret(&self.name)?.clone();
        etag::check(self.etag.as_deref(), &etag::secret(&secret))?;
        if secret.deletion.is_none() {
            return Err(Error::SecretNotDeleted);
        }
        remove(change, secret.uid).await
    }
}

struct PurgeExpired;

#[async_trait]
impl Verb for PurgeExpired {
    type Answer = ();
    const ACTION: Action = Action::PurgeSecret;
    const ON_DELETED: bool = true;
    const REMOVES: bool = true;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<(), Error> {
        let now = change.now;
        let secrets = &change.catalogue().await?.secrets;
        let over: Vec<_> = secrets
            .iter()
            .filter(|secret| secret.deletion.is_some_and(|deletion| deletion.purge <= now))
            .map(|secret| secret.uid)
            .collect();
        for secret in over {
            remove(change, secret).await?;
        }
        Ok(())
    }
}

async fn remove(change: &mut Change<'_>, secret: SecretUid) -> Result<(), Error> {
    change.about(Subject { secret: Some(secret), ..Subject::default() });
    change.remove_secret(secret).await
}

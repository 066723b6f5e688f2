//! Renaming keeps identity, values and history. The old name stays an alias, so that agents that
//! are running go on.

use crate::change::{Change, Subject, Verb, Written};
use crate::manifest::Holder;
use crate::{Engine, Error, Permit, RequestKey, SecretState, etag};
use async_trait::async_trait;
use std::sync::Arc;
use waxseal_domain::caller::Action;
use waxseal_domain::limits::ALIASES;
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::secret::Secret;

/// What to rename.
#[derive(Debug)]
pub struct RenameSecret {
    /// In which project.
    pub project: ProjectId,
    /// The secret's present name.
    pub name: SecretName,
    /// Its new name.
    pub new_name: SecretName,
    /// What the secret's metadata must still be.
    pub etag: Option<String>,
    /// For retries.
    pub request: Option<RequestKey>,
}

impl Engine {
    /// Renames a secret.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EtagMismatch`],
    /// [`Error::SecretExists`], [`Error::NameHeldByDeleted`],
    /// [`Error::NameHeldByAlias`], [`Error::AliasLimit`], [`Error::ViewTooLarge`].
    pub async fn rename_secret(
        self: &Arc<Self>,
        permit: Permit<'_>,
        rename: RenameSecret,
    ) -> Result<Written<SecretState>, Error> {
        let RenameSecret { project, name, new_name, etag, request } = rename;
        self.change(permit, Some(project), request, Rename { name, new_name, etag }).await
    }
}

struct Rename {
    name: SecretName,
    new_name: SecretName,
    etag: Option<String>,
}

#[async_trait]
impl Verb for Rename {
    type Answer = SecretState;
    const ACTION: Action = Action::RenameSecret;

    async fn apply(&mut self, change: &mut Change<'_>) -> Result<SecretState, Error> {
        let Self { name, new_name, etag } = self;
        let catalogue = change.catalogue().await?;
        let before = catalogue.secret(name)?.clone();
        etag::check(etag.as_deref(), &etag::secret(&before))?;
        if before.deletion.is_some() {
            return Err(Error::SecretDeleted);
        }
        if name == new_name {
            return SecretState::after(change, before).await;
        }
        match catalogue.holder(new_name) {
            // A rename that changes only case.
            Some(Holder::Name(other)) if other.uid == before.uid => {}
            Some(Holder::Name(other)) if other.deletion.is_some() => {
                return Err(Error::NameHeldByDeleted);
            }
            Some(Holder::Name(_)) => return Err(Error::SecretExists),
            // Back to a name that it had.
            Some(Holder::Alias(other)) if other == before.uid => {}
            Some(Holder::Alias(_)) => return Err(Error::NameHeldByAlias),
            None => {}
        }
        let aliases = catalogue.aliases_of(before.uid);
        let taken_back = aliases.contains(new_name);
        if aliases.len() - usize::from(taken_back) >= ALIASES {
            return Err(Error::AliasLimit { limit: ALIASES });
        }
        change.about(Subject { secret: Some(before.uid), ..Subject::default() });
        if taken_back {
            change.remove_alias(new_name).await?;
        }
        let edition = before.edition + 1;
        let after = Secret { name: new_name.clone(), edition, updated: change.now, ..before };
        change.put_secret(&after).await?;
        change.add_alias(after.uid, name).await?;
        change.check_views().await?;
        SecretState::after(change, after).await
    }
}

//! Copying a store into another, empty one: ciphertext and metadata as they are. Nothing is opened.
//!
//! All in one transaction: a copy that is broken off has left nothing, and is made again. Heads
//! and revisions go on counting where they were; the incarnation is another, so that the two stores
//! are two lives should the old one ever be served again: a revision token of one is none of the
//! other.

mod audit;
mod compare;
mod group;

pub use compare::compare_stores;

use group::Pages as _;
use waxseal_domain::identity::Identity;
use waxseal_domain::principal::Principal;
use waxseal_domain::uid::Incarnation;
use waxseal_storage::{Error, Meta, PrincipalRow, ProjectRow, Snapshot, Store, Transaction};

/// Why a store was not copied. Nothing of the copy is left, but for [`CopyError::Differs`].
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// There is nothing to copy.
    #[error("the store holds nothing yet: there is nothing to copy")]
    Nothing,
    /// The other store is not empty.
    #[error("the other store is not empty: a copy is made into an empty one only")]
    NotEmpty,
    /// After the copy the two are not the same.
    #[error("the copy is not the same as the store in its {group}: use it no further")]
    Differs {
        /// Rows of one kind.
        group: &'static str,
    },
    /// One of the stores cannot be used.
    #[error(transparent)]
    Store(#[from] Error),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(waxseal_envelope::Error),
}

/// How many rows of each kind were copied or compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Projects, deleted ones too.
    pub projects: u64,
    /// Environments.
    pub environments: u64,
    /// Secrets, deleted ones too.
    pub secrets: u64,
    /// Names that secrets had.
    pub aliases: u64,
    /// Slots.
    pub slots: u64,
    /// Kept versions of values.
    pub values: u64,
    /// Answers kept for retries.
    pub requests: u64,
    /// Principals.
    pub principals: u64,
    /// API tokens.
    pub tokens: u64,
    /// Records of the audit trail.
    pub audit: u64,
}

impl Copied {
    /// All of them.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        let Self {
            projects,
            environments,
            secrets,
            aliases,
            slots,
            values,
            requests,
            principals,
            tokens,
            audit,
        } = *self;
        projects
            + environments
            + secrets
            + aliases
            + slots
            + values
            + requests
            + principals
            + tokens
            + audit
    }
}

/// Copies everything in one store into another, which has to be empty. Nobody else may use either.
/// `told` hears from time to time how much was copied.
///
/// # Errors
/// See [`CopyError`]; then the other store is as it was.
pub async fn copy_store(
    from: &dyn Store,
    to: &dyn Store,
    mut told: impl FnMut(&Copied) + Send,
) -> Result<Copied, CopyError> {
    let mut rows = from.snapshot().await?;
    let meta = rows.meta().await?.ok_or(CopyError::Nothing)?;
    let mut tx = to.begin("copy_store").await?;
    if !is_empty(&mut *tx).await? {
        return Err(CopyError::NotEmpty);
    }
    let mut random = [0; 16];
    waxseal_envelope::fill_random(&mut random).map_err(CopyError::Randomness)?;
    let incarnation = Incarnation::from_bytes(random);
    tx.insert_meta(Meta { incarnation, unscrubbed: false, ..meta }).await?;

    let mut copied = Copied::default();
    let mut after = None;
    while let Some(page) = rows.project_page(after.as_ref()).await? {
        for project in &page {
            copy_project(&mut *rows, &mut *tx, project, &mut copied).await?;
            told(&copied);
        }
        after = page.last().map(|row| row.project.id.clone());
    }
    copy_beside(&mut *rows, &mut *tx, &mut copied, &mut told).await?;
    tx.commit().await?;
    Ok(copied)
}

async fn is_empty(rows: &mut dyn Transaction) -> Result<bool, CopyError> {
    Ok(rows.meta().await?.is_none()
        && rows.count_projects(true).await? == 0
        && rows.count_principals().await? == 0)
}

async fn copy_project(
    rows: &mut dyn Snapshot,
    tx: &mut dyn Transaction,
    row: &ProjectRow,
    copied: &mut Copied,
) -> Result<(), CopyError> {
    let project = row.project.uid;
    tx.insert_project(row).await?;
    copied.projects += 1;
    for environment in rows.environments(project).await? {
        tx.insert_environment(project, &environment).await?;
        copied.environments += 1;
    }
    let secrets = rows.secrets(project).await?;
    for secret in &secrets {
        tx.insert_secret(project, secret).await?;
        // What is new is not deleted.
        if secret.deletion.is_some() {
            tx.update_secret(secret).await?;
        }
        copied.secrets += 1;
    }
    for alias in rows.aliases(project).await? {
        tx.insert_alias(project, &alias).await?;
        copied.aliases += 1;
    }
    for slot in rows.all_slots(project).await? {
        tx.put_slot(project, &slot).await?;
        copied.slots += 1;
    }
    for secret in &secrets {
        for value in rows.values_of(secret.uid).await? {
            tx.insert_value(&value).await?;
            copied.values += 1;
        }
    }
    if row.project.deletion.is_some() {
        tx.update_project(row).await?;
    }
    Ok(())
}

/// What is of no project.
async fn copy_beside(
    rows: &mut dyn Snapshot,
    tx: &mut dyn Transaction,
    copied: &mut Copied,
    told: &mut (impl FnMut(&Copied) + Send),
) -> Result<(), CopyError> {
    let mut after = None;
    while let Some(page) = rows.request_page(after.as_ref()).await? {
        for row in &page {
            tx.put_request(row).await?;
            copied.requests += 1;
        }
        told(copied);
        after = page.last().map(|row| (row.principal.clone(), row.id));
    }
    let mut after = None;
    while let Some(page) = rows.principal_page(after.as_ref()).await? {
        for row in &page {
            // What it is known by is read from what it says of itself, and nowhere else.
            let principal: Principal = serde_json::from_str(&row.content)
                .map_err(|_| Error::Malformed { table: "principal", column: "content" })?;
            let identities = principal.identities.iter().map(Identity::key).collect();
            tx.insert_principal(&PrincipalRow { identities, ..row.clone() }).await?;
            copied.principals += 1;
        }
        told(copied);
        after = page.last().map(|row| row.id.clone());
    }
    let mut after = None;
    while let Some(page) = rows.token_page(after.as_deref()).await? {
        for row in &page {
            tx.insert_token(row).await?;
            copied.tokens += 1;
        }
        told(copied);
        after = page.last().map(|row| row.id.clone());
    }
    audit::copy(rows, tx, copied, told).await
}

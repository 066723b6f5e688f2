//! Groups of rows: what is read of each in a snapshot, and what a transaction writes.

use crate::*;

/// What is true of the store as a whole.
#[async_trait]
pub trait MetaRows {
    /// The store's one row; none before the first start is done.
    async fn meta(&mut self) -> Result<Option<Meta>>;
}

/// Writes [`MetaRows`].
#[async_trait]
pub trait MetaEdits {
    /// Writes the store's one row, once.
    async fn insert_meta(&mut self, meta: Meta) -> Result<()>;

    /// Notes that this transaction removes something for good, until a [`Store::scrub`] is done.
    async fn mark_unscrubbed(&mut self) -> Result<()>;
}

/// Projects and their heads.
#[async_trait]
pub trait ProjectRows {
    /// The project of this id. In a transaction this also orders all writers of the project: it
    /// returns once no other can commit before this one ends.
    async fn project(&mut self, id: &ProjectId) -> Result<Option<ProjectRow>>;

    /// Up to `limit` projects whose ids follow `after`, in the order of their ids, with or without
    /// those that are deleted.
    async fn projects(
        &mut self,
        after: Option<&ProjectId>,
        deleted: bool,
        limit: usize,
    ) -> Result<Vec<ProjectRow>>;

    /// How many projects there are, with or without those that are deleted.
    async fn count_projects(&mut self, deleted: bool) -> Result<u64>;

    /// The projects in which something, or which themselves, may be purged by now.
    async fn purgeable(&mut self, now: Timestamp) -> Result<Vec<ProjectId>>;
}

/// Writes [`ProjectRows`].
#[async_trait]
pub trait ProjectEdits {
    /// Adds a project.
    async fn insert_project(&mut self, row: &ProjectRow) -> Result<()>;

    /// Writes a project's own fields, its head and its manifest.
    async fn update_project(&mut self, row: &ProjectRow) -> Result<()>;

    /// Removes a project with all that belongs to it but its audit rows.
    async fn remove_project(&mut self, row: &ProjectRow) -> Result<()>;
}

/// Environments.
#[async_trait]
pub trait EnvironmentRows {
    /// All environments of a project, in the order of their ids.
    async fn environments(&mut self, project: ProjectUid) -> Result<Vec<EnvironmentRow>>;
}

/// Writes [`EnvironmentRows`].
#[async_trait]
pub trait EnvironmentEdits {
    /// Adds an environment.
    async fn insert_environment(&mut self, project: ProjectUid, row: &EnvironmentRow)
    -> Result<()>;

    /// Writes an environment's settings, revisions and digests.
    async fn update_environment(&mut self, row: &EnvironmentRow) -> Result<()>;

    /// Removes an environment with all its overrides, every version of them.
    async fn remove_environment(&mut self, project: ProjectUid, uid: EnvironmentUid) -> Result<()>;
}

/// Secrets without their values.
#[async_trait]
pub trait SecretRows {
    /// All secrets of a project, deleted ones too, in the order of their names without regard
    /// to case.
    async fn secrets(&mut self, project: ProjectUid) -> Result<Vec<Secret>>;

    /// All aliases of a project's secrets.
    async fn aliases(&mut self, project: ProjectUid) -> Result<Vec<AliasRow>>;

    /// The secret that holds this name, regardless of case.
    async fn secret(&mut self, project: ProjectUid, name: &SecretName) -> Result<Option<Secret>>;
}

/// Writes [`SecretRows`].
#[async_trait]
pub trait SecretEdits {
    /// Adds a secret.
    async fn insert_secret(&mut self, project: ProjectUid, secret: &Secret) -> Result<()>;

    /// Writes a secret's name and metadata.
    async fn update_secret(&mut self, secret: &Secret) -> Result<()>;

    /// Removes a secret with its slots, every version of its values, and its aliases.
    async fn remove_secret(&mut self, project: ProjectUid, uid: SecretUid) -> Result<()>;

    /// Reserves a name for a secret that had it.
    async fn insert_alias(&mut self, project: ProjectUid, row: &AliasRow) -> Result<()>;

    /// Lets go of a reserved name.
    async fn remove_alias(&mut self, project: ProjectUid, name: &SecretName) -> Result<()>;
}

/// Slots and the versions of their values.
#[async_trait]
pub trait SlotRows {
    /// Every slot of a project in one place: all default slots, or all overrides of one
    /// environment and stage. Slots of deleted secrets too.
    async fn slots(&mut self, project: ProjectUid, place: Place) -> Result<Vec<SlotRow>>;

    /// Every slot of a project.
    async fn all_slots(&mut self, project: ProjectUid) -> Result<Vec<SlotRow>>;

    /// The current values of every slot of a project in one place; cleared ones not.
    async fn current_values(&mut self, project: ProjectUid, place: Place) -> Result<Vec<ValueRow>>;

    /// One version of one slot.
    async fn value(
        &mut self,
        secret: SecretUid,
        place: Place,
        version: u64,
    ) -> Result<Option<ValueRow>>;

    /// Every kept version of one slot, the newest first.
    async fn versions(&mut self, secret: SecretUid, place: Place) -> Result<Vec<ValueRow>>;

    /// Every kept version of every slot of a secret.
    async fn values_of(&mut self, secret: SecretUid) -> Result<Vec<ValueRow>>;
}

/// Writes [`SlotRows`].
#[async_trait]
pub trait SlotEdits {
    /// Adds or replaces a slot's pointer; `value` of the row is not looked at.
    async fn put_slot(&mut self, project: ProjectUid, row: &SlotRow) -> Result<()>;

    /// Adds a value version.
    async fn insert_value(&mut self, row: &ValueRow) -> Result<()>;

    /// Replaces the sealed content of a version that stands: same uid, another data key, or none
    /// where it is destroyed.
    async fn reseal_value(&mut self, row: &ValueRow) -> Result<()>;

    /// Removes the versions of a slot up to this number.
    async fn prune_values(&mut self, secret: SecretUid, place: Place, up_to: u64) -> Result<()>;
}

/// Wrapped keys, wherever they stand.
#[async_trait]
pub trait KeyRows {
    /// How many keys are wrapped under each wrapping key.
    async fn count_keys(&mut self) -> Result<Vec<(String, u64)>>;

    /// Up to `limit` keys that are not wrapped under this wrapping key and follow `after`, in the
    /// order of their places.
    async fn keys_not_under(
        &mut self,
        key_id: &str,
        after: Option<&KeyPlace>,
        limit: usize,
    ) -> Result<Vec<KeyRow>>;
}

/// Writes [`KeyRows`].
#[async_trait]
pub trait KeyEdits {
    /// Puts a newly wrapped key in place of the old, and says whether the old one still stood
    /// there. The key inside has to be the same.
    async fn rewrap_key(&mut self, old: &KeyRow, new: &Wrapped) -> Result<bool>;
}

/// Answers kept for retries.
#[async_trait]
pub trait RequestRows {
    /// What is kept for this caller and request id.
    async fn request(&mut self, principal: &str, id: Uuid) -> Result<Option<RequestRow>>;
}

/// Writes [`RequestRows`].
#[async_trait]
pub trait RequestEdits {
    /// Keeps an answer, in place of an expired one under the same id.
    async fn put_request(&mut self, row: &RequestRow) -> Result<()>;

    /// Drops what was kept before this time.
    async fn forget_requests(&mut self, before: Timestamp) -> Result<()>;
}

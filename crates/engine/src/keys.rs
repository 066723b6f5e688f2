//! How keys are used: the service key's children, the projects' integrity keys, and the data key
//! of every value version.

use crate::Error;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{Deployment, ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::SecretValue;
use waxseal_envelope::{Context, Key, Purpose, ValuePlace, fill_random, open, seal, sha256};
use waxseal_kms::{KeyContext, KeyKind, KeyProvider, WrappedKey};
use waxseal_storage::{ProjectRow, Sealed, ValueRow, Wrapped};

/// Integrity keys kept in memory at most. Beyond that they are asked for again.
const INTEGRITY_KEYS: usize = 4_096;

pub(crate) struct Keys {
    provider: Arc<dyn KeyProvider>,
    deployment: Deployment,
    pub(crate) revision: Key,
    pub(crate) page_token: Key,
    pub(crate) request: Key,
    pub(crate) token_row: Key,
    /// With the wrapped key each was opened from: another one in the row is another key.
    integrity: Mutex<HashMap<ProjectUid, (Wrapped, Arc<Key>)>>,
}

/// What a provider made, as it is stored.
pub(crate) fn stored(wrapped: WrappedKey) -> Wrapped {
    let WrappedKey { kind, key_id, bytes } = wrapped;
    Wrapped { kind: kind.number(), key_id, bytes }
}

/// What was stored, as a provider takes it.
pub(crate) fn wrapped(stored: &Wrapped) -> Option<WrappedKey> {
    let Wrapped { kind, key_id, bytes } = stored.clone();
    Some(WrappedKey { kind: KeyKind::from_number(kind)?, key_id, bytes })
}

/// A value sealed for one slot of one secret under one visibility. The version number is given
/// later, under the project's lock.
#[derive(Clone, Debug)]
pub(crate) struct SealedValue {
    pub(crate) secret: SecretUid,
    pub(crate) place: Place,
    pub(crate) visibility: Visibility,
    pub(crate) uid: ValueUid,
    pub(crate) sealed: Sealed,
}

impl Keys {
    pub(crate) fn new(
        provider: Arc<dyn KeyProvider>,
        deployment: Deployment,
        service: &Key,
    ) -> Self {
        Self {
            provider,
            deployment,
            revision: service.derive("revision"),
            page_token: service.derive("page token"),
            request: service.derive("request body"),
            token_row: service.derive("token row"),
            integrity: Mutex::default(),
        }
    }

    /// A new project's integrity key.
    pub(crate) async fn new_integrity(
        &self,
        project: ProjectUid,
    ) -> Result<(Arc<Key>, Wrapped), Error> {
        let context = KeyContext::integrity(self.deployment, project);
        let (key, wrapped) = self.provider.generate(&context).await?;
        Ok((Arc::new(key), stored(wrapped)))
    }

    /// A project's integrity key, from memory where it is the same.
    pub(crate) async fn integrity(&self, row: &ProjectRow) -> Result<Arc<Key>, Error> {
        let project = row.project.uid;
        if let Some((wrapped, key)) = self.remembered().get(&project)
            && *wrapped == row.integrity_key
        {
            return Ok(key.clone());
        }
        let context = KeyContext::integrity(self.deployment, project);
        let wrapped = wrapped(&row.integrity_key)
            .ok_or(Error::DataLoss { what: "a project's integrity key" })?;
        let key = Arc::new(self.provider.unwrap(&wrapped, &context).await?);
        let mut remembered = self.remembered();
        if remembered.len() >= INTEGRITY_KEYS {
            remembered.clear();
        }
        remembered.insert(project, (row.integrity_key.clone(), key.clone()));
        Ok(key)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<ProjectUid, (Wrapped, Arc<Key>)>> {
        self.integrity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals a value under a data key of its own.
    pub(crate) async fn seal(
        &self,
        project: ProjectUid,
        secret: SecretUid,
        place: Place,
        visibility: Visibility,
        value: &SecretValue,
    ) -> Result<SealedValue, Error> {
        let mut random = [0; 16];
        fill_random(&mut random)?;
        let uid = ValueUid::from_bytes(random);
        self.seal_as(project, secret, place, visibility, uid, value).await
    }

    /// Seals a value that keeps its identity, under another data key of its own.
    pub(crate) async fn seal_as(
        &self,
        project: ProjectUid,
        secret: SecretUid,
        place: Place,
        visibility: Visibility,
        uid: ValueUid,
        value: &SecretValue,
    ) -> Result<SealedValue, Error> {
        let kind = value.kind();
        let at = ValuePlace { project, secret, place, value: uid, visibility, kind };
        let (key, wrapped) =
            self.provider.generate(&KeyContext::value(self.deployment, &at)).await?;
        let context = Context::value(self.deployment, &at);
        let record = seal(&key, Purpose::Value, &context, value.expose())?;
        let digest = sha256(&record);
        let sealed = Sealed { kind, key: stored(wrapped), record, digest };
        Ok(SealedValue { secret, place, visibility, uid, sealed })
    }

    /// Opens a value version where it stands. Whatever was moved here from elsewhere does not
    /// open.
    pub(crate) async fn open(
        &self,
        project: ProjectUid,
        visibility: Visibility,
        row: &ValueRow,
    ) -> Result<SecretValue, Error> {
        const LOST: Error = Error::DataLoss { what: "a value" };
        let sealed = row.sealed.as_ref().ok_or(LOST)?;
        if sha256(&sealed.record) != sealed.digest {
            return Err(LOST);
        }
        let at = ValuePlace {
            project,
            secret: row.secret,
            place: row.place,
            value: row.uid,
            visibility,
            kind: sealed.kind,
        };
        let wrapped = wrapped(&sealed.key).ok_or(LOST)?;
        let key = self.provider.unwrap(&wrapped, &KeyContext::value(self.deployment, &at)).await?;
        let context = Context::value(self.deployment, &at);
        let plain = open(&key, Purpose::Value, &context, &sealed.record).map_err(|_| LOST)?;
        SecretValue::new(sealed.kind, plain).map_err(|_| LOST)
    }
}

/// A fresh UUIDv7: what is made later sorts later.
pub(crate) fn new_uid(now: waxseal_domain::time::Timestamp) -> Result<uuid::Uuid, Error> {
    let mut random = [0; 10];
    fill_random(&mut random)?;
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

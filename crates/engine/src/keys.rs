//! How keys are used: the service key's children, the projects' integrity keys, and the data key
//! of every value version.

mod views;

use crate::Error;
use crate::revision::Revision;
use crate::step::{Step, step};
use foldhash::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use waxseal_domain::name::ProjectId;
use waxseal_domain::secret::Visibility;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::{Deployment, ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::SecretValue;
use waxseal_envelope::{Context, Key, Purpose, ValuePlace, fill_random, open, seal, sha256};
use waxseal_kms::{Health, HealthWatch, KeyContext, KeyKind, KeyProvider, WrappedKey};
use waxseal_storage::{KeyPlace, ProjectRow, Sealed, ValueRow, Wrapped};

/// Projects' keys kept in memory at most. Beyond that they are asked for again.
const PROJECT_KEYS: usize = 8_192;

pub(crate) struct Keys {
    provider: Arc<dyn KeyProvider>,
    deployment: Deployment,
    pub(crate) revision: Key,
    pub(crate) page_token: Key,
    pub(crate) request: Key,
    pub(crate) token_row: Key,
    /// By the wrapped key that each was opened from, and what it is for: another wrapped key in
    /// the row is another key.
    projects: Mutex<ProjectKeys>,
    /// Projects whose integrity keys are in there, and for how long.
    known: Mutex<HashMap<ProjectId, Instant>>,
    /// The last revision token of each project: a warm answer makes none.
    pub(crate) tokens: RwLock<HashMap<ProjectUid, (Revision, Arc<str>)>>,
    /// The keys of views in the shared cache.
    views: views::ViewKeys,
    health: HealthWatch,
}

type ProjectKeys = HashMap<(KeyContext, Wrapped), Remembered>;

struct Remembered {
    key: Arc<Key>,
    /// A key is asked for again now and then: whoever revoked it is to be heard.
    until: Instant,
}

/// How long a project's keys are kept in memory.
const KEPT: Duration = Duration::from_secs(3_600);

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

/// The keys of a new project, and as they are stored.
pub(crate) struct NewKeys {
    pub(crate) integrity: Arc<Key>,
    pub(crate) wrapped_integrity: Wrapped,
    pub(crate) wrapped_fingerprint: Wrapped,
}

/// What tells whether a candidate is the value, without the value: keyed, and bound to the
/// version, so that equal values do not show as equal.
pub(crate) fn fingerprint(key: &Key, uid: ValueUid, value: &SecretValue) -> [u8; 32] {
    key.mac(&[b"waxseal1:fingerprint", uid.bytes(), value.expose()])
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
            health: provider.health(),
            provider,
            deployment,
            revision: service.derive("revision"),
            page_token: service.derive("page token"),
            request: service.derive("request body"),
            token_row: service.derive("token row"),
            projects: Mutex::default(),
            known: Mutex::default(),
            tokens: RwLock::default(),
            views: views::ViewKeys::default(),
        }
    }

    /// Who wraps and unwraps.
    pub(crate) fn provider(&self) -> &dyn KeyProvider {
        &*self.provider
    }

    /// What the data key in a place is bound to.
    pub(crate) fn context(&self, place: &KeyPlace) -> KeyContext {
        match *place {
            KeyPlace::Service => KeyContext::service(self.deployment),
            KeyPlace::Audit => KeyContext::audit(self.deployment),
            KeyPlace::Integrity(project) => KeyContext::integrity(self.deployment, project),
            KeyPlace::Fingerprint(project) => KeyContext::fingerprint(self.deployment, project),
            KeyPlace::Value { secret, place, version: _, uid, project, visibility, kind } => {
                let at = ValuePlace { project, secret, place, value: uid, visibility, kind };
                KeyContext::value(self.deployment, &at)
            }
        }
    }

    /// The keys of a new project: one for its manifest, one for fingerprints.
    pub(crate) async fn new_project(&self, project: ProjectUid) -> Result<NewKeys, Error> {
        let integrity = KeyContext::integrity(self.deployment, project);
        let fingerprint = KeyContext::fingerprint(self.deployment, project);
        let (integrity, wrapped_integrity) =
            step(Step::GenerateKey, self.provider.generate(&integrity)).await?;
        let (_, wrapped_fingerprint) =
            step(Step::GenerateKey, self.provider.generate(&fingerprint)).await?;
        Ok(NewKeys {
            integrity: Arc::new(integrity),
            wrapped_integrity: stored(wrapped_integrity),
            wrapped_fingerprint: stored(wrapped_fingerprint),
        })
    }

    /// The key that authenticates a project's manifest.
    pub(crate) async fn integrity(&self, row: &ProjectRow) -> Result<Arc<Key>, Error> {
        let context = KeyContext::integrity(self.deployment, row.project.uid);
        let key = self.of_project(context, &row.integrity_key).await?;
        self.known().insert(row.project.id.clone(), Instant::now() + KEPT);
        Ok(key)
    }

    /// Whether the integrity key of the project that had this id lately is in memory.
    pub(crate) fn has_integrity(&self, id: &ProjectId) -> bool {
        self.known().get(id).is_some_and(|until| *until > Instant::now())
    }

    /// Drops every key from memory but the service key's children: the key that wraps them was
    /// revoked.
    pub(crate) fn forget(&self) {
        self.remembered().clear();
        self.known().clear();
        self.views.clear();
    }

    /// Whether what the provider wraps may be used.
    pub(crate) fn check_health(&self) -> Result<(), Error> {
        if self.health.now() == Health::Revoked {
            let key_id = self.provider.active_key_id();
            return Err(waxseal_kms::Error::Revoked { key_id }.into());
        }
        Ok(())
    }

    /// The key of the fingerprints of a project's values.
    pub(crate) async fn fingerprint(&self, row: &ProjectRow) -> Result<Arc<Key>, Error> {
        let context = KeyContext::fingerprint(self.deployment, row.project.uid);
        self.of_project(context, &row.fingerprint_key).await
    }

    async fn of_project(&self, context: KeyContext, row: &Wrapped) -> Result<Arc<Key>, Error> {
        let name = (context, row.clone());
        if let Some(kept) = self.remembered().get(&name)
            && kept.until > Instant::now()
        {
            return Ok(kept.key.clone());
        }
        let wrapped = wrapped(row).ok_or(Error::DataLoss { what: "a project's key" })?;
        let key = Arc::new(step(Step::UnwrapKey, self.provider.unwrap(&wrapped, &name.0)).await?);
        let mut remembered = self.remembered();
        if remembered.len() >= PROJECT_KEYS {
            remembered.clear();
            self.known().clear();
        }
        let until = Instant::now() + KEPT;
        remembered.insert(name, Remembered { key: key.clone(), until });
        Ok(key)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ProjectId, Instant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self) -> MutexGuard<'_, ProjectKeys> {
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals a value under a data key of its own.
    pub(crate) async fn seal(
        &self,
        project: &ProjectRow,
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
        project: &ProjectRow,
        secret: SecretUid,
        place: Place,
        visibility: Visibility,
        uid: ValueUid,
        value: &SecretValue,
    ) -> Result<SealedValue, Error> {
        let kind = value.kind();
        let at = ValuePlace {
            project: project.project.uid,
            secret,
            place,
            value: uid,
            visibility,
            kind,
        };
        let (key, wrapped) = step(
            Step::GenerateKey,
            self.provider.generate(&KeyContext::value(self.deployment, &at)),
        )
        .await?;
        let context = Context::value(self.deployment, &at);
        let record = seal(&key, Purpose::Value, &context, value.expose())?;
        let digest = sha256(&record);
        let fingerprint = fingerprint(&*self.fingerprint(project).await?, uid, value);
        let sealed = Sealed { kind, key: stored(wrapped), record, digest, fingerprint };
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
        let key = step(
            Step::UnwrapKey,
            self.provider.unwrap(&wrapped, &KeyContext::value(self.deployment, &at)),
        )
        .await?;
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

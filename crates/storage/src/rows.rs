//! Rows as the engine sees them. Sealed and wrapped bytes are ciphertext; nothing else here is
//! secret.

use uuid::Uuid;
use waxseal_domain::environment::{Environment, Stage};
use waxseal_domain::name::{PrincipalId, SecretName};
use waxseal_domain::project::Project;
use waxseal_domain::secret::{Secret, Visibility};
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, Incarnation, PrincipalUid, ProjectUid, SecretUid, ValueUid};
use waxseal_domain::value::PayloadKind;

/// A data key as the key provider wrapped it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wrapped {
    /// How it is wrapped; the key provider's own number.
    pub kind: u8,
    /// The wrapping key.
    pub key_id: String,
    /// The wrapped key.
    pub bytes: Vec<u8>,
}

/// The store's one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The deployment that the store belongs to.
    pub deployment: Deployment,
    /// The store's present life.
    pub incarnation: Incarnation,
    /// The deployment's service key.
    pub service_key: Wrapped,
    /// When the store was made.
    pub created: Timestamp,
    /// Whether copies of what was removed may be left in the store's files.
    pub unscrubbed: bool,
    /// The authorisation epoch; 0 until somebody may do something.
    pub epoch: u64,
}

/// A project, its head and its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRow {
    /// The project's own fields.
    pub project: Project,
    /// The life of the store in which this was read; not written.
    pub incarnation: Incarnation,
    /// The project's revision.
    pub revision: u64,
    /// The key that authenticates the manifest.
    pub integrity_key: Wrapped,
    /// The key of the fingerprints of values.
    pub fingerprint_key: Wrapped,
    /// Digest of the secrets and their default slots.
    pub catalogue: [u8; 32],
    /// MAC over head, environments and digests.
    pub manifest: [u8; 32],
}

/// One view's revision, and the digest of its overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The last revision that could alter the view.
    pub revision: u64,
    /// Digest of the overrides.
    pub digest: [u8; 32],
}

/// An environment and its two views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentRow {
    /// The environment's own fields.
    pub environment: Environment,
    /// Its draft view.
    pub draft: GroupRow,
    /// Its live view.
    pub live: GroupRow,
}

impl EnvironmentRow {
    /// One of its views.
    #[must_use]
    pub const fn group(&self, stage: Stage) -> &GroupRow {
        match stage {
            Stage::Draft => &self.draft,
            Stage::Live => &self.live,
        }
    }

    /// One of its views, to change.
    pub const fn group_mut(&mut self, stage: Stage) -> &mut GroupRow {
        match stage {
            Stage::Draft => &mut self.draft,
            Stage::Live => &mut self.live,
        }
    }
}

/// A slot, and as much of its current version as can be told without the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// The secret.
    pub secret: SecretUid,
    /// Which of its slots.
    pub place: Place,
    /// The number of the version that resolves.
    pub current: u64,
    /// The last number given.
    pub highest: u64,
    /// Counts changes of the slot; the etag is made from it.
    pub edition: u64,
    /// When the slot last changed.
    pub updated: Timestamp,
    /// Number and MAC of every kept version, so that none can be put back or taken away unseen.
    pub history: Vec<(u64, [u8; 32])>,
    /// The current version; none if its row is missing, which no caller of this crate causes.
    pub value: Option<ValueHead>,
}

/// The current version of a slot, without the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueHead {
    /// The version's identity.
    pub uid: ValueUid,
    /// SHA-256 and length in bytes of the sealed record; none where the version is cleared.
    pub sealed: Option<([u8; 32], u64)>,
}

/// A value version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueRow {
    /// The secret.
    pub secret: SecretUid,
    /// Which of its slots.
    pub place: Place,
    /// The number in the slot.
    pub version: u64,
    /// The version's identity.
    pub uid: ValueUid,
    /// When it was written.
    pub created: Timestamp,
    /// Its content; none where it is cleared or destroyed.
    pub sealed: Option<Sealed>,
    /// Whether the content was destroyed for good.
    pub destroyed: bool,
    /// MAC over place, version, identity and digest, so that no version passes for another.
    pub mac: [u8; 32],
}

/// The sealed content of a value version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Text or bytes.
    pub kind: PayloadKind,
    /// The version's own data key.
    pub key: Wrapped,
    /// The sealed record.
    pub record: Vec<u8>,
    /// SHA-256 of the sealed record.
    pub digest: [u8; 32],
    /// Keyed fingerprint of identity and value.
    pub fingerprint: [u8; 32],
}

/// A name that a secret had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRow {
    /// The name, reserved.
    pub name: SecretName,
    /// The secret.
    pub secret: SecretUid,
}

/// A project's secrets, of one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueRows {
    /// The secrets, as [`crate::SecretRows::secrets`] orders them.
    pub secrets: Vec<Secret>,
    /// All their aliases.
    pub aliases: Vec<AliasRow>,
    /// All default slots.
    pub defaults: Vec<SlotRow>,
}

/// All that one view is made of, of one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewRows {
    /// The project.
    pub project: ProjectRow,
    /// All its environments, in the order of their ids.
    pub environments: Vec<EnvironmentRow>,
    /// All its secrets, as [`crate::SecretRows::secrets`] orders them.
    pub secrets: Vec<Secret>,
    /// All aliases of its secrets.
    pub aliases: Vec<AliasRow>,
    /// Its default slots.
    pub defaults: Vec<SlotRow>,
    /// The overrides of the environment and stage.
    pub overrides: Vec<SlotRow>,
    /// The current values of both.
    pub values: Vec<ValueRow>,
}

/// A wrapped key and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Where.
    pub place: KeyPlace,
    /// The key.
    pub key: Wrapped,
}

/// Where a wrapped key stands, and with that what it is bound to. Their order: service key,
/// integrity keys, fingerprint keys, values by secret, slot and version, then the audit key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The store's own row.
    Service,
    /// A project's integrity key.
    Integrity(ProjectUid),
    /// A project's fingerprint key.
    Fingerprint(ProjectUid),
    /// A value version.
    Value {
        /// The secret.
        secret: SecretUid,
        /// Its slot.
        place: Place,
        /// The number in the slot.
        version: u64,
        /// The version's identity.
        uid: ValueUid,
        /// The secret's project.
        project: ProjectUid,
        /// The secret's visibility.
        visibility: Visibility,
        /// Text or bytes.
        kind: PayloadKind,
    },
    /// The key that signs checkpoints of the audit trail.
    Audit,
}

/// An answer kept for retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// Who asked.
    pub principal: String,
    /// The caller's request id.
    pub id: Uuid,
    /// HMAC of method and request.
    pub body: [u8; 32],
    /// The answer, as JSON.
    pub answer: String,
    /// When it was given.
    pub created: Timestamp,
}

/// Somebody who may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalRow {
    /// The principal's identity.
    pub uid: PrincipalUid,
    /// The principal's id.
    pub id: PrincipalId,
    /// What it is known by; kept apart to be found by, and not read back.
    pub identities: Vec<String>,
    /// All that there is to say of it, as JSON.
    pub content: String,
    /// MAC over the row.
    pub mac: [u8; 32],
}

/// An API token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The token's public id.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalUid,
    /// SHA-256 of the token's secret part.
    pub hash: [u8; 32],
    /// What it opens, as JSON.
    pub content: String,
    /// When it was last used, to the minute; not under the MAC.
    pub used: Option<Timestamp>,
    /// MAC over the row.
    pub mac: [u8; 32],
}

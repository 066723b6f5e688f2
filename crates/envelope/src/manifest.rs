//! What a database writer must not be able to change unseen.
//!
//! Contexts keep ciphertext in its place; they do not show that a row was deleted or put back,
//! that two names were exchanged, or that an environment's settings were turned. The manifest
//! does: each group of rows has a digest, and a MAC under the project's integrity key covers the
//! digests and the settings. A write computes the digest of its own group and the MAC, no more.
//!
//! # Encodings
//!
//! `text` is `u64 length || UTF-8`; `?` before a part stands for `0x00` where there is none and
//! for `0x01` and the part where there is one; a flag is `0x00` or `0x01`. Rows are sorted by
//! identity, aliases by their bytes, so the order of rows in a store does not matter.
//!
//! ```text
//! slot        = u64 version || u64 highest || value || history || ?sealed
//! catalogue   = SHA-256(text "waxseal1:manifest:catalogue" || project || u64 count || entry ...)
//!   entry     = secret || text name || u64 count || text alias ... || visibility
//!               || flag deleted || ?slot
//! overrides   = SHA-256(text "waxseal1:manifest:overrides" || project || environment || stage
//!               || u64 count || entry ...)
//!   entry     = secret || slot
//! root        = text "waxseal1:manifest:root" || deployment || project || text id
//!               || u64 revision || u8 deleted || catalogue || u64 count || environment ...
//!   environment = environment uid || text id || fallback || flag protected
//!               || group (draft) || group (live)
//!   group     = u64 revision || digest
//! MAC         = the key's MAC over one part, the root
//! ```
//!
//! `sealed` is a digest of 32 bytes. `visibility` is 1 for masked and 2 for restricted; `stage`
//! is 1 for draft and 2 for live; `fallback` is 1 for allow and 2 for deny, one byte each.

use crate::encoding::Encoding;
use crate::{Key, Tampered, sha256};
use waxseal_domain::environment::{Fallback, Stage};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::secret::Visibility;
use waxseal_domain::uid::{Deployment, EnvironmentUid, ProjectUid, SecretUid, ValueUid};

/// A SHA-256 digest or an HMAC-SHA-256.
pub type Digest = [u8; 32];

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotEntry {
    /// The number of the current version; 0 if there never was one.
    pub version: u64,
    /// The highest version number that was ever given in this slot, so that none is given twice.
    pub highest: u64,
    /// The SHA-256 digest of what the slot says of all its kept versions.
    pub history: Digest,
    /// The current value version.
    pub value: ValueUid,
    /// The SHA-256 digest of the sealed record; `None` if the slot is cleared.
    pub sealed: Option<Digest>,
}

/// A secret in the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueEntry<'a> {
    /// Its identity.
    pub uid: SecretUid,
    /// Its name.
    pub name: &'a SecretName,
    /// The other names that it answers to, in any order.
    pub aliases: &'a [SecretName],
    /// Who may read its values.
    pub visibility: Visibility,
    /// Whether it is deleted.
    pub deleted: bool,
    /// Its default slot; `None` if that was never written.
    pub default: Option<SlotEntry>,
}

/// The digest of a project's secrets and their default slots.
#[must_use]
pub fn catalogue<'a>(
    project: ProjectUid,
    entries: impl IntoIterator<Item = CatalogueEntry<'a>>,
) -> Digest {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|entry| entry.uid);
    let encoding = Encoding::new("waxseal1:manifest:catalogue")
        .fixed(project.bytes())
        .count(entries.len())
        .each(entries, secret);
    sha256(&encoding.finish())
}

/// The digest of the overrides of one environment and stage. Slots that were never written are
/// left out.
#[must_use]
pub fn overrides(
    project: ProjectUid,
    environment: EnvironmentUid,
    stage: Stage,
    entries: impl IntoIterator<Item = (SecretUid, SlotEntry)>,
) -> Digest {
    let mut entries: Vec<_> = entries.into_iter().collect();
    entries.sort_by_key(|(secret, _)| *secret);
    let encoding = Encoding::new("waxseal1:manifest:overrides")
        .fixed(project.bytes())
        .fixed(environment.bytes())
        .byte(stage.number())
        .count(entries.len())
        .each(entries, |encoding, (secret, held)| slot(encoding.fixed(secret.bytes()), held));
    sha256(&encoding.finish())
}

/// The state of one environment and stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The revision of its view.
    pub revision: u64,
    /// The digest of its [`overrides`].
    pub digest: Digest,
}

/// An environment, its settings and its stages.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentEntry<'a> {
    /// Its identity.
    pub uid: EnvironmentUid,
    /// Its id in the project.
    pub id: &'a EnvironmentId,
    /// Whether defaults are used.
    pub fallback: Fallback,
    /// Whether only an admin may change what the live stage resolves.
    pub protected: bool,
    /// The draft stage.
    pub draft: Group,
    /// The live stage.
    pub live: Group,
}

/// The head of a project's manifest.
#[derive(Clone, Debug)]
pub struct Root<'a> {
    /// The deployment.
    pub deployment: Deployment,
    /// The project's identity.
    pub project: ProjectUid,
    /// The project's id.
    pub id: &'a ProjectId,
    /// The project's revision. Whoever has seen a higher one must refuse this root.
    pub revision: u64,
    /// Whether the project is deleted.
    pub deleted: bool,
    /// The digest of the [`catalogue`].
    pub catalogue: Digest,
    /// Every environment, in any order.
    pub environments: Vec<EnvironmentEntry<'a>>,
}

impl Root<'_> {
    /// The MAC under the project's integrity key.
    #[must_use]
    pub fn mac(&self, key: &Key) -> Digest {
        key.mac(&[&self.encode()])
    }

    /// Compares a stored MAC, in constant time.
    ///
    /// # Errors
    /// [`Tampered`] if it is not the MAC of this root.
    pub fn verify(&self, key: &Key, mac: &[u8]) -> Result<(), Tampered> {
        if key.verify(&[&self.encode()], mac) { Ok(()) } else { Err(Tampered) }
    }

    fn encode(&self) -> Vec<u8> {
        let Self { deployment, project, id, revision, deleted, catalogue, environments } = self;
        let mut sorted: Vec<_> = environments.iter().collect();
        sorted.sort_by_key(|entry| entry.uid);
        Encoding::new("waxseal1:manifest:root")
            .fixed(deployment.bytes())
            .fixed(project.bytes())
            .text(id.as_str())
            .number(*revision)
            .byte(u8::from(*deleted))
            .fixed(catalogue)
            .count(sorted.len())
            .each(sorted, environment)
            .finish()
    }
}

fn secret(encoding: Encoding, entry: CatalogueEntry<'_>) -> Encoding {
    let CatalogueEntry { uid, name, aliases, visibility, deleted, default } = entry;
    let mut aliases: Vec<_> = aliases.iter().collect();
    aliases.sort();
    let encoding = encoding
        .fixed(uid.bytes())
        .text(name.as_str())
        .count(aliases.len())
        .each(aliases, |encoding, alias| encoding.text(alias.as_str()))
        .byte(visibility.number())
        .byte(u8::from(deleted));
    match default {
        None => encoding.byte(0),
        Some(held) => slot(encoding.byte(1), held),
    }
}

fn slot(encoding: Encoding, entry: SlotEntry) -> Encoding {
    let SlotEntry { version, highest, history, value, sealed } = entry;
    let encoding = encoding.number(version).number(highest).fixed(value.bytes()).fixed(&history);
    match sealed {
        None => encoding.byte(0),
        Some(digest) => encoding.byte(1).fixed(&digest),
    }
}

fn environment(encoding: Encoding, entry: &EnvironmentEntry<'_>) -> Encoding {
    let EnvironmentEntry { uid, id, fallback, protected, draft, live } = entry;
    let fallback = match fallback {
        Fallback::Allow => 1,
        Fallback::Deny => 2,
    };
    encoding
        .fixed(uid.bytes())
        .text(id.as_str())
        .byte(fallback)
        .byte(u8::from(*protected))
        .each([draft, live], |encoding, group| encoding.number(group.revision).fixed(&group.digest))
}

#[cfg(test)]
mod tests;

//! What a record is hashed as.
//!
//! A record's canonical bytes are its fields in the order of their tags, each as tag (one byte),
//! length (two bytes) and content; a field that says nothing is left out. Integers are big-endian,
//! identities are their sixteen bytes, texts are UTF-8. Other records have other bytes.
//!
//! `hash = SHA-256(hash before || u64 sequence || canonical bytes)`

use waxseal_domain::uid::Deployment;
use waxseal_envelope::sha256;
use waxseal_storage::AuditRow;

/// The encoding that this is.
const FORMAT: u8 = 1;

/// Texts are names and identities, none of which comes near the length that two bytes hold. What an
/// administrator of the database made longer is cut, and does not fit its hash.
const TEXT: usize = u16::MAX as usize;

struct Tlv(Vec<u8>);

impl Tlv {
    fn field(mut self, tag: u8, content: &[u8]) -> Self {
        let content = &content[..content.len().min(TEXT)];
        self.0.push(tag);
        self.0.extend_from_slice(&u16::try_from(content.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend_from_slice(content);
        self
    }

    fn maybe<T: AsRef<[u8]>>(self, tag: u8, content: Option<T>) -> Self {
        match content {
            Some(content) => self.field(tag, content.as_ref()),
            None => self,
        }
    }
}

/// The canonical bytes of a record. This is the list of what a record may hold: a field that is
/// added to the row does not compile until it is decided here.
pub(super) fn canonical(chain: &str, row: &AuditRow) -> Vec<u8> {
    let AuditRow {
        at,
        principal,
        credential,
        action,
        project,
        project_id,
        environment,
        environment_id,
        stage,
        secret,
        secret_name,
        version,
        revision,
        view_revision,
        outcome,
        request,
        count,
        until,
        resource,
        grant,
        call,
    } = row;
    let number = |number: &Option<u64>| number.map(u64::to_be_bytes);
    Tlv(Vec::with_capacity(256))
        .field(0, &[FORMAT])
        .field(1, chain.as_bytes())
        .field(2, &at.micros().to_be_bytes())
        .field(3, principal.as_bytes())
        .maybe(4, credential.as_ref())
        .field(5, action.as_bytes())
        .maybe(6, project.as_ref().map(|uid| uid.bytes()))
        .maybe(7, project_id.as_ref())
        .maybe(8, environment.as_ref().map(|uid| uid.bytes()))
        .maybe(9, environment_id.as_ref())
        .maybe(10, stage.map(|stage| [stage.number()]))
        .maybe(11, secret.as_ref().map(|uid| uid.bytes()))
        .maybe(12, secret_name.as_ref())
        .maybe(13, number(version))
        .maybe(14, number(revision))
        .maybe(15, number(view_revision))
        .field(16, outcome.as_bytes())
        .maybe(17, request.as_ref().map(uuid::Uuid::as_bytes))
        .maybe(18, number(count))
        .maybe(19, until.map(|until| until.micros().to_be_bytes()))
        .maybe(20, resource.as_ref())
        .maybe(21, grant.as_ref())
        .maybe(22, call.as_ref().map(uuid::Uuid::as_bytes))
        .0
}

/// The hash of a record at its place in a chain.
pub(super) fn hash(before: &[u8; 32], sequence: u64, chain: &str, row: &AuditRow) -> [u8; 32] {
    let record = canonical(chain, row);
    sha256(&[&before[..], &sequence.to_be_bytes(), &record].concat())
}

/// What a chain begins with: its own name, which says its kind, the deployment, and the last
/// checkpoint, so that a chain that was dropped or put in another's place shows.
pub(super) fn genesis(
    deployment: Deployment,
    chain: &str,
    checkpoint: u64,
    checkpoint_hash: &[u8; 32],
) -> [u8; 32] {
    let bytes = Tlv(Vec::new())
        .field(0, &[FORMAT])
        .field(1, b"waxseal:audit:genesis")
        .field(2, deployment.bytes())
        .field(3, chain.as_bytes())
        .field(4, &checkpoint.to_be_bytes())
        .field(5, checkpoint_hash);
    sha256(&bytes.0)
}

#[cfg(test)]
mod tests;

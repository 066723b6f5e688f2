//! Revision tokens: opaque, authenticated triples of incarnation, project and revision.

use crate::keys::Keys;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::{Arc, PoisonError};
use waxseal_domain::uid::{Incarnation, ProjectUid};

/// What a revision token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) incarnation: Incarnation,
    pub(crate) project: ProjectUid,
    pub(crate) number: u64,
}

const PLAIN: usize = 16 + 16 + 8;
const MAC: usize = 16;

/// Projects whose last token is remembered at most.
const TOKENS: usize = 16_384;

impl Keys {
    /// The token of a revision, as it was written last time if that was of the same.
    pub(crate) fn revision_token(&self, revision: Revision) -> Arc<str> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, token)) = tokens.get(&revision.project)
            && *of == revision
        {
            return token.clone();
        }
        drop(tokens);
        let token: Arc<str> = self.write_revision(revision).into();
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(revision.project, (revision, token.clone()));
        token
    }

    pub(crate) fn write_revision(&self, revision: Revision) -> String {
        let plain = bytes(revision);
        let mac = self.revision.mac(&[&plain]);
        let mut token = [0; PLAIN + MAC];
        token[..PLAIN].copy_from_slice(&plain);
        token[PLAIN..].copy_from_slice(&mac[..MAC]);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Reads a token that this deployment gave; anything else is `None`.
    pub(crate) fn read_revision(&self, token: &str) -> Option<Revision> {
        let mut decoded = [0; PLAIN + MAC];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut decoded).ok()?;
        let (plain, mac) = decoded.split_at(PLAIN);
        let right = self.revision.mac(&[plain]);
        let same = bool::from(subtle::ConstantTimeEq::ct_eq(mac, &right[..MAC]));
        (length == PLAIN + MAC && same).then(|| parse(plain)).flatten()
    }
}

fn bytes(revision: Revision) -> [u8; PLAIN] {
    let Revision { incarnation, project, number } = revision;
    let mut plain = [0; PLAIN];
    plain[..16].copy_from_slice(incarnation.bytes());
    plain[16..32].copy_from_slice(project.bytes());
    plain[32..].copy_from_slice(&number.to_be_bytes());
    plain
}

fn parse(plain: &[u8]) -> Option<Revision> {
    Some(Revision {
        incarnation: Incarnation::from_bytes(plain[..16].try_into().ok()?),
        project: ProjectUid::from_bytes(plain[16..32].try_into().ok()?),
        number: u64::from_be_bytes(plain[32..].try_into().ok()?),
    })
}

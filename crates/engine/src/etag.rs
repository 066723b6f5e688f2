//! Etags: opaque, and bound to the identity of what they were read from, so that one of another
//! resource never fits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use waxseal_domain::environment::Environment;
use waxseal_domain::principal::Principal;
use waxseal_domain::project::Project;
use waxseal_domain::secret::Secret;
use waxseal_domain::slot::Place;
use waxseal_domain::uid::SecretUid;

use crate::Error;

fn etag(parts: &[&[u8]]) -> String {
    const BYTES: usize = 12;
    let mut input = b"waxseal1:etag".to_vec();
    for part in parts {
        input.push(part.len() as u8);
        input.extend_from_slice(part);
    }
    URL_SAFE_NO_PAD.encode(&waxseal_envelope::sha256(&input)[..BYTES])
}

/// Of a project's own fields.
#[must_use]
pub fn project(project: &Project) -> String {
    etag(&[b"project", project.uid.bytes(), &project.edition.to_be_bytes()])
}

/// Of an environment's settings.
#[must_use]
pub fn environment(environment: &Environment) -> String {
    etag(&[b"environment", environment.uid.bytes(), &environment.edition.to_be_bytes()])
}

/// Of a secret's metadata.
#[must_use]
pub fn secret(secret: &Secret) -> String {
    etag(&[b"secret", secret.uid.bytes(), &secret.edition.to_be_bytes()])
}

/// Of a principal's own fields.
#[must_use]
pub fn principal(principal: &Principal) -> String {
    etag(&[b"principal", principal.uid.bytes(), &principal.edition.to_be_bytes()])
}

/// Of a slot; edition 0 is a slot that was never written.
pub(crate) fn slot(secret: SecretUid, place: Place, edition: u64) -> String {
    let edition = edition.to_be_bytes();
    match place {
        Place::Default => etag(&[b"default", secret.bytes(), &edition]),
        Place::Override(environment, stage) => {
            etag(&[b"override", secret.bytes(), environment.bytes(), &[stage.number()], &edition])
        }
    }
}

/// Compares what the caller sent, if anything, with what is.
pub(crate) fn check(sent: Option<&str>, is: &str) -> Result<(), Error> {
    match sent {
        Some(sent) if sent != is => Err(Error::EtagMismatch),
        _ => Ok(()),
    }
}

//! The golden vectors: what was once written always opens, and every encoding stays as it is.

mod format;

use crate::manifest::{self, Root};
use crate::seal::seal_with_salt;
use crate::{Purpose, open};
use format::{CatalogueEntryVector, EnvironmentEntryVector, Vectors};

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/v1.json")).unwrap()
}

#[test]
fn golden_records_open_and_are_sealed_the_same() {
    let vectors = vectors();
    let mut purposes: Vec<u8> = Vec::new();
    for vector in &vectors.records {
        let name = &vector.name;
        let (purpose, context) = vector.context.context();
        if let Some(bytes) = &vector.context_bytes {
            assert_eq!(context.as_bytes(), bytes.0, "{name}");
        }
        let (key, record) = (vector.key.key(), &vector.record.0);
        let opened = open(&key, purpose, &context, record);
        assert_eq!(opened.as_deref(), Ok(&vector.plaintext.0), "{name}");
        let sealed = seal_with_salt(&key, purpose, &context, &vector.salt.0, &vector.plaintext.0);
        assert_eq!(sealed.as_ref(), Ok(record), "{name}");
        purposes.push(purpose.number());
    }
    for purpose in Purpose::ALL {
        assert!(purposes.contains(&purpose.number()), "no golden record for {purpose:?}");
    }
}

#[test]
fn golden_keys_are_derived() {
    for vector in vectors().derived_keys {
        let derived = vector.key.key().derive(&vector.label);
        assert_eq!(derived.expose(), &vector.derived.0, "{}", vector.name);
    }
}

#[test]
fn golden_macs_verify() {
    for vector in vectors().macs {
        let parts: Vec<&[u8]> = vector.parts.iter().map(|part| part.0.as_slice()).collect();
        assert_eq!(vector.key.key().mac(&parts), vector.mac.0, "{}", vector.name);
        assert!(vector.key.key().verify(&parts, &vector.mac.0), "{}", vector.name);
    }
}

#[test]
fn golden_catalogues_have_their_digest() {
    for vector in vectors().catalogues {
        let entries = vector.entries.iter().map(CatalogueEntryVector::entry);
        let digest = manifest::catalogue(vector.project, entries);
        assert_eq!(digest, vector.digest.0, "{}", vector.name);
    }
}

#[test]
fn golden_overrides_have_their_digest() {
    for vector in vectors().overrides {
        let entries = vector.entries.iter().map(|entry| (entry.secret, entry.slot.entry()));
        let stage = vector.stage.stage();
        let digest = manifest::overrides(vector.project, vector.environment, stage, entries);
        assert_eq!(digest, vector.digest.0, "{}", vector.name);
    }
}

#[test]
fn golden_roots_verify() {
    for vector in vectors().roots {
        let root = Root {
            deployment: vector.deployment,
            project: vector.project,
            id: &vector.id,
            revision: vector.revision,
            deleted: vector.deleted,
            catalogue: vector.catalogue.0,
            environments: vector.environments.iter().map(EnvironmentEntryVector::entry).collect(),
        };
        assert_eq!(root.mac(&vector.key.key()), vector.mac.0, "{}", vector.name);
        assert!(root.verify(&vector.key.key(), &vector.mac.0).is_ok(), "{}", vector.name);
    }
}

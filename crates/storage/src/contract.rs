//! The contract that every store passes, word for word the same for each.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite of assertions, called by tests only"
)]

mod access;
mod audit;
mod copy;
mod heads;
mod keys;
mod secrets;
mod states;
mod views;

use crate::{
    AliasRow, EnvironmentRow, GroupRow, Meta, ProjectRow, RequestRow, Sealed, SlotRow, Store,
    ValueRow, Wrapped,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use waxseal_domain::environment::{Environment, Fallback, Settings, Stage};
use waxseal_domain::name::{EnvironmentId, ProjectId, SecretName};
use waxseal_domain::project::Project;
use waxseal_domain::secret::{Deletion, Secret, Visibility};
use waxseal_domain::slot::Place;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{
    Deployment, EnvironmentUid, Incarnation, ProjectUid, SecretUid, ValueUid,
};
use waxseal_domain::value::PayloadKind;

/// Runs the whole suite against an empty store.
pub async fn contract(store: Arc<dyn Store>) {
    states::suite(&store).await;
    secrets::suite(&store).await;
    audit::suite(&store).await;
    access::suite(&store).await;
    copy::what_is_beside_projects_is_listed_in_order(&store).await;
    heads::suite(&store).await;
    keys::suite(&store).await;
    views::suite(&store).await;
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn wrapped(byte: u8) -> Wrapped {
    Wrapped { kind: 1, key_id: "key".to_owned(), bytes: vec![byte; 200] }
}

fn project(byte: u8, id: &str) -> ProjectRow {
    ProjectRow {
        project: Project {
            uid: ProjectUid::from_bytes([byte; 16]),
            id: ProjectId::parse(id).unwrap(),
            display_name: "A project".to_owned(),
            edition: 1,
            created: time(1),
            updated: time(2),
            deletion: None,
        },
        incarnation: Incarnation::from_bytes([2; 16]),
        revision: 1,
        integrity_key: wrapped(byte),
        fingerprint_key: wrapped(byte.wrapping_add(1)),
        catalogue: [byte; 32],
        manifest: [byte; 32],
    }
}

fn environment(byte: u8, id: &str) -> EnvironmentRow {
    EnvironmentRow {
        environment: Environment {
            uid: EnvironmentUid::from_bytes([byte; 16]),
            id: EnvironmentId::parse(id).unwrap(),
            settings: Settings {
                display_name: "An environment".to_owned(),
                fallback: Fallback::Deny,
                protected: true,
            },
            edition: 3,
            created: time(3),
            updated: time(4),
        },
        draft: GroupRow { revision: 5, digest: [5; 32] },
        live: GroupRow { revision: 6, digest: [6; 32] },
    }
}

fn secret(byte: u8, name: &str) -> Secret {
    Secret {
        uid: SecretUid::from_bytes([byte; 16]),
        name: SecretName::parse(name).unwrap(),
        visibility: Visibility::Masked,
        description: "A secret".to_owned(),
        edition: 1,
        created: time(1),
        updated: time(1),
        deletion: None,
    }
}

fn value(secret: &Secret, place: Place, version: u64, byte: u8) -> ValueRow {
    ValueRow {
        secret: secret.uid,
        place,
        version,
        uid: ValueUid::from_bytes([byte; 16]),
        created: time(9),
        sealed: Some(Sealed {
            kind: PayloadKind::Text,
            key: wrapped(byte),
            record: vec![byte; 100],
            digest: [byte; 32],
            fingerprint: [byte; 32],
        }),
        destroyed: false,
        mac: [byte; 32],
    }
}

fn slot(secret: &Secret, place: Place, version: u64) -> SlotRow {
    SlotRow {
        secret: secret.uid,
        place,
        current: version,
        highest: version,
        edition: version,
        updated: time(10),
        history: (1..=version).map(|version| (version, [9; 32])).collect(),
        value: None,
    }
}

async fn add_project(store: &Arc<dyn Store>, row: &ProjectRow) {
    let mut tx = store.begin("contract").await.unwrap();
    tx.insert_project(row).await.unwrap();
    tx.commit().await.unwrap();
}

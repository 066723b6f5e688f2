//! The ways by which a value gets in.

use crate::support::raw::Raw;
use crate::support::{Client, Server, default_slot, override_slot, refused, text};
use prost::Message;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::{Code, Response, Status};
use waxseal_domain::caller::Role;
use waxseal_proto::v1::{self, Stage, Visibility};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Create,
    Default,
    Override,
    Batch,
}

impl Door {
    pub(super) const ALL: [Self; 4] = [Self::Create, Self::Default, Self::Override, Self::Batch];

    /// The payload, as `BadRequest` names it.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Batch => "overrides[1].payload",
            _ => "payload",
        }
    }

    fn slot(self) -> Option<v1::Slot> {
        match self {
            Self::Create | Self::Default => default_slot(),
            Self::Override | Self::Batch => override_slot("main", Stage::Live),
        }
    }
}

pub(super) struct Doors {
    builder: Client,
    raw: Raw,
    token: String,
    next: AtomicUsize,
}

impl Doors {
    pub(super) async fn of(server: &Server) -> Self {
        let builder = server.builder().await;
        builder.create_secret("demo", "BESIDE", Visibility::Masked, None).await.unwrap();
        Self {
            builder,
            raw: Raw::connect(&server.address).await,
            token: server.token(Role::Builder, true, "deployment").await,
            next: AtomicUsize::new(0),
        }
    }

    /// A secret that the door can be tried with, without a value.
    pub(super) async fn prepare(&self, door: Door) -> String {
        let secret = format!("S{}", self.next.fetch_add(1, Ordering::Relaxed));
        if door != Door::Create {
            self.builder.create_secret("demo", &secret, Visibility::Masked, None).await.unwrap();
        }
        secret
    }

    pub(super) fn message(
        &self,
        door: Door,
        secret: &str,
        payload: Option<v1::SecretPayload>,
    ) -> (&'static str, Vec<u8>) {
        match door {
            Door::Create => ("CreateSecret", create(secret, payload).encode_to_vec()),
            Door::Default | Door::Override => {
                ("SetSecretValue", set(door, secret, payload).encode_to_vec())
            }
            Door::Batch => ("BatchSetOverrides", batch(secret, payload).encode_to_vec()),
        }
    }

    pub(super) async fn raw(
        &self,
        method: &str,
        message: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, Status> {
        self.raw.call(method, &self.token, message).await
    }

    /// Writes a value, and gives the warnings about it.
    pub(super) async fn write(
        &self,
        door: Door,
        secret: &str,
        payload: Option<v1::SecretPayload>,
    ) -> Result<Vec<v1::Warning>, Status> {
        let (method, message) = self.message(door, secret, payload);
        let answer = self.raw(method, message).await?.into_inner();
        Ok(match door {
            Door::Create => v1::CreateSecretResponse::decode(&*answer).unwrap().warnings,
            Door::Default | Door::Override => {
                v1::SetSecretValueResponse::decode(&*answer).unwrap().warnings
            }
            Door::Batch => {
                let answer = v1::BatchSetOverridesResponse::decode(&*answer).unwrap();
                let named = answer.warnings.into_iter().map(|warning| {
                    assert_eq!(warning.secret, secret);
                    warning.warning.unwrap()
                });
                named.collect()
            }
        })
    }

    pub(super) async fn reveal(
        &self,
        door: Door,
        secret: &str,
    ) -> Result<v1::RevealSecretValueResponse, Status> {
        self.builder.reveal("demo", secret, door.slot()).await
    }

    /// Nothing was written, neither there nor beside it.
    pub(super) async fn assert_unset(&self, door: Door, secret: &str) {
        let revealed = refused(self.reveal(door, secret).await);
        let unset = (Code::FailedPrecondition, "SECRET_UNSET");
        let absent = (Code::NotFound, "SECRET_NOT_FOUND");
        let is = (revealed.code, revealed.reason.as_str());
        assert!(is == unset || (door == Door::Create && is == absent), "{door:?} {is:?}");
        let beside =
            self.builder.reveal("demo", "BESIDE", override_slot("main", Stage::Live)).await;
        refused(beside).is(Code::FailedPrecondition, "SECRET_UNSET");
    }

    /// Makes room in the view for the next one.
    pub(super) async fn remove(&self, door: Door, secret: &str) {
        self.builder.delete_secret("demo", secret).await.unwrap();
        if door == Door::Batch {
            self.builder.clear("demo", "BESIDE", door.slot()).await.unwrap();
        }
    }
}

fn create(secret: &str, payload: Option<v1::SecretPayload>) -> v1::CreateSecretRequest {
    v1::CreateSecretRequest {
        parent: "projects/demo".to_owned(),
        secret_id: secret.to_owned(),
        secret: Some(v1::Secret { visibility: Visibility::Masked.into(), ..Default::default() }),
        payload,
        ..Default::default()
    }
}

fn set(door: Door, secret: &str, payload: Option<v1::SecretPayload>) -> v1::SetSecretValueRequest {
    let name = format!("projects/demo/secrets/{secret}");
    v1::SetSecretValueRequest { name, slot: door.slot(), payload, ..Default::default() }
}

/// Beside one that is right, so that it shows whether all or none is written.
fn batch(secret: &str, payload: Option<v1::SecretPayload>) -> v1::BatchSetOverridesRequest {
    let entry = |secret: &str, payload| v1::OverrideValue { secret: secret.to_owned(), payload };
    v1::BatchSetOverridesRequest {
        parent: "projects/demo/environments/main".to_owned(),
        stage: Stage::Live.into(),
        overrides: vec![entry("BESIDE", text("beside")), entry(secret, payload)],
        ..Default::default()
    }
}

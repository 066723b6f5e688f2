//! Who writes, and keeps a ledger: one writer for each kind of write, each on something of its
//! own, so that what there has to be is known to the number.

use super::Callers;
use crate::support::client::{shown, values};
use crate::support::{default_slot, override_slot, text};
use tonic::Status;
use tonic_types::StatusExt as _;
use uuid::Uuid;
use waxseal_proto::v1::{self, Stage, Visibility};

const BATCH: [&str; 5] = ["BATCH_1", "BATCH_2", "BATCH_3", "BATCH_4", "BATCH_5"];
const CHURN: &str = "projects/demo/environments/churn";

/// What a writer writes. The n-th write gives the number n to a slot, or takes something away
/// where n is even.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Default,
    Override,
    /// Five overrides at once.
    Batch,
    /// Sets and clears.
    Cleared,
    /// Makes and deletes an environment.
    Environment,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Default, Self::Override, Self::Batch, Self::Cleared, Self::Environment];
}

/// A writer and its ledger.
#[derive(Clone, Copy)]
pub struct Writer {
    pub kind: Kind,
    /// Writes that are known to have been made.
    pub applied: i64,
    /// The one after them, sent, and not answered.
    pending: Option<Uuid>,
    /// Writes that were not answered so far, and those of them that had been made.
    pub unknown: usize,
    pub found: usize,
}

/// What the writers write to.
pub async fn make(callers: &Callers) {
    callers.admin.create_project("demo").await.unwrap();
    callers.admin.create_environment("demo", "staging").await.unwrap();
    for secret in ["DEFAULT", "OVERRIDE", "CLEARED"].into_iter().chain(BATCH) {
        callers.builder.create_secret("demo", secret, Visibility::Masked, None).await.unwrap();
    }
}

impl Writer {
    pub fn new(kind: Kind) -> Self {
        Self { kind, applied: 0, pending: None, unknown: 0, found: 0 }
    }

    /// Writes, one after another, until a write is not answered.
    pub async fn write_until_cut_off(mut self, callers: Callers) -> Self {
        loop {
            let id = Uuid::new_v4();
            self.pending = Some(id);
            match self.kind.write(&callers, self.applied + 1, id).await {
                Ok(()) => self.applied += 1,
                Err(status) => {
                    let refused = status.get_error_details().error_info().is_some();
                    assert!(!refused, "{:?}: {status:?}", self.kind);
                    return self;
                }
            }
        }
    }

    /// Compares the store with the ledger, and makes the pending write, whatever became of it.
    pub async fn settle(&mut self, callers: &Callers) {
        let Self { kind, applied, .. } = *self;
        let id = self.pending.take().unwrap();
        self.unknown += 1;
        if kind.stands_at(callers, applied + 1).await {
            self.found += 1;
        } else {
            assert!(kind.stands_at(callers, applied).await, "{kind:?} after {applied} writes");
        }
        for _ in 0..2 {
            kind.write(callers, applied + 1, id).await.unwrap();
            assert!(kind.stands_at(callers, applied + 1).await, "{kind:?}: {applied} and one");
        }
        self.applied += 1;
    }
}

impl Kind {
    /// The n-th write. It is refused, or makes the n-th version.
    async fn write(self, callers: &Callers, n: i64, id: Uuid) -> Result<(), Status> {
        let (builder, request_id) = (&callers.builder, id.to_string());
        let set = |secret: &str, slot| v1::SetSecretValueRequest {
            name: format!("projects/demo/secrets/{secret}"),
            slot,
            payload: text(&n.to_string()),
            request_id: request_id.clone(),
            ..Default::default()
        };
        let mut secrets = builder.secrets.clone();
        match self {
            Self::Default => {
                let set = secrets.set_secret_value(set("DEFAULT", default_slot())).await?;
                assert_eq!(set.into_inner().version, n);
            }
            Self::Override => {
                let live = override_slot("staging", Stage::Live);
                let set = secrets.set_secret_value(set("OVERRIDE", live)).await?;
                assert_eq!(set.into_inner().version, n);
            }
            Self::Cleared if n % 2 == 1 => {
                let set = secrets.set_secret_value(set("CLEARED", default_slot())).await?;
                assert_eq!(set.into_inner().version, n);
            }
            Self::Cleared => {
                let request = v1::ClearSecretValueRequest {
                    name: "projects/demo/secrets/CLEARED".to_owned(),
                    slot: default_slot(),
                    request_id,
                    ..Default::default()
                };
                let cleared = secrets.clear_secret_value(request).await?;
                assert_eq!(cleared.into_inner().version, n);
            }
            Self::Batch => {
                let value = |secret: &str| v1::OverrideValue {
                    secret: secret.to_owned(),
                    payload: text(&n.to_string()),
                };
                let request = v1::BatchSetOverridesRequest {
                    parent: "projects/demo/environments/main".to_owned(),
                    stage: Stage::Draft.into(),
                    overrides: BATCH.map(value).to_vec(),
                    request_id,
                };
                let set = secrets.batch_set_overrides(request).await?.into_inner();
                assert_eq!(set.overrides.len(), BATCH.len());
                assert!(set.overrides.iter().all(|set| set.version == n));
            }
            Self::Environment => {
                let mut environments = callers.admin.environments.clone();
                if n % 2 == 1 {
                    let request = v1::CreateEnvironmentRequest {
                        parent: "projects/demo".to_owned(),
                        environment_id: "churn".to_owned(),
                        environment: Some(v1::Environment::default()),
                        request_id,
                    };
                    environments.create_environment(request).await?;
                } else {
                    let name = CHURN.to_owned();
                    let request =
                        v1::DeleteEnvironmentRequest { name, request_id, ..Default::default() };
                    environments.delete_environment(request).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether exactly `n` writes have been made, and whole; asked of the views, whose manifest
    /// is checked with every change.
    async fn stands_at(self, callers: &Callers, n: i64) -> bool {
        let (runtime, number) = (&callers.runtime, n.to_string());
        let set = |view: &v1::ResolveEnvironmentResponse, secret: &str| {
            let found = view.secrets.iter().find(|entry| entry.secret == secret);
            match found {
                Some(entry) => entry.version == n && shown(entry.payload.as_ref()) == number,
                None => n == 0,
            }
        };
        match self {
            Self::Default => {
                let view = runtime.resolve("demo", "staging", Stage::Draft).await.unwrap();
                let listed = callers.builder.get_secret("demo", "DEFAULT").await.unwrap();
                set(&view, "DEFAULT") && listed.default_version == n
            }
            Self::Override => {
                let view = runtime.resolve("demo", "staging", Stage::Live).await.unwrap();
                set(&view, "OVERRIDE")
            }
            Self::Batch => {
                let view = runtime.resolve("demo", "main", Stage::Draft).await.unwrap();
                let batch: Vec<_> = values(&view.secrets)
                    .into_iter()
                    .filter(|(secret, ..)| BATCH.contains(secret))
                    .map(|(_, value, _, version)| (value.to_owned(), version))
                    .collect();
                assert!(batch.windows(2).all(|pair| pair[0] == pair[1]), "half a batch: {batch:?}");
                assert!(batch.is_empty() || batch.len() == BATCH.len(), "half a batch: {batch:?}");
                BATCH.iter().all(|secret| set(&view, secret))
            }
            Self::Cleared => {
                let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
                let listed = callers.builder.get_secret("demo", "CLEARED").await.unwrap();
                let resolves = view.secrets.iter().any(|entry| entry.secret == "CLEARED");
                assert_eq!(resolves, listed.has_value);
                listed.default_version == n && resolves == (n % 2 == 1)
            }
            Self::Environment => {
                let request = v1::GetEnvironmentRequest { name: CHURN.to_owned() };
                let found = callers.admin.environments.clone().get_environment(request).await;
                found.is_ok() == (n % 2 == 1)
            }
        }
    }
}

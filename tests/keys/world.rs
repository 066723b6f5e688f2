//! A store with every kind of data key, and what has to be readable in it whatever happens.

use crate::support::{Client, Server, Setup, default_slot, override_slot};
use tonic::Status;
use waxseal_domain::caller::Role;
use waxseal_domain::time::Clock as _;
use waxseal_engine::SystemClock;
use waxseal_kms::{KeyProvider as _, Local};
use waxseal_proto::v1::{self, Stage, Visibility};

/// Data keys of [`small`]: the service key, two of the project, and four versions of values.
pub const SMALL: i64 = 8;

/// The project `demo` with a masked and a restricted secret, an override, and an old version.
pub async fn small() -> Server {
    let server = Server::demo_on_sqlite().await;
    let admin = server.admin().await;
    admin.create_secret("demo", "KEY", Visibility::Masked, Some("first")).await.unwrap();
    admin.set("demo", "KEY", default_slot(), "second").await.unwrap();
    admin.set("demo", "KEY", override_slot("staging", Stage::Live), "override").await.unwrap();
    admin.create_secret("demo", "SIGNING", Visibility::Restricted, Some("signing")).await.unwrap();
    server
}

/// Everything that is in [`small`] reads, and something can be written.
pub async fn reads(server: &Server) {
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    for (environment, key) in [("main", "second"), ("staging", "override")] {
        let view = runtime.resolve("demo", environment, Stage::Live).await.unwrap();
        let values: Vec<_> = view.secrets.iter().map(|secret| value(&secret.payload)).collect();
        assert_eq!(values[..2], [key, "signing"], "{environment}");
    }
    let old = builder.reveal_version("demo", "KEY", default_slot(), 1).await.unwrap();
    assert_eq!(value(&old.payload), "first");
    assert!(builder.verify("demo", "SIGNING", default_slot(), "signing").await.unwrap());
    builder.set("demo", "KEY", override_slot("main", Stage::Draft), "draft").await.unwrap();
}

fn value(payload: &Option<v1::SecretPayload>) -> &str {
    match payload.as_ref().and_then(|payload| payload.payload.as_ref()) {
        Some(v1::secret_payload::Payload::Text(text)) => text,
        _ => panic!("no text"),
    }
}

/// Adds a wrapping key to the key file of a server that is stopped; gives the old one.
pub fn rotate(setup: &Setup) -> String {
    let keys = Local::load(&setup.data_dir().join("keys.json")).unwrap();
    let old = keys.active_key_id();
    let new = keys.rotate(SystemClock.now()).unwrap();
    assert_ne!(old, new);
    old
}

/// The active wrapping key of a server that is stopped.
pub fn active(setup: &Setup) -> String {
    Local::load(&setup.data_dir().join("keys.json")).unwrap().active_key_id()
}

/// Takes a wrapping key out of use.
pub fn disable(setup: &Setup, key_id: &str) {
    Local::load(&setup.data_dir().join("keys.json")).unwrap().disable(key_id).unwrap();
}

pub async fn keyholder(server: &Server) -> Client {
    server.client(Role::Keyholder, false, "deployment").await
}

pub async fn status(server: &Server) -> v1::GetKeyStatusResponse {
    let keyholder = keyholder(server).await;
    keyholder.keys.clone().get_key_status(v1::GetKeyStatusRequest {}).await.unwrap().into_inner()
}

/// All that a rewrap tells.
pub async fn rewrap(keyholder: &Client) -> Result<Vec<v1::RewrapDataKeysResponse>, Status> {
    let request = v1::RewrapDataKeysRequest {};
    let mut stream = keyholder.keys.clone().rewrap_data_keys(request).await?.into_inner();
    let mut told = Vec::new();
    while let Some(progress) = stream.message().await? {
        told.push(progress);
    }
    Ok(told)
}

/// A rewrap that comes to its end; the last that it tells.
pub async fn rewrapped(server: &Server) -> v1::RewrapDataKeysResponse {
    let told = rewrap(&keyholder(server).await).await.unwrap();
    let last = told.last().unwrap().clone();
    assert!(last.finished, "{told:?}");
    last
}

/// What the audit trail of a stopped or running server says of rewrapping: who, and what.
pub fn trail(setup: &Setup) -> Vec<(String, String)> {
    let database = setup.database();
    let mut rows = database
        .prepare("SELECT principal, action FROM audit WHERE action LIKE '%Rewrap%' ORDER BY seq")
        .unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

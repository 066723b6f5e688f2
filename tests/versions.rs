//! Every write makes a version, older ones are kept for rollback, and numbers are never given
//! twice.

mod destroy;
mod list;
mod numbers;
mod rollback;
mod tampered;

use crate::support::client::{shown, values};
use crate::support::{Client, Server, default_slot, override_slot};
use waxseal_proto::v1::{self, Origin, Stage, Visibility};

/// The default, and the override that `main`'s live stage resolves before it.
fn slots() -> [Option<v1::Slot>; 2] {
    [default_slot(), override_slot("main", Stage::Live)]
}

const BOTH: [(&str, Visibility); 2] =
    [("OPEN", Visibility::Masked), ("TIGHT", Visibility::Restricted)];

fn value(slot: &Option<v1::Slot>, version: i64) -> String {
    let slot = if *slot == default_slot() { "default" } else { "override" };
    format!("the {slot}, version {version}")
}

/// A masked and a restricted secret, with this many versions in each of the two slots.
async fn filled(count: i64) -> (Server, Client, Client) {
    filled_on(Server::with_demo().await, count).await
}

/// [`filled`] on this server.
async fn filled_on(server: Server, count: i64) -> (Server, Client, Client) {
    let (admin, builder) = (server.admin().await, server.builder().await);
    fill(&builder, count).await;
    (server, admin, builder)
}

async fn fill(builder: &Client, count: i64) {
    for (name, visibility) in BOTH {
        builder.create_secret("demo", name, visibility, None).await.unwrap();
        for slot in slots() {
            for version in 1..=count {
                let value = value(&slot, version);
                let written = builder.set("demo", name, slot.clone(), &value).await.unwrap();
                assert_eq!(written.version, version);
            }
        }
    }
}

/// What a view says of a secret: value, origin and version, or nothing where it is unset.
async fn resolved(
    runtime: &Client,
    environment: &str,
    secret: &str,
) -> Option<(String, Origin, i64)> {
    let view = runtime.resolve("demo", environment, Stage::Live).await.unwrap();
    let mut entries = values(&view.secrets).into_iter();
    let (_, value, origin, version) = entries.find(|entry| entry.0 == secret)?;
    Some((value.to_owned(), origin, version))
}

/// The numbers of the versions that a slot keeps.
async fn kept(client: &Client, secret: &str, slot: &Option<v1::Slot>) -> Vec<i64> {
    let listed = client.versions("demo", secret, slot.clone()).await.unwrap();
    listed.versions.into_iter().map(|version| version.version).collect()
}

/// The number of the version that a slot has as its current one.
async fn current(client: &Client, secret: &str, slot: &Option<v1::Slot>) -> i64 {
    let listed = client.versions("demo", secret, slot.clone()).await.unwrap();
    let mut current = listed.versions.into_iter().filter(|version| version.current);
    let one = current.next().expect("one is current").version;
    assert_eq!(current.next(), None, "two are current");
    one
}

async fn reveals(builder: &Client, slot: &Option<v1::Slot>, version: i64) -> String {
    let answer = builder.reveal_version("demo", "OPEN", slot.clone(), version).await.unwrap();
    shown(answer.payload.as_ref()).to_owned()
}

//! Someone who can write to the database exchanges, moves and restores old versions. Each number
//! gives the value that was written under it, or `DATA_LOSS`; never another value.

use super::{resolved, slots, value};
use crate::support::client::shown;
use crate::support::refusal::read;
use crate::support::{Client, Server, Setup, default_slot};
use tonic::Status;
use waxseal_proto::v1::{self, Visibility};

/// The default of `OPEN`; `{d}` in a statement. `{o}` is its override.
const DEFAULT: &str = "secret = (SELECT uid FROM secret WHERE name = 'OPEN') AND stage = 0";
const OVERRIDE: &str = "secret = (SELECT uid FROM secret WHERE name = 'OPEN') AND stage = 2";

const CONTENT: &str = "uid, created, kind, wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, \
                       sealed_digest, fingerprint, destroyed";

/// Four versions in both slots, of which the second was destroyed after a backup; the fourth is
/// the current one.
async fn world() -> Setup {
    let server = Server::demo_on_sqlite().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    builder.create_secret("demo", "OPEN", Visibility::Masked, None).await.unwrap();
    for slot in slots() {
        for version in 1..=4 {
            let value = value(&slot, version);
            builder.set("demo", "OPEN", slot.clone(), &value).await.unwrap();
        }
    }
    let old = server.setup.data_dir().join("old.db");
    server.setup.database().execute("VACUUM INTO ?1", [old.to_str().unwrap()]).unwrap();
    for slot in slots() {
        admin.destroy("demo", "OPEN", slot, 2).await.unwrap();
    }
    drop((admin, builder));
    server.stop().await
}

async fn tampered(world: &Setup, sql: &str) -> Server {
    let copy = world.copied();
    let database = copy.database();
    let old = copy.data_dir().join("old.db");
    database.pragma_update(None, "foreign_keys", false).unwrap();
    database.execute("ATTACH ?1 AS old", [old.to_str().unwrap()]).unwrap();
    let sql = sql.replace("{d}", DEFAULT).replace("{o}", OVERRIDE).replace("{content}", CONTENT);
    database.execute_batch(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    assert!(database.total_changes() > 0, "nothing is tampered with: {sql}");
    drop(database);
    copy.start().await
}

fn reason(status: &Status) -> String {
    read(status).reason
}

/// What a number gives through a reveal, and through a rollback, a resolve and a verification.
async fn both_ways(
    builder: &Client,
    runtime: &Client,
    version: i64,
) -> [Result<String, String>; 2] {
    let revealed = builder.reveal_version("demo", "OPEN", default_slot(), version).await;
    let revealed = revealed.map(|answer| shown(answer.payload.as_ref()).to_owned());
    let rolled = match builder.roll_back("demo", "OPEN", default_slot(), version).await {
        Err(status) => Err(status),
        Ok(_) => match runtime.resolve("demo", "staging", v1::Stage::Live).await {
            Err(status) => Err(status),
            Ok(_) => {
                let (shown, _, _) = resolved(runtime, "staging", "OPEN").await.unwrap();
                match builder.verify("demo", "OPEN", default_slot(), &shown).await {
                    Ok(matches) => {
                        assert!(matches, "{shown} resolves and does not verify");
                        Ok(shown)
                    }
                    Err(status) => Err(status),
                }
            }
        },
    };
    [revealed, rolled].map(|way| way.map_err(|status| reason(&status)))
}

/// Tampers, and asks for every version: those of `lost` are refused, and all others give what was
/// written under their numbers.
async fn case(world: &Setup, name: &str, sql: &str, lost: &[i64]) {
    for version in 1..=4 {
        let server = tampered(world, sql).await;
        let (builder, runtime) = (server.builder().await, server.runtime().await);
        for way in both_ways(&builder, &runtime, version).await {
            let right = match version {
                _ if lost.contains(&version) => Err("DATA_LOSS".to_owned()),
                2 => Err("VERSION_DESTROYED".to_owned()),
                _ => Ok(value(&default_slot(), version)),
            };
            assert_eq!(way, right, "{name}: version {version}");
        }
    }
}

#[tokio::test]
async fn two_old_versions_cannot_be_exchanged() {
    let world = world().await;
    let exchange = |columns: &str| {
        format!(
            "CREATE TEMP TABLE one AS SELECT {columns} FROM value WHERE {{d}} AND version = 1;
             CREATE TEMP TABLE three AS SELECT {columns} FROM value WHERE {{d}} AND version = 3;
             UPDATE value SET ({columns}) = (SELECT * FROM three) WHERE {{d}} AND version = 1;
             UPDATE value SET ({columns}) = (SELECT * FROM one) WHERE {{d}} AND version = 3"
        )
    };
    case(&world, "content", &exchange("{content}"), &[1, 3]).await;
    case(&world, "content and MAC", &exchange("{content}, mac"), &[1, 3]).await;
    case(&world, "MACs", &exchange("mac"), &[1, 3]).await;
    case(
        &world,
        "numbers",
        "UPDATE value SET version = 99 WHERE {d} AND version = 1;
         UPDATE value SET version = 1 WHERE {d} AND version = 3;
         UPDATE value SET version = 3 WHERE {d} AND version = 99",
        &[1, 3],
    )
    .await;
}

#[tokio::test]
async fn a_version_gets_no_other_number_or_place() {
    let world = world().await;
    case(
        &world,
        "another number",
        "DELETE FROM value WHERE {d} AND version = 1;
         UPDATE value SET version = 1 WHERE {d} AND version = 3;
         INSERT INTO value SELECT * FROM old.value WHERE {d} AND version = 3",
        &[1],
    )
    .await;
    case(
        &world,
        "another slot",
        "UPDATE value SET ({content}, mac) =
             (SELECT {content}, mac FROM old.value WHERE {o} AND version = 3)
         WHERE {d} AND version = 3",
        &[3],
    )
    .await;
    case(
        &world,
        "the current version's number",
        "UPDATE value SET version = 99 WHERE {d} AND version = 4;
         UPDATE value SET version = 4 WHERE {d} AND version = 3;
         UPDATE value SET version = 3 WHERE {d} AND version = 99",
        &[1, 2, 3, 4],
    )
    .await;
    case(&world, "the pointer", "UPDATE slot SET current = 1 WHERE {d}", &[1, 2, 3, 4]).await;
    case(
        &world,
        "the pointer at a destroyed one",
        "UPDATE slot SET current = 2 WHERE {d}",
        &[1, 2, 3, 4],
    )
    .await;
}

#[tokio::test]
async fn a_destroyed_version_cannot_be_restored() {
    let world = world().await;
    case(
        &world,
        "the record alone",
        "UPDATE value SET ({content}) = (SELECT {content} FROM old.value WHERE {d} AND version = 2)
         WHERE {d} AND version = 2",
        &[2],
    )
    .await;
    case(&world, "the mark", "UPDATE value SET destroyed = 0 WHERE {d} AND version = 2", &[2])
        .await;
}

#[tokio::test]
async fn a_destroyed_version_does_not_come_back_out_of_a_backup() {
    case(
        &world().await,
        "the whole row",
        "DELETE FROM value WHERE {d} AND version = 2;
         INSERT INTO value SELECT * FROM old.value WHERE {d} AND version = 2",
        &[2],
    )
    .await;
}

#[tokio::test]
async fn an_old_version_is_neither_marked_nor_emptied_by_hand() {
    let world = world().await;
    case(&world, "marked", "UPDATE value SET destroyed = 1 WHERE {d} AND version = 3", &[3]).await;
    case(
        &world,
        "emptied",
        "UPDATE value SET kind = NULL, wrapped_key_kind = NULL, wrapped_key_id = NULL,
             wrapped_key = NULL, sealed = NULL, sealed_digest = NULL, fingerprint = NULL
         WHERE {d} AND version = 3",
        &[3],
    )
    .await;
    case(
        &world,
        "another fingerprint",
        "UPDATE value SET fingerprint =
             (SELECT fingerprint FROM old.value WHERE {d} AND version = 1)
         WHERE {d} AND version = 3",
        &[3],
    )
    .await;
}

#[tokio::test]
async fn the_fingerprint_of_the_current_version_is_vouched_for() {
    let world = world().await;
    let sql = "UPDATE value SET fingerprint =
                   (SELECT fingerprint FROM value WHERE {d} AND version = 1)
               WHERE {d} AND version = 4";
    let server = tampered(&world, sql).await;
    let builder = server.builder().await;
    for version in [1, 4] {
        let candidate = value(&default_slot(), version);
        let answer = builder.verify("demo", "OPEN", default_slot(), &candidate).await;
        assert_eq!(reason(&answer.unwrap_err()), "DATA_LOSS", "{candidate}");
    }
}

#[tokio::test]
async fn a_version_from_before_the_ratchet_does_not_come_back_out_of_a_backup() {
    let server = world().await.start().await;
    server.builder().await.restrict("demo", "OPEN").await.unwrap();
    let world = server.stop().await;
    let server = tampered(
        &world,
        "DELETE FROM value WHERE {d} AND version = 1;
         INSERT INTO value SELECT * FROM old.value WHERE {d} AND version = 1",
    )
    .await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let back = builder.roll_back("demo", "OPEN", default_slot(), 1).await.unwrap_err();
    assert_eq!(reason(&back), "DATA_LOSS");
    builder.roll_back("demo", "OPEN", default_slot(), 3).await.unwrap();
    let (shown, _, _) = resolved(&runtime, "staging", "OPEN").await.unwrap();
    assert_eq!(shown, value(&default_slot(), 3));
}

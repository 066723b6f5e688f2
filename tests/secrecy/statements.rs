//! Statements that fail while they carry what a value has become: each in a way that makes
//! PostgreSQL say much about it.

use crate::canary::battery::Battery;
use crate::canary::{PLAIN, TEXT};
use crate::kms::world::World;
use crate::support::{default_slot, override_slot};
use std::time::Duration;
use waxseal_proto::v1::{Stage, Visibility};

const SECRET: &str = "(SELECT uid FROM secret WHERE name = 'WRITTEN')";

/// Each with what begins it and what ends it.
const WAYS: [(&str, &str, &str); 5] = [
    (
        "a constraint",
        "ALTER TABLE value ADD CONSTRAINT never CHECK (version < 0) NOT VALID",
        "ALTER TABLE value DROP CONSTRAINT never",
    ),
    (
        "a trigger",
        "CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'raised by a trigger: %', NEW::text; END $$;
         CREATE TRIGGER raise BEFORE INSERT OR UPDATE ON value
             FOR EACH ROW EXECUTE FUNCTION raise()",
        "DROP TRIGGER raise ON value; DROP FUNCTION raise",
    ),
    (
        "a row that is there already",
        "INSERT INTO value SELECT secret, environment, stage, version + 1, uid, created, kind,
             wrapped_key_kind, wrapped_key_id, wrapped_key, sealed, sealed_digest, fingerprint,
             destroyed, mac
         FROM value WHERE secret = {} AND stage = 0 ORDER BY version DESC LIMIT 1",
        "DELETE FROM value WHERE secret = {} AND stage = 0
             AND version > (SELECT highest FROM slot WHERE secret = {} AND stage = 0)",
    ),
    (
        "a column that is gone",
        "ALTER TABLE value RENAME COLUMN sealed TO sealed_",
        "ALTER TABLE value RENAME COLUMN sealed_ TO sealed",
    ),
    (
        "a row that does not read",
        "UPDATE slot SET history = history || '\\x00'::bytea, current = -current WHERE secret = {}",
        "UPDATE slot SET history = substr(history, 1, length(history) - 1), current = -current
         WHERE secret = {}",
    ),
];

pub async fn fail(world: &World, battery: &mut Battery) {
    let builder = battery.builder.clone();
    builder.create_secret("demo", "WRITTEN", Visibility::Masked, Some(TEXT)).await.unwrap();
    let live = override_slot("main", Stage::Live);
    builder.set("demo", "WRITTEN", live, PLAIN).await.unwrap();
    let database = world.postgres_database();
    for (name, begin, end) in WAYS {
        database.sql(&begin.replace("{}", SECRET)).await;
        for value in [TEXT, PLAIN] {
            let set = builder.set("demo", "WRITTEN", default_slot(), value).await;
            battery.expect_refusal(name, set);
        }
        // Some of them hinder no reader.
        if let Err(status) = builder.reveal("demo", "WRITTEN", default_slot()).await {
            battery.refusals.push((name.to_owned(), status));
        }
        database.sql(&end.replace("{}", SECRET)).await;
    }
    let lock = database.connect().await;
    lock.batch_execute("BEGIN; SELECT 1 FROM project FOR UPDATE").await.unwrap();
    let set = builder.set("demo", "WRITTEN", default_slot(), TEXT).await;
    battery.expect_refusal("a lock", set);
    lock.batch_execute("ROLLBACK").await.unwrap();
    // All of it is over: connections that failed are replaced.
    let begin = std::time::Instant::now();
    while builder.set("demo", "WRITTEN", default_slot(), TEXT).await.is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it is well again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

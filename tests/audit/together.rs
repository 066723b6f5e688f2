//! A change and its record are there together or not at all.

use super::world::World;
use crate::support::default_slot;

async fn neither(world: &World, fail: &str, heal: &str) {
    world.sql(fail).await;
    let before = (
        world.count("SetSecretValue", "ok").await,
        world.builder.versions("demo", "KEY", default_slot()).await.unwrap().versions.len(),
    );
    world.builder.set("demo", "KEY", default_slot(), "lost").await.unwrap_err();
    world.sql(heal).await;
    let after = (
        world.count("SetSecretValue", "ok").await,
        world.builder.versions("demo", "KEY", default_slot()).await.unwrap().versions.len(),
    );
    assert_eq!(before, after, "{fail}");
    world.builder.set("demo", "KEY", default_slot(), "kept").await.unwrap();
    assert_eq!(world.count("SetSecretValue", "ok").await, before.0 + 1);
    let versions = world.builder.versions("demo", "KEY", default_slot()).await.unwrap();
    assert_eq!(versions.versions.len(), before.1 + 1);
    world.until_signed().await;
}

/// Whichever of the two cannot be written, the other is not.
#[tokio::test(flavor = "multi_thread")]
async fn neither_without_the_other_in_sqlite() {
    let world = World::sqlite().await;
    for table in ["audit", "audit_chain", "value"] {
        let event = if table == "audit_chain" { "UPDATE" } else { "INSERT" };
        let when = if table == "audit_chain" { "WHEN NEW.chain LIKE 'project:%'" } else { "" };
        let fail = format!(
            "CREATE TRIGGER fail BEFORE {event} ON {table} {when}
             BEGIN SELECT RAISE(ABORT, 'no'); END"
        );
        neither(&world, &fail, "DROP TRIGGER fail").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_without_the_other_in_postgres() {
    let world = World::postgres().await;
    for table in ["audit", "audit_chain", "value"] {
        let event = if table == "audit_chain" { "UPDATE" } else { "INSERT" };
        let when = if table == "audit_chain" { "WHEN (NEW.chain LIKE 'project:%')" } else { "" };
        let fail = format!(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'no'; END $$;
             CREATE TRIGGER fail BEFORE {event} ON {table} FOR EACH ROW {when}
                 EXECUTE FUNCTION fail()"
        );
        neither(&world, &fail, "DROP FUNCTION fail CASCADE").await;
    }
}

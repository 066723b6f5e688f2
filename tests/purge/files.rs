//! After a purge no file of the data directory holds anything that the values of the secret could
//! be known by again: no record, no data key, no digest, no fingerprint.

use super::{DAY, count, demo, fill, of, whole};
use crate::support::traces::Traces;
use crate::support::{Client, default_slot, override_slot};
use waxseal_proto::v1::{Stage, Visibility};

#[tokio::test]
async fn nothing_of_a_purged_secret_is_left() {
    let (server, admin, builder, runtime) = demo(&["KEY", "OTHER", "RESTRICTED"]).await;
    let database = server.setup.database();
    // A value over many pages, and one that fits hardly any.
    builder.set("demo", "KEY", default_slot(), &"long ".repeat(13_000)).await.unwrap();
    builder.set("demo", "KEY", override_slot("staging", Stage::Live), "s").await.unwrap();
    for name in ["KEY", "RESTRICTED"] {
        let traces = Traces::of(&database, &of(name));
        assert!(traces.present(&server.setup) > 100, "they are found while they are there");
        builder.delete_secret("demo", name).await.unwrap();
        assert!(traces.present(&server.setup) > 100, "a deletion is soft");
        admin.purge("demo", name).await.unwrap();
        assert_eq!(traces.left(&server.setup), 0, "{name}");
    }
    whole(&builder, &runtime, "demo", "OTHER").await;
}

#[tokio::test]
async fn neither_is_anything_that_it_had_before() {
    let (server, admin, builder, runtime) = demo(&["KEY", "OTHER"]).await;
    let database = server.setup.database();
    let mut traces = Traces::of(&database, &of("KEY"));
    // Masked records before the ratchet, pruned and destroyed versions, and the overrides of an
    // environment that was deleted.
    builder.set("demo", "KEY", override_slot("staging", Stage::Live), "there").await.unwrap();
    traces.add(Traces::of(&database, &of("KEY")));
    builder.restrict("demo", "KEY").await.unwrap();
    for version in 0..15 {
        builder.set("demo", "KEY", default_slot(), &format!("more {version}")).await.unwrap();
        traces.add(Traces::of(&database, &of("KEY")));
    }
    admin.destroy("demo", "KEY", default_slot(), 12).await.unwrap();
    admin.delete_environment("demo", "staging", true).await.unwrap();
    builder.delete_secret("demo", "KEY").await.unwrap();
    admin.purge("demo", "KEY").await.unwrap();
    assert_eq!(traces.left(&server.setup), 0);
    whole(&builder, &runtime, "demo", "OTHER").await;
    drop((admin, builder, runtime, database));
    let setup = server.stop().await;
    assert_eq!(traces.left(&setup), 0, "after a stop");
    let server = setup.start().await;
    assert_eq!(traces.left(&server.setup), 0, "after a start");
}

/// Many secrets whose records share pages with those of others, purged in an order that moves
/// what stands from page to page.
#[tokio::test]
async fn nothing_is_left_where_a_record_stood_before_it_was_moved() {
    const SECRETS: usize = 60;
    let (server, admin, builder, _runtime) = demo(&[]).await;
    let name = |number: usize| format!("S_{number}");
    let mut random = 7_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) as usize
    };
    let set = async |builder: &Client, number: usize, slot, length: usize| {
        let value = "v".repeat(1 + length);
        builder.set("demo", &name(number), slot, &value).await.unwrap();
    };
    for number in 0..SECRETS {
        let id = name(number);
        builder.create_secret("demo", &id, Visibility::Masked, Some("first")).await.unwrap();
    }
    for _ in 0..200 {
        let slot = [default_slot(), override_slot("main", Stage::Live)][next() % 2].clone();
        let length = next() % [10, 300, 1_500, 6_000][next() % 4];
        set(&builder, next() % SECRETS, slot, length).await;
    }
    let database = server.setup.database();
    let mut order: Vec<_> = (0..SECRETS).collect();
    order.sort_by_key(|number| number * 37 % SECRETS);
    let mut gone: Option<Traces> = None;
    for (purged, number) in order.into_iter().enumerate() {
        let traces = Traces::of(&database, &of(&name(number)));
        builder.delete_secret("demo", &name(number)).await.unwrap();
        admin.purge("demo", &name(number)).await.unwrap();
        match &mut gone {
            None => gone = Some(traces),
            Some(gone) => gone.add(traces),
        }
        let left = gone.as_ref().unwrap().left(&server.setup);
        assert_eq!(left, 0, "after {} purges", purged + 1);
        // What stands is written to meanwhile.
        if purged % 10 == 3 {
            let left = builder.secret_ids("demo", false).await.unwrap();
            let id = &left[next() % left.len()];
            builder.set("demo", id, default_slot(), &"w".repeat(900)).await.unwrap();
        }
    }
    assert_eq!(count(&server, "value"), 0);
}

#[tokio::test]
async fn nothing_of_a_purged_project_is_left() {
    let (server, admin, builder, runtime) = demo(&["KEY", "RESTRICTED"]).await;
    admin.create_project("other").await.unwrap();
    fill(&builder, "other", &["KEY"]).await;
    builder.rename("demo", "KEY", "NEW").await.unwrap();
    builder.set("demo", "NEW", default_slot(), &"long ".repeat(13_000)).await.unwrap();
    let database = server.setup.database();
    let of_demo = "secret IN (SELECT s.uid FROM secret s JOIN project p ON p.uid = s.project
                              WHERE p.id = 'demo')";
    let traces = Traces::of(&database, of_demo);
    let keys: Vec<Vec<u8>> = ["integrity_key", "fingerprint_key", "manifest"]
        .into_iter()
        .map(|column| {
            let sql = format!("SELECT {column} FROM project WHERE id = 'demo'");
            database.query_row(&sql, [], |row| row.get(0)).unwrap()
        })
        .collect();
    let held = || {
        let files = std::fs::read_dir(server.setup.data_dir()).unwrap();
        let files: Vec<_> =
            files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        keys.iter()
            .map(|key| {
                let tail = &key[key.len() - 16..];
                files.iter().any(|file| file.windows(16).any(|window| window == tail))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(held(), [true; 3], "they are found while they are there");
    admin.delete_project("demo").await.unwrap();
    server.pass(30 * DAY);
    assert_eq!(server.engine.purge_expired().await.unwrap(), 1);
    assert_eq!(traces.left(&server.setup), 0);
    assert_eq!(held(), [false; 3]);
    drop((admin, builder, runtime));
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    whole(&builder, &runtime, "other", "KEY").await;
}

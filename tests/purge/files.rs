//! After a purge no file of the data directory holds anything that the values of the secret could
//! be known by again: no record, no data key, no digest, no fingerprint.

use super::{DAY, demo_on, fill, of, whole};
use crate::support::traces::Traces;
use crate::support::{Server, default_slot, override_slot};
use waxseal_proto::v1::{Stage, Visibility};

#[tokio::test]
async fn nothing_of_a_purged_secret_is_left() {
    let (server, admin, builder, runtime) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "OTHER", "RESTRICTED"]).await;
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
    let (server, admin, builder, runtime) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "OTHER"]).await;
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

/// Secrets come and go, and the records of others move from page to page.
#[tokio::test]
async fn nothing_is_left_where_a_record_stood_before_it_was_moved() {
    const LENGTHS: [usize; 7] = [10, 60, 150, 400, 900, 2_000, 5_000];
    let (server, admin, builder, _runtime) = demo_on(Server::demo_on_sqlite().await, &[]).await;
    let database = server.setup.database();
    let mut random = 7_u32;
    let mut next = |below: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) as usize % below
    };
    let (mut standing, mut gone): (Vec<String>, Option<Traces>) = (Vec::new(), None);
    for step in 0..150 {
        if next(10) < 6 || standing.is_empty() {
            let name = format!("S_{step}");
            builder.create_secret("demo", &name, Visibility::Masked, None).await.unwrap();
            for _ in 0..=next(5) {
                let value = "v".repeat(LENGTHS[next(LENGTHS.len())]);
                builder.set("demo", &name, default_slot(), &value).await.unwrap();
            }
            standing.push(name);
        } else {
            let name = standing.swap_remove(next(standing.len()));
            let traces = Traces::of(&database, &of(&name));
            builder.delete_secret("demo", &name).await.unwrap();
            admin.purge("demo", &name).await.unwrap();
            match &mut gone {
                None => gone = Some(traces),
                Some(gone) => gone.add(traces),
            }
        }
        if let (9, Some(gone)) = (step % 10, &gone) {
            assert_eq!(gone.left(&server.setup), 0, "after {step} steps");
        }
    }
}

#[tokio::test]
async fn nothing_of_a_purged_project_is_left() {
    let (server, admin, builder, runtime) =
        demo_on(Server::demo_on_sqlite().await, &["KEY", "RESTRICTED"]).await;
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
        // Sockets hold nothing.
        let files = files.map(Result::unwrap).filter(|file| file.file_type().unwrap().is_file());
        let files: Vec<_> = files.map(|file| std::fs::read(file.path()).unwrap()).collect();
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

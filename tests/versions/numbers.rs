//! Numbers are given once, and the last few versions are kept.

use super::{BOTH, current, fill, kept, reveals, slots, value};
use crate::support::{Client, Server, Setup, default_slot, refused};
use tonic::Code;
use waxseal_proto::v1::{self, Visibility};

async fn set(client: &Client, slot: &Option<v1::Slot>, expected: i64) {
    let value = value(slot, expected);
    let written = client.set("demo", "OPEN", slot.clone(), &value).await.unwrap();
    assert_eq!(written.version, expected);
}

#[tokio::test]
async fn the_next_number_is_always_the_highest_ever_plus_one() {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    builder.create_secret("demo", "OPEN", Visibility::Masked, None).await.unwrap();
    for slot in slots() {
        for version in 1..=3 {
            set(&builder, &slot, version).await;
        }
        builder.roll_back("demo", "OPEN", slot.clone(), 1).await.unwrap();
        set(&builder, &slot, 4).await;
        // The highest one destroyed while an older one is current.
        builder.roll_back("demo", "OPEN", slot.clone(), 2).await.unwrap();
        admin.destroy("demo", "OPEN", slot.clone(), 4).await.unwrap();
        set(&builder, &slot, 5).await;
        let cleared = builder.clear("demo", "OPEN", slot.clone()).await.unwrap();
        assert_eq!(cleared.version, 6);
        set(&builder, &slot, 7).await;
        builder.delete_secret("demo", "OPEN").await.unwrap();
        builder.undelete_secret("demo", "OPEN").await.unwrap();
        set(&builder, &slot, 8).await;
        builder.rename("demo", "OPEN", "OTHER").await.unwrap();
        builder.rename("demo", "OTHER", "OPEN").await.unwrap();
        set(&builder, &slot, 9).await;
        for version in 10..=25 {
            set(&builder, &slot, version).await;
        }
        builder.roll_back("demo", "OPEN", slot.clone(), 16).await.unwrap();
        for version in (17..=25).rev() {
            admin.destroy("demo", "OPEN", slot.clone(), version).await.unwrap();
        }
        set(&builder, &slot, 26).await;
        let next = builder.clear("demo", "OPEN", slot.clone()).await.unwrap();
        assert_eq!(next.version, 27);
    }
    builder.restrict("demo", "OPEN").await.unwrap();
    let server = server.stop().await.start().await;
    for slot in slots() {
        set(&server.builder().await, &slot, 28).await;
    }
}

#[tokio::test]
async fn a_secret_made_anew_begins_anew_and_has_none_of_the_old_versions() {
    let server = Server::with_demo().await;
    let (admin, builder) = (server.admin().await, server.builder().await);
    fill(&builder, 3).await;
    for (name, visibility) in BOTH {
        builder.delete_secret("demo", name).await.unwrap();
        admin.purge("demo", name).await.unwrap();
        builder.create_secret("demo", name, visibility, None).await.unwrap();
        for slot in slots() {
            assert_eq!(kept(&builder, name, &slot).await, [0; 0]);
            let answer = builder.roll_back("demo", name, slot.clone(), 1).await;
            refused(answer).is(Code::NotFound, "VERSION_NOT_FOUND");
            assert_eq!(builder.set("demo", name, slot, "new").await.unwrap().version, 1);
        }
    }
}

/// Rows of value versions, with or without a record.
fn rows(server: &Server) -> i64 {
    let sql = "SELECT count(*) FROM value";
    server.setup.database().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn ten_versions_of_each_slot_are_kept() {
    let server = Server::demo_on_sqlite().await;
    let builder = server.builder().await;
    fill(&builder, 12).await;
    let ten: Vec<_> = (3..=12).rev().collect();
    for (name, _) in BOTH {
        for slot in slots() {
            assert_eq!(kept(&builder, name, &slot).await, ten);
            for pruned in [1, 2] {
                let answer = builder.roll_back("demo", name, slot.clone(), pruned).await;
                refused(answer).is(Code::NotFound, "VERSION_NOT_FOUND");
            }
            builder.roll_back("demo", name, slot.clone(), 3).await.unwrap();
        }
    }
    for slot in slots() {
        let answer = builder.reveal_version("demo", "OPEN", slot.clone(), 2).await;
        refused(answer).is(Code::NotFound, "VERSION_NOT_FOUND");
        assert_eq!(reveals(&builder, &slot, 3).await, value(&slot, 3));
    }
    assert_eq!(rows(&server), 4 * 10, "the others are gone from the table as well");
}

#[tokio::test]
async fn the_oldest_kept_version_stays_for_as_long_as_it_is_current() {
    let server = Server::with_demo().await;
    let builder = server.builder().await;
    fill(&builder, 10).await;
    for slot in slots() {
        builder.roll_back("demo", "OPEN", slot.clone(), 1).await.unwrap();
        // Writes to other slots and secrets prune nothing here.
        builder.set("demo", "TIGHT", slot.clone(), "more").await.unwrap();
        assert_eq!(kept(&builder, "OPEN", &slot).await.len(), 10);
        assert_eq!(reveals(&builder, &slot, 0).await, value(&slot, 1));
        set(&builder, &slot, 11).await;
        assert_eq!(kept(&builder, "OPEN", &slot).await, (2..=11).rev().collect::<Vec<_>>());
        // A clearing counts as a version.
        builder.clear("demo", "OPEN", slot.clone()).await.unwrap();
        assert_eq!(kept(&builder, "OPEN", &slot).await, (3..=12).rev().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn how_many_are_kept_is_configured() {
    let mut setup = Setup::new();
    setup.config.kept_versions = 3;
    let server = setup.start().await;
    server.make_demo().await;
    let builder = server.builder().await;
    fill(&builder, 5).await;
    for (name, _) in BOTH {
        for slot in slots() {
            assert_eq!(kept(&builder, name, &slot).await, [5, 4, 3]);
            builder.roll_back("demo", name, slot.clone(), 3).await.unwrap();
        }
    }
    drop(builder);

    // Fewer from now on: the next write prunes, and nothing before it; the current one stays.
    let mut setup = server.stop().await;
    setup.config.kept_versions = 1;
    let server = setup.start().await;
    let builder = server.builder().await;
    for slot in slots() {
        assert_eq!(current(&builder, "OPEN", &slot).await, 3);
        assert_eq!(reveals(&builder, &slot, 0).await, value(&slot, 3));
        set(&builder, &slot, 6).await;
        assert_eq!(kept(&builder, "OPEN", &slot).await, [6]);
        set(&builder, &slot, 7).await;
        assert_eq!(kept(&builder, "OPEN", &slot).await, [7]);
    }
    let batch = [("TIGHT", "batch")];
    builder.batch_set("demo", "main", v1::Stage::Live, &batch).await.unwrap();
    assert_eq!(kept(&builder, "TIGHT", &slots()[1]).await, [6]);
    assert_eq!(kept(&builder, "TIGHT", &default_slot()).await, [5, 4, 3]);
}

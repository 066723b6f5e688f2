//! A purge while others read and write.

use super::{DAY, count, demo_on, of, whole};
use crate::support::client::values;
use crate::support::traces::Traces;
use crate::support::{Server, default_slot, override_slot};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tonic::Code;
use waxseal_proto::v1::{Origin, Stage};

#[tokio::test]
async fn agents_resolve_on_while_secrets_are_purged() {
    let names = ["A", "B", "C", "D", "KEY"];
    let (server, admin, builder, runtime) = demo_on(Server::demo_on_sqlite().await, &names).await;
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut agents = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (runtime, over, asked) = (runtime.clone(), over.clone(), asked.clone());
        agents.spawn(async move {
            let mut last = usize::MAX;
            while !over.load(Ordering::SeqCst) {
                for stage in [Stage::Draft, Stage::Live] {
                    let view = runtime.resolve("demo", "main", stage).await.unwrap();
                    let view = values(&view.secrets);
                    assert!(view.contains(&("KEY", "demo KEY 2", Origin::Override, 2)));
                    assert!(view.len() <= last && view.iter().all(|entry| entry.3 == 2));
                    last = view.len();
                }
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    let mut traces = Traces::of(&server.setup.database(), &of("A"));
    for name in &names[1..4] {
        traces.add(Traces::of(&server.setup.database(), &of(name)));
    }
    for name in &names[..4] {
        builder.delete_secret("demo", name).await.unwrap();
        let seen = asked.load(Ordering::SeqCst);
        admin.purge("demo", name).await.unwrap();
        while asked.load(Ordering::SeqCst) < seen + 4 {
            if let Some(ended) = agents.try_join_next() {
                ended.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(traces.left(&server.setup), 0, "while they go on to read");
    over.store(true, Ordering::SeqCst);
    agents.join_all().await;
    whole(&builder, &runtime, "demo", "KEY").await;
}

#[tokio::test]
async fn of_a_purge_and_what_would_bring_it_back_one_wins_whole() {
    for round in 0..12 {
        let (server, admin, builder, runtime) =
            demo_on(Server::demo_on_sqlite().await, &["KEY"]).await;
        builder.delete_secret("demo", "KEY").await.unwrap();
        let (purged, restored) = if round % 2 == 0 {
            tokio::join!(admin.purge("demo", "KEY"), builder.undelete_secret("demo", "KEY"))
        } else {
            let (restored, purged) =
                tokio::join!(builder.undelete_secret("demo", "KEY"), admin.purge("demo", "KEY"));
            (purged, restored)
        };
        match (purged, restored) {
            (Ok(_), Err(status)) => {
                assert_eq!(status.code(), Code::NotFound);
                assert_eq!(count(&server, "value"), 0);
            }
            (Err(status), Ok(_)) => {
                assert_eq!(status.code(), Code::FailedPrecondition);
                whole(&builder, &runtime, "demo", "KEY").await;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn rounds_of_the_background_and_writes_do_not_hinder_each_other() {
    let (server, _, builder, _) = demo_on(Server::demo_on_sqlite().await, &["KEY", "GONE"]).await;
    builder.delete_secret("demo", "GONE").await.unwrap();
    server.pass(30 * DAY);
    let builder = server.builder().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let engine = server.engine.clone();
        tasks.spawn(async move {
            engine.purge_expired().await.unwrap();
        });
        let builder = builder.clone();
        tasks.spawn(async move {
            let live = override_slot("main", Stage::Live);
            for slot in [default_slot(), live] {
                builder.set("demo", "KEY", slot, "more").await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(count(&server, "secret"), 1);
    let purges = "audit WHERE action = 'PurgeSecret' AND secret IS NOT NULL";
    assert_eq!(count(&server, purges), 1, "once");
    let listed = builder.versions("demo", "KEY", default_slot()).await.unwrap();
    assert_eq!(listed.versions[0].version, 6);
}

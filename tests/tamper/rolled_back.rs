//! Rows and heads put back together: all of it authenticates, and only who has seen more can know.

use super::postgres::restore;
use super::world::World;
use crate::kms::world::{eventually, serves};
use crate::support::client::shown;
use crate::support::{override_slot, refused};
use tonic::Code;
use waxseal_proto::v1::Stage;

#[tokio::test]
async fn a_replica_that_knew_more_serves_nothing_of_an_older_state() {
    let world = World::on_postgres().await;
    let database = world.database.as_ref().unwrap();
    let server = world.setup.start().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let live = override_slot("main", Stage::Live);
    builder.set("demo", "ALPHA", live.clone(), "newest").await.unwrap();
    let view = runtime.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(shown(view.secrets[0].payload.as_ref()), "newest");

    // As it was before that change; another project, which did not change, is as it is.
    restore(database, "was").await;
    eventually("it notices", async || runtime.resolve("demo", "main", Stage::Live).await.is_err())
        .await;
    for _ in 0..10 {
        let resolved = runtime.resolve("demo", "main", Stage::Live).await;
        refused(resolved).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
        let set = builder.set("demo", "ALPHA", live.clone(), "on top of it").await;
        refused(set).is(Code::Unavailable, "STORAGE_UNAVAILABLE");
    }
    eventually("NOT_SERVING", async || !serves(&server).await).await;
    let told = server.engine.check().await.unwrap_err();
    let why = std::error::Error::source(&told).unwrap().to_string();
    assert!(why.contains("older") || why.contains("rolled back"), "{why}");
    server.stop().await;

    // One that knew nothing of it has no reason not to believe it.
    let server = world.setup.start().await;
    let view = server.runtime().await.resolve("demo", "main", Stage::Live).await.unwrap();
    assert_eq!(shown(view.secrets[0].payload.as_ref()), "demo/ALPHA@main.live#1");
}

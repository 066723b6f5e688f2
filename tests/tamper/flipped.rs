//! Single bits. The envelope's own tests flip every one; here some go through the whole service.

use super::world::World;
use crate::support::{override_slot, refused};
use rusqlite::params;
use tonic::Code;
use waxseal_proto::v1::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_value_with_one_bit_flipped_is_lost() {
    const STEP: usize = 11;
    let world = World::build().await;
    let server = world.setup.copied().start().await;
    let (builder, runtime) = (server.builder().await, server.runtime().await);
    let database = server.setup.database();
    let row = world.sql("{demo/ALPHA@main.live#1}");
    for column in ["sealed", "wrapped_key", "sealed_digest", "uid"] {
        let read = format!("SELECT {column} FROM value WHERE {row}");
        let write = format!("UPDATE value SET {column} = ?1 WHERE {row}");
        let right: Vec<u8> = database.query_row(&read, [], |row| row.get(0)).unwrap();
        for bit in (0..right.len() * 8).step_by(STEP).chain([right.len() * 8 - 1]) {
            let mut flipped = right.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            database.execute(&write, params![flipped]).unwrap();
            let live = override_slot("main", Stage::Live);
            refused(builder.reveal("demo", "ALPHA", live).await).is(Code::DataLoss, "DATA_LOSS");
            refused(runtime.resolve("demo", "main", Stage::Live).await)
                .is(Code::DataLoss, "DATA_LOSS");
        }
        database.execute(&write, params![right]).unwrap();
    }
    super::check::everything(&server, "flipped back", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_with_one_bit_flipped_is_lost() {
    const STEP: usize = 23;
    let world = World::build().await;
    let server = world.setup.copied().start().await;
    let (admin, runtime) = (server.admin().await, server.runtime().await);
    let database = server.setup.database();
    for (table, column, row) in [
        ("project", "manifest", "uid = {demo}"),
        ("project", "catalogue", "uid = {demo}"),
        ("project", "integrity_key", "uid = {demo}"),
        ("environment", "draft_digest", "uid = {demo:staging}"),
        ("environment", "live_digest", "uid = {demo:denied}"),
    ] {
        let row = world.sql(row);
        let read = format!("SELECT {column} FROM {table} WHERE {row}");
        let write = format!("UPDATE {table} SET {column} = ?1 WHERE {row}");
        let right: Vec<u8> = database.query_row(&read, [], |row| row.get(0)).unwrap();
        for bit in (0..right.len() * 8).step_by(STEP) {
            let mut flipped = right.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            database.execute(&write, params![flipped]).unwrap();
            refused(runtime.resolve("demo", "main", Stage::Live).await)
                .is(Code::DataLoss, "DATA_LOSS");
            refused(admin.create_environment("demo", "fresh").await)
                .is(Code::DataLoss, "DATA_LOSS");
        }
        database.execute(&write, params![right]).unwrap();
    }
    super::check::everything(&server, "flipped back", &[]).await;
}

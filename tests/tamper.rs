//! Someone who can write to the database, and holds no key. Whatever they move, exchange, restore
//! or delete: a view or a reveal gives what it gave before, or `DATA_LOSS`, and nothing that is
//! changed afterwards makes their work good.
//!
//! `world.rs` is what there is to tamper with and what is right, on SQLite and by `postgres.rs` on
//! PostgreSQL; `check.rs` asks for all of it.

mod check;
mod exchanged;
mod flipped;
mod groups;
mod heads;
mod postgres;
mod rolled_back;
mod rows;
mod world;

use check::Damage;
use world::World;

/// One way to tamper: its name, the statements that do it, and what they damage.
struct Case {
    name: &'static str,
    sql: &'static str,
    damage: Vec<Damage>,
}

fn case(name: &'static str, sql: &'static str, damage: impl Into<Vec<Damage>>) -> Case {
    Case { name, sql, damage: damage.into() }
}

/// Tampers with a copy of the world for each case, on each store.
async fn each(cases: Vec<Case>) {
    let on_each = [World::build().await, World::on_postgres().await].map(|world| {
        let cases = &cases;
        async move {
            for Case { name, sql, damage } in cases {
                world.tampered(name, sql, damage, true).await;
            }
        }
    });
    futures::future::join_all(on_each).await;
}

//! Each link loses one connection in twenty, at a byte of chance's choosing. Every call is settled
//! by repeating it once, a change is made once, and a read shows the change before it.

use super::world::World;
use super::{RECOVERY, refused_as};
use crate::support::proxy::{Fault, Proxy};
use std::time::{Duration, Instant};
use tonic::Code;

const CALLS: u64 = 600;
/// Five reads for each change.
const READS: u64 = 5;
const EACH: u64 = 20;

#[tokio::test]
async fn each_call_is_settled_by_one_repetition() {
    let world = World::start().await;
    let spoiled = world.spoiled();
    let clients = Proxy::before(&spoiled.server.address).await;
    // All that an answer takes, and a little more.
    let cut = Fault::CutSome { each: EACH, within: 400 };
    let mut repeated = 0;
    for call in 0..CALLS {
        let ask = world.plain(call % (READS + 1) == 0, clients.addr());
        let bytes = call % 197;
        match call % EACH {
            5 => spoiled.redis.set(Fault::CutAfter(bytes % 29)),
            10 => spoiled.postgres.set(Fault::CutAfter(bytes)),
            _ => {}
        }
        clients.set(cut);
        let first = ask.call(RECOVERY).await;
        clients.set(Fault::Pass);
        spoiled.redis.set(Fault::Pass);
        spoiled.postgres.set(Fault::Pass);
        if first.answer.is_ok() {
            continue;
        }
        repeated += 1;
        println!("call {call}: {}", first.told());
        let begin = Instant::now();
        let mut second = ask.call(RECOVERY).await;
        // The first one goes on without its caller, who is told to ask again.
        while refused_as(&second, Code::Aborted, "REQUEST_IN_PROGRESS") {
            assert!(begin.elapsed() < RECOVERY, "{}", second.told());
            tokio::time::sleep(Duration::from_millis(50)).await;
            second = ask.call(RECOVERY).await;
        }
        assert!(second.answer.is_ok(), "call {call}: {}, then {}", first.told(), second.told());
    }
    println!("{repeated} were repeated");
    // Most connections to clients are cut before the end of their only answer.
    assert!(repeated >= CALLS / EACH / 3, "only {repeated} were repeated");
    world.has_version(1 + CALLS / (READS + 1)).await;
}

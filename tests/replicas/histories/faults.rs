//! What goes wrong while the callers call: now here, now there, and never for long.

use super::super::Numbers;
use super::Run;
use crate::support::proxy::{Fault, Moment};
use crate::support::replicas::Replica;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

pub(super) const NAMES: [&str; 11] = [
    "PostgreSQL is silent",
    "PostgreSQL resets",
    "PostgreSQL refuses",
    "PostgreSQL is slow",
    "PostgreSQL resets after COMMIT",
    "Redis is silent",
    "Redis refuses",
    "Redis is slow",
    "Redis forgets",
    "KMS is slow",
    "KMS resets",
];

/// Until the run is over; then all is well.
pub(super) async fn come_and_go(run: Arc<Run>, mut numbers: Numbers) {
    while !run.over.load(Ordering::SeqCst) {
        let replica = &run.world.replicas[numbers.below(super::REPLICAS)];
        let name = *numbers.pick(&NAMES);
        let lasts = numbers.millis(50..250);
        set(&run, replica, name).await;
        run.tally.count(format!("fault: {name}"));
        sleep(lasts).await;
        replica.heal();
        sleep(numbers.millis(20..200)).await;
    }
}

async fn set(run: &Run, replica: &Replica, name: &str) {
    let slow = |millis| {
        let late = Duration::from_millis(millis);
        Fault::Delay { to_server: late, to_client: late, jitter: late * 4 }
    };
    match name {
        "PostgreSQL is silent" => replica.postgres.set(Fault::BlackHole),
        "PostgreSQL resets" => replica.postgres.set(Fault::Reset),
        "PostgreSQL refuses" => replica.postgres.set(Fault::Refuse),
        "PostgreSQL is slow" => replica.postgres.set(slow(5)),
        "PostgreSQL resets after COMMIT" => {
            replica.postgres.set_when(Moment::After, "COMMIT", Fault::Reset);
        }
        "Redis is silent" => replica.redis.set(Fault::BlackHole),
        "Redis refuses" => replica.redis.set(Fault::Refuse),
        "Redis is slow" => replica.redis.set(slow(4)),
        "Redis forgets" => run.world.redis.flush().await,
        "KMS is slow" => replica.kms.set(slow(30)),
        "KMS resets" => replica.kms.set(Fault::Reset),
        other => panic!("{other}"),
    }
}

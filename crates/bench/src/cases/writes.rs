//! Writes, beside the least that a transaction of the same rows costs on the same disk.

use super::Bench;
use crate::Fault;
use crate::load::{self, Load};
use crate::rounds::Measured;
use crate::seed::Waxseal;
use crate::sqlite::Bare;

const FLOOR: &str = "bare_sqlite_insert_update";
const SECRETS: usize = 10;
const LOADS: [Load; 2] =
    [Load { connections: 1, in_flight: 1 }, Load { connections: 4, in_flight: 16 }];

/// Here calls a second are compared: what a write costs is the disk's time.
pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let name = |load: Load| format!("set_secret_value_sqlite_{}", load.in_flight);
    if !bench.wants_any(&LOADS.map(name)) {
        return Ok(());
    }
    let waxseal = Waxseal::start(&bench.data_dir("writes"), 64 << 20).await?;
    waxseal.typical("written", SECRETS).await?;
    let call = waxseal.write("written", SECRETS)?;
    let mut bare = Bare::open(&bench.data_dir("bare.db"))?;
    let rounds = bench.rounds(200, 1_500);
    let mut floor = Vec::new();
    let mut runs = LOADS.map(|_| Vec::new());
    for _ in 0..rounds.count {
        floor.push(bare.writes(rounds.time)?);
        for (load, runs) in LOADS.into_iter().zip(&mut runs) {
            runs.push(load::closed(&waxseal.running, &call, load, rounds.time).await?);
        }
    }
    let mut measured = Vec::new();
    for (load, runs) in LOADS.into_iter().zip(runs).filter(|(l, _)| bench.options.wants(&name(*l)))
    {
        measured.push(Measured::beside(&name(load), load, &runs, FLOOR, &floor));
    }
    measured.insert(0, Measured::floor(FLOOR, floor));
    bench.report.group("Writes (of bare: by calls/s)", measured);
    Ok(())
}

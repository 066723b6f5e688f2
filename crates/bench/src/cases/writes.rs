//! Writes, beside the least that a transaction of the same rows costs on the same disk.

use super::Bench;
use crate::Fault;
use crate::load::{self, Load};
use crate::rounds::{Measured, Spread};
use crate::seed::Waxseal;
use crate::sqlite::Bare;

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
        let ratio = runs.iter().zip(&floor).map(|(run, floor)| run.calls_per_s / floor).collect();
        let spread = |of: fn(&load::Run) -> f64| Spread::of(runs.iter().map(of).collect());
        measured.push(Measured {
            name: name(load),
            load,
            calls_per_s: spread(|run| run.calls_per_s),
            cpu_us_per_call: spread(|run| run.cpu_us_per_call),
            generator: spread(|run| run.generator).median,
            bare: Some("sqlite_insert_update".to_owned()),
            ratio: Some(Spread::of(ratio)),
            speed_ratio: None,
        });
    }
    let floor = Spread::of(floor);
    bench.report.group("Writes (of bare: by calls/s)", measured);
    bench.report.note(&format!(
        "bare INSERT and UPDATE transactions: {:.0}/s ({:.0}..{:.0})",
        floor.median, floor.min, floor.max
    ));
    Ok(())
}

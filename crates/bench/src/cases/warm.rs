//! Warm calls, beside the same bytes from a server that does nothing else.

use super::{Bench, FULL, bare, floor};
use crate::load::{self, Load};
use crate::rounds::Case;
use crate::seed::{Waxseal, bounded, strong};
use crate::{Fault, h2load};
use std::time::Duration;

const BOUNDED: &str = "resolve_environment_warm_bounded";
const STRONG: &str = "resolve_environment_warm_strong";
const ONE: &str = "resolve_secrets_warm_one";
/// A project of 50 secrets, about 8 KB, and one of a single 64 B value.
const FIFTY: &str = "fifty";
const SINGLE: &str = "single";
/// What bare answers are compared with.
const CHAINED: &str = "bare_50_chained";
const CHAINED_ONE: &str = "bare_one_chained";

const LOADS: [Load; 3] = [
    Load { connections: 1, in_flight: 1 },
    Load { connections: 4, in_flight: 16 },
    Load { connections: 8, in_flight: 64 },
];

/// Whether it is worth starting servers.
fn wanted(bench: &Bench<'_>) -> bool {
    let prefixes = ["bare_50_", "bare_one_", "bare_empty_", BOUNDED, STRONG, ONE];
    let begins = |case: &String| prefixes.iter().any(|prefix| case.starts_with(prefix));
    bench.options.cases.is_empty() || bench.options.cases.iter().any(begins)
}

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    if !wanted(bench) {
        return Ok(());
    }
    let waxseal = Waxseal::start(&bench.data_dir("warm"), 64 << 20).await?;
    waxseal.typical(FIFTY, 50).await?;
    waxseal.project(SINGLE, 1, 1, 64).await?;
    let bare = bare(bench.dir.path(), &waxseal, &[FIFTY, SINGLE]).await?;

    let compared = |name: &str, call, load, to: &str| Case {
        name: name.to_owned(),
        server: &waxseal.running,
        call,
        load,
        bare: Some(to.to_owned()),
    };
    let of_bare = |name: &str, how, answer| floor(&bare, name.to_owned(), how, answer, FULL);
    let mut cases = vec![
        of_bare("bare_empty_prost", "prost", "empty"),
        of_bare("bare_one_prost", "prost", SINGLE),
        of_bare(CHAINED_ONE, "chained", SINGLE),
        of_bare(CHAINED, "chained", FIFTY),
    ];
    for (how, name) in
        [("prost", "bare_50_prost"), ("copied", "bare_50_copied"), ("frames", "bare_50_two_frames")]
    {
        cases.push(Case {
            bare: Some(CHAINED.to_owned()),
            ..floor(&bare, name.to_owned(), how, FIFTY, FULL)
        });
    }
    cases.push(compared(BOUNDED, waxseal.resolve(FIFTY, bounded()), FULL, CHAINED));
    cases.push(compared(STRONG, waxseal.resolve(FIFTY, strong()), FULL, CHAINED));
    cases.push(compared(ONE, waxseal.resolve_one(SINGLE), FULL, CHAINED_ONE));
    let rounds = bench.rounds(250, 2_000);
    bench.measure("Warm calls", cases, rounds).await?;

    let mut cases = Vec::new();
    for load in LOADS {
        let Load { connections, in_flight } = load;
        let at = |name: &str| format!("{name}_{in_flight}_over_{connections}");
        let call = waxseal.resolve(FIFTY, bounded());
        cases.push(floor(&bare, at(CHAINED), "chained", FIFTY, load));
        cases.push(compared(&at(BOUNDED), call, load, &at(CHAINED)));
    }
    let rounds = bench.rounds(120, 1_500);
    bench.measure("In flight, over connections", cases, rounds).await?;
    latency(bench, &waxseal).await?;

    if bench.options.cases.is_empty() {
        let path = format!("/chained/{FIFTY}");
        let seconds = if bench.options.quick { 1 } else { 3 };
        let counted = h2load::calls_per_s(bare.address, &path, bench.dir.path(), seconds)?;
        bench.report.note(&counted.map_or_else(
            || "skipped: h2load is not installed".to_owned(),
            |calls| format!("h2load counts {calls:.0} calls/s of {CHAINED}"),
        ));
    }
    Ok(())
}

/// Latency at constant rates: half of what the closed loop reached, and nearly all of it.
async fn latency(bench: &Bench<'_>, waxseal: &Waxseal) -> Result<(), Fault> {
    const LOAD: Load = Load { connections: 8, in_flight: 64 };
    let name = format!("{BOUNDED}_open");
    if !bench.options.wants(&name) {
        return Ok(());
    }
    bench.report.note("\nOpen loop, over 8 connections\n");
    let time = Duration::from_millis(if bench.options.quick { 500 } else { 5_000 });
    let call = waxseal.resolve(FIFTY, bounded());
    let most = load::closed(&waxseal.running, &call, LOAD, time).await?.calls_per_s;
    for share in [0.25, 0.5, 0.75] {
        let rate = most * share;
        let (run, latency) = load::open(&waxseal.running, &call, LOAD, rate, time).await?;
        bench.report.open(&name, LOAD, rate, run, &latency);
    }
    Ok(())
}

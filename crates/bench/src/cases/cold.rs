//! Calls that find nothing cached: a snapshot of the database, each value opened.

use super::Bench;
use crate::Fault;
use crate::load::Load;
use crate::rounds::Case;
use crate::seed::{Waxseal, bounded};

const SECRETS: [usize; 3] = [1, 50, 300];

pub(super) async fn run(bench: &mut Bench<'_>) -> Result<(), Fault> {
    let name = |count| format!("resolve_environment_cold_sqlite_{count}");
    if !bench.wants_any(&SECRETS.map(name)) {
        return Ok(());
    }
    // Nothing fits into a cache of no bytes.
    let waxseal = Waxseal::start(&bench.data_dir("cold"), 0).await?;
    let mut cases = Vec::new();
    for count in SECRETS {
        let project = format!("of-{count}");
        waxseal.typical(&project, count).await?;
        cases.push(Case {
            name: name(count),
            server: &waxseal.running,
            call: waxseal.resolve(&project, bounded()),
            // Callers of one view share a fill, so that more at a time would not all be cold.
            load: Load { connections: 1, in_flight: 1 },
            bare: None,
        });
    }
    let rounds = bench.rounds(150, 1_500);
    bench.measure("Cold calls, SQLite and the local key file", cases, rounds).await
}

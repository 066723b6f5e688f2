//! The generic check of linearizability by Wing and Gong, with Lowe's memory of configurations:
//! for small histories of writes and strong reads, to hold the direct checker against.

use super::{Counters, History, Kind, Mode, Op, Outcome, replay::shows};
use std::collections::HashSet;

/// Whether some order of the operations, each at one instant between its start and its end,
/// gives every answer. Every subset is tried: a dozen operations at most.
pub(super) fn linearizable(history: &History) -> bool {
    let happened = |op: &&Op| match &op.kind {
        Kind::Write(_, outcome) => *outcome != Outcome::Refused,
        Kind::Read(mode, _) => *mode == Mode::Strong && op.seen().is_some(),
    };
    let ops: Vec<_> = history.ops.iter().filter(happened).collect();
    let initial = &history.initial;
    extend(&ops, 0, initial.revision, &initial.secrets, &mut HashSet::new())
}

fn is_open(op: &Op) -> bool {
    matches!(op.kind, Kind::Write(_, Outcome::Unknown))
}

fn extend(
    ops: &[&Op],
    done: u64,
    revision: u64,
    content: &Counters,
    tried: &mut HashSet<(u64, u64, Counters)>,
) -> bool {
    let left = |number: &usize| done & (1 << number) == 0;
    let owed = (0..ops.len()).filter(left).filter(|number| !is_open(ops[*number]));
    // Whatever comes next began before everything that is left and has an end ended.
    let Some(first_end) = owed.map(|number| ops[number].end).min() else { return true };
    if !tried.insert((done, revision, content.clone())) {
        return false;
    }
    let next = (0..ops.len()).filter(left).filter(|number| ops[*number].start <= first_end);
    next.into_iter().any(|number| {
        let done = done | 1 << number;
        match &ops[number].kind {
            Kind::Write(written, outcome) => {
                let (revision, mut content) = (revision + 1, content.clone());
                content.extend(written.clone());
                let fits = matches!(outcome, Outcome::Acked(taken) if *taken == revision);
                (fits || *outcome == Outcome::Unknown)
                    && extend(ops, done, revision, &content, tried)
            }
            Kind::Read(..) => {
                let seen = ops[number].seen().expect("an answer");
                seen.revision == revision
                    && shows(seen, content)
                    && extend(ops, done, revision, content, tried)
            }
        }
    })
}

//! The rules that compare revisions along the clock.

use super::{Answer, History, Kind, LEASE, Mode, Op, Outcome, Rule, Violation};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// The latest revision that somebody was told of, by when they were told.
pub(super) struct Known<'a> {
    initial: u64,
    /// Ends, with the operation that showed the latest revision until then.
    told: Vec<(u64, u64, &'a Op)>,
}

impl<'a> Known<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let told = history.ops.iter().filter_map(|op| Some((op.end, op.revision()?, op)));
        let mut told: Vec<_> = told.collect();
        told.sort_by_key(|(end, ..)| *end);
        for place in 1..told.len() {
            if told[place].1 < told[place - 1].1 {
                let (_, revision, op) = told[place - 1];
                (told[place].1, told[place].2) = (revision, op);
            }
        }
        Self { initial: history.initial.revision, told }
    }

    /// What was known before an instant, and who was told.
    pub(super) fn before(&self, instant: u64) -> (u64, Option<&'a Op>) {
        let until = self.told.partition_point(|(end, ..)| *end < instant);
        let (revision, op) = match until.checked_sub(1) {
            None => return (self.initial, None),
            Some(place) => (self.told[place].1, self.told[place].2),
        };
        if revision > self.initial { (revision, Some(op)) } else { (self.initial, None) }
    }
}

/// What makes a history unfit to be judged.
pub(super) fn malformed(history: &History) -> Vec<Violation> {
    let mut counters: HashMap<u64, &Op> = HashMap::new();
    let initial: HashSet<_> = history.initial.secrets.values().copied().collect();
    let mut found = Vec::new();
    let mut wrong = |why: String, ops: Vec<Op>| {
        found.push(Violation { rule: Rule::Malformed, why, ops });
    };
    for op in &history.ops {
        if op.end < op.start {
            wrong("ended before it began".to_owned(), vec![op.clone()]);
        }
        let Some((written, _)) = op.written() else { continue };
        let own: HashSet<_> = written.values().copied().collect();
        if own.len() != 1 {
            wrong("writes other than one counter".to_owned(), vec![op.clone()]);
        }
        for counter in own {
            let other = counters.insert(counter, op);
            if other.is_some() || initial.contains(&counter) {
                let ops = other.into_iter().chain([op]).cloned().collect();
                wrong(format!("counter {counter} was there before"), ops);
            }
        }
    }
    found
}

/// Every rule about revisions.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let known = Known::of(history);
    let mut found = twice(history);
    for op in &history.ops {
        match &op.kind {
            Kind::Write(_, Outcome::Acked(revision)) => {
                let (before, told) = known.before(op.start);
                if *revision <= before {
                    let why = format!("took revision {revision} when {before} was known");
                    found.push(violation(Rule::WriteOrder, why, told, op));
                }
            }
            Kind::Write(..) => {}
            Kind::Read(mode, answer) => found.extend(read(&known, op, *mode, answer)),
        }
    }
    found
}

fn violation(rule: Rule, why: String, told: Option<&Op>, op: &Op) -> Violation {
    Violation { rule, why, ops: told.into_iter().chain([op]).cloned().collect() }
}

fn twice(history: &History) -> Vec<Violation> {
    let mut taken: HashMap<u64, &Op> = HashMap::new();
    let mut found = Vec::new();
    for op in &history.ops {
        let Kind::Write(_, Outcome::Acked(revision)) = op.kind else { continue };
        if let Some(other) = taken.insert(revision, op) {
            let why = format!("two writes took revision {revision}");
            found.push(violation(Rule::Unique, why, Some(other), op));
        }
    }
    found
}

fn read(known: &Known<'_>, op: &Op, mode: Mode, answer: &Answer) -> Option<Violation> {
    let seen = match (mode, answer) {
        (_, Answer::Seen(seen)) => seen.revision,
        (Mode::AtLeast(token), Answer::Refused) => {
            let (before, told) = known.before(op.start);
            let why = format!("revision {token} was refused when {before} was known");
            return (token <= before).then(|| violation(Rule::Token, why, told, op));
        }
        _ => return None,
    };
    if let Mode::AtLeast(token) = mode
        && seen < token
    {
        let why = format!("answered with revision {seen} to the token of {token}");
        return Some(violation(Rule::Token, why, None, op));
    }
    let (rule, age) = match mode {
        Mode::Strong => (Rule::Strong, Duration::ZERO),
        Mode::AtLeast(_) => (Rule::Stale, LEASE),
        Mode::Bounded(bound) => (Rule::Stale, bound),
    };
    let age_ns = u64::try_from(age.as_nanos()).unwrap();
    let (before, told) = known.before(op.start.saturating_sub(age_ns));
    let why = format!("answered with revision {seen} when {before} was known {age:?} before");
    (seen < before).then(|| violation(rule, why, told, op))
}

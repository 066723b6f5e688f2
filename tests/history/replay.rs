//! The rules about content: replaying the writes by revision shows what was read.

use super::order::Known;
use super::{Counters, History, Op, Outcome, Rule, Seen, Violation};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many revisions are tried, over all orders, before the search gives up.
const TRIES: usize = 1_000_000;

/// Replies that show a part of a write beside something older than it. The replay finds them as
/// well, and cannot say it so plainly.
pub(super) fn torn(history: &History) -> Vec<Violation> {
    let mut by_counter: HashMap<u64, &Op> = HashMap::new();
    for op in &history.ops {
        let counters = op.written().into_iter().flat_map(|(counters, _)| counters.values());
        by_counter.extend(counters.map(|counter| (*counter, op)));
    }
    let revision = |counter: u64| match by_counter.get(&counter) {
        None => Some(history.initial.revision),
        Some(op) => op.revision(),
    };
    let mut found = Vec::new();
    for op in &history.ops {
        let Some(seen) = op.seen() else { continue };
        let writes = seen.secrets.values().filter_map(|counter| by_counter.get(counter));
        let part = writes.into_iter().find_map(|write| {
            let newer = write.revision()?;
            let (written, _) = write.written()?;
            let older = written.keys().find(|secret| match seen.secrets.get(*secret) {
                None => false,
                Some(counter) => revision(*counter).is_some_and(|older| older < newer),
            })?;
            Some((*write, older.clone()))
        });
        if let Some((write, secret)) = part {
            let why = format!("shows a write, and in {secret} what was there before it");
            let ops = vec![write.clone(), op.clone()];
            found.push(Violation { rule: Rule::Torn, why, ops });
        }
    }
    found
}

/// A write that may have taken a revision, between what was known when it began and the first
/// reply that shows it.
struct Open<'a> {
    op: &'a Op,
    after: u64,
    until: u64,
}

struct Replay<'a> {
    last: u64,
    acked: HashMap<u64, &'a Op>,
    reads: BTreeMap<u64, Vec<&'a Op>>,
    open: Vec<Open<'a>>,
    tried: HashSet<(u64, Vec<usize>, Counters)>,
    tries: usize,
    /// The latest revision that no order came past, and why.
    stuck: (u64, Violation),
}

/// That no order of the writes shows what was read, if so.
pub(super) fn violation(history: &History) -> Option<Violation> {
    let initial = &history.initial;
    let mut replay = Replay::of(history);
    if let Some(op) = replay.reads.range(..initial.revision).next().map(|(_, ops)| ops[0]) {
        let why = format!("shows a revision before the first, {}", initial.revision);
        return Some(Violation { rule: Rule::Content, why, ops: vec![op.clone()] });
    }
    let explained = replay.check(initial.revision, &initial.secrets)
        && replay.go_on(initial.revision, &mut initial.secrets.clone(), &[]);
    (!explained).then_some(replay.stuck.1)
}

impl<'a> Replay<'a> {
    fn of(history: &'a History) -> Self {
        let known = Known::of(history);
        let mut acked = HashMap::new();
        let mut reads: BTreeMap<u64, Vec<&Op>> = BTreeMap::new();
        let mut first_shown: HashMap<u64, u64> = HashMap::new();
        for op in &history.ops {
            if let Some((_, Outcome::Acked(revision))) = op.written() {
                acked.insert(revision, op);
            }
            let Some(Seen { revision, secrets }) = op.seen() else { continue };
            reads.entry(*revision).or_default().push(op);
            for counter in secrets.values() {
                let first = first_shown.entry(*counter).or_insert(*revision);
                *first = (*first).min(*revision);
            }
        }
        let open = history.ops.iter().filter_map(|op| {
            let (counters, outcome) = op.written()?;
            let until = counters.values().find_map(|counter| first_shown.get(counter).copied());
            let until = until.unwrap_or(u64::MAX);
            let after = known.before(op.start).0;
            (outcome == Outcome::Unknown).then_some(Open { op, after, until })
        });
        let mut open: Vec<_> = open.collect();
        // Those that were shown have to be placed; the others only fill what is left.
        open.sort_by_key(|open| open.until);
        let last = acked.keys().chain(reads.keys()).copied().max();
        let nothing = Violation { rule: Rule::Content, why: String::new(), ops: Vec::new() };
        Self {
            last: last.unwrap_or(history.initial.revision),
            acked,
            reads,
            open,
            tried: HashSet::new(),
            tries: 0,
            stuck: (0, nothing),
        }
    }

    /// Replays what follows a revision, trying every open write where no acknowledged one stands.
    fn go_on(&mut self, mut revision: u64, content: &mut Counters, used: &[usize]) -> bool {
        while revision < self.last {
            revision += 1;
            self.tries += 1;
            let Some(write) = self.acked.get(&revision).copied() else {
                return self.fill(revision, content, used);
            };
            apply(write, content);
            if !self.check(revision, content) {
                return false;
            }
        }
        true
    }

    /// Finds a write for a revision that nobody was told of.
    fn fill(&mut self, revision: u64, content: &Counters, used: &[usize]) -> bool {
        let mut key = used.to_vec();
        key.sort_unstable();
        if !self.tried.insert((revision, key, content.clone())) {
            return false;
        }
        if self.tries > TRIES {
            self.get_stuck(u64::MAX, "gave up: too many orders to try".to_owned(), Vec::new());
            return false;
        }
        let fits = |number: usize, open: &Open<'_>| {
            open.after < revision && revision <= open.until && !used.contains(&number)
        };
        let candidates = self.open.iter().enumerate();
        let candidates = candidates.filter(|(number, open)| fits(*number, open));
        let candidates: Vec<_> = candidates.map(|(number, open)| (number, open.op)).collect();
        if candidates.is_empty() {
            let why = format!("no write explains revision {revision}");
            self.get_stuck(revision, why, self.around(revision));
        }
        candidates.into_iter().any(|(number, op)| {
            let (mut content, mut used) = (content.clone(), used.to_vec());
            used.push(number);
            apply(op, &mut content);
            self.check(revision, &content) && self.go_on(revision, &mut content, &used)
        })
    }

    /// Whether all that was read at a revision is what it holds.
    fn check(&mut self, revision: u64, content: &Counters) -> bool {
        let reads = self.reads.get(&revision).into_iter().flatten();
        let wrong = reads.copied().find(|op| op.seen().is_some_and(|seen| !shows(seen, content)));
        let Some(read) = wrong else { return true };
        let why = format!("revision {revision} is {content:?}, as far as the writes tell");
        let mut ops = self.around(revision);
        ops.retain(|op| op != read);
        ops.push(read.clone());
        self.get_stuck(revision, why, ops);
        false
    }

    /// The write of a revision, or else one that shows it.
    fn around(&self, revision: u64) -> Vec<Op> {
        let write = self.acked.get(&revision).copied();
        let read = || self.reads.range(revision..).next().map(|(_, ops)| ops[0]);
        let later =
            || self.acked.iter().filter(|(other, _)| **other > revision).min_by_key(|e| e.0);
        let op = write.or_else(read).or_else(|| later().map(|(_, op)| *op));
        op.into_iter().cloned().collect()
    }

    fn get_stuck(&mut self, revision: u64, why: String, ops: Vec<Op>) {
        if revision >= self.stuck.0 {
            self.stuck = (revision, Violation { rule: Rule::Content, why, ops });
        }
    }
}

fn apply(write: &Op, content: &mut Counters) {
    let (counters, _) = write.written().expect("a write");
    content.extend(counters.iter().map(|(secret, counter)| (secret.clone(), *counter)));
}

/// Whether a reply is a part of this content. What it leaves out was not asked for.
pub(super) fn shows(seen: &Seen, content: &Counters) -> bool {
    seen.secrets.iter().all(|(secret, counter)| content.get(secret) == Some(counter))
}

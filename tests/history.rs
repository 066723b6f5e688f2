//! Histories of real runs, and whether they could have come from one database: what many callers
//! of many replicas wrote and read of one project, checked after the run.
//!
//! [`violations`] is the checker. Revisions are a total order and every reply carries one, so that
//! nearly all of it is comparing numbers along the clock; only a write whose outcome nobody knows
//! needs a search for the revision that it took, if it took one.

mod order;
mod register;
mod replay;

mod caught;
mod random;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Counters by secret. A counter is written once in a history, by one write; a write of several
/// secrets gives all of them the same.
pub type Counters = BTreeMap<String, u64>;

/// How old an answer to [`Mode::AtLeast`] may be.
pub const LEASE: Duration = Duration::from_secs(1);

/// What was done to one project, in one life of the database. Every mutation that began after
/// `initial` was read is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What the project showed before the first of the operations.
    pub initial: Seen,
    /// The operations, in any order.
    pub ops: Vec<Op>,
}

/// A call, with when it began and ended in nanoseconds of one monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Who called; for reading the reports only.
    pub process: u64,
    /// Taken before the request was sent.
    pub start: u64,
    /// Taken after the answer arrived.
    pub end: u64,
    /// What was called, and how it ended.
    pub kind: Kind,
}

/// What was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Secrets were set, all at once.
    Write(Counters, Outcome),
    /// Secrets were read, all at once.
    Read(Mode, Answer),
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took this revision of the project.
    Acked(u64),
    /// Timed out or cut off: it may have taken effect, may still do so, or never will.
    Unknown,
    /// It certainly did not happen.
    Refused,
}

/// What a read asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As new as all that was acknowledged before.
    Strong,
    /// This revision or later, and not older than [`LEASE`].
    AtLeast(u64),
    /// Not older than this.
    Bounded(Duration),
}

/// How a read ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With content.
    Seen(Seen),
    /// The token was refused as of another life.
    Refused,
    /// With an error that promises nothing: unavailable, too late.
    Failed,
}

/// Content as of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The project's revision that the reply is stamped with.
    pub revision: u64,
    /// The secrets that were asked for; one that is unset is left out.
    pub secrets: Counters,
}

/// What a history breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The history says nothing: a counter written twice, an end before its start.
    Malformed,
    /// Two writes took one revision.
    Unique,
    /// A write took a revision no later than one that was known before it began.
    WriteOrder,
    /// A strong read answered with less than was known before it began.
    Strong,
    /// A read by token answered with an earlier revision, or a token in force was refused.
    Token,
    /// An answer was older than its bound.
    Stale,
    /// A reply shows a part of a write.
    Torn,
    /// No order of the writes, each at most once, shows what was read.
    Content,
}

/// A rule that was broken, by which operations, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: Rule,
    pub why: String,
    pub ops: Vec<Op>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.why)?;
        self.ops.iter().try_for_each(|op| write!(f, "\n    {op}"))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} [{} ns, {} ns] ", self.process, self.start, self.end)?;
        match &self.kind {
            Kind::Write(counters, outcome) => write!(f, "write {counters:?}: {outcome:?}"),
            Kind::Read(mode, Answer::Seen(seen)) => {
                write!(f, "read {mode:?}: revision {}, {:?}", seen.revision, seen.secrets)
            }
            Kind::Read(mode, answer) => write!(f, "read {mode:?}: {answer:?}"),
        }
    }
}

impl Op {
    /// The revision that it took or showed.
    fn revision(&self) -> Option<u64> {
        match &self.kind {
            Kind::Write(_, Outcome::Acked(revision)) => Some(*revision),
            Kind::Read(_, Answer::Seen(seen)) => Some(seen.revision),
            _ => None,
        }
    }

    fn seen(&self) -> Option<&Seen> {
        match &self.kind {
            Kind::Read(_, Answer::Seen(seen)) => Some(seen),
            _ => None,
        }
    }

    fn written(&self) -> Option<(&Counters, Outcome)> {
        match &self.kind {
            Kind::Write(counters, outcome) => Some((counters, *outcome)),
            Kind::Read(..) => None,
        }
    }
}

/// Everything that a history breaks; nothing if it could have happened.
pub fn violations(history: &History) -> Vec<Violation> {
    let malformed = order::malformed(history);
    if !malformed.is_empty() {
        return malformed;
    }
    let mut found = order::violations(history);
    found.extend(replay::torn(history));
    // Without an order of the writes there is nothing to replay.
    if !found.iter().any(|violation| violation.rule == Rule::Unique) {
        found.extend(replay::violation(history));
    }
    found
}

/// Fails with every violation, readable.
#[track_caller]
pub fn assert_consistent(history: &History) {
    let found = violations(history);
    let report: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} violations\n{}", found.len(), report.join("\n"));
}

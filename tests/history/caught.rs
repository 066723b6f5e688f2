//! For every rule a history that keeps it narrowly, and one that breaks it.

use super::{Answer, Counters, History, Kind, LEASE, Mode, Op, Outcome, Rule, Seen, violations};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

fn counters(pairs: &[(&str, u64)]) -> Counters {
    pairs.iter().map(|(secret, counter)| ((*secret).to_owned(), *counter)).collect()
}

fn write(times: (u64, u64), secrets: &[(&str, u64)], outcome: Outcome) -> Op {
    let kind = Kind::Write(counters(secrets), outcome);
    Op { process: 1, start: times.0, end: times.1, kind }
}

fn read(times: (u64, u64), mode: Mode, revision: u64, secrets: &[(&str, u64)]) -> Op {
    let seen = Seen { revision, secrets: counters(secrets) };
    let kind = Kind::Read(mode, Answer::Seen(seen));
    Op { process: 2, start: times.0, end: times.1, kind }
}

/// After revision 1, in which A and B are 0.
fn broken(ops: &[Op]) -> Vec<Rule> {
    let initial = Seen { revision: 1, secrets: counters(&[("A", 0), ("B", 0)]) };
    let found = violations(&History { initial, ops: ops.to_vec() });
    for violation in &found {
        println!("{violation}");
        assert!(!violation.ops.is_empty(), "it names the operations");
    }
    found.into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn what_is_no_history_is_not_judged() {
    assert_eq!(broken(&[write((2, 1), &[("A", 1)], Outcome::Acked(2))]), [Rule::Malformed]);
    assert_eq!(broken(&[write((1, 2), &[("A", 0)], Outcome::Acked(2))]), [Rule::Malformed]);
    let same = [1, 2].map(|at| write((at, at), &[("A", 1)], Outcome::Acked(at + 1)));
    assert_eq!(broken(&same), [Rule::Malformed]);
    let two = write((1, 2), &[("A", 1), ("B", 2)], Outcome::Acked(2));
    assert_eq!(broken(&[two]), [Rule::Malformed]);
}

#[test]
fn a_revision_is_taken_once() {
    let first = write((1, 5), &[("A", 1)], Outcome::Acked(2));
    assert_eq!(broken(&[first.clone(), write((1, 5), &[("B", 2)], Outcome::Acked(3))]), []);
    assert_eq!(broken(&[first, write((1, 5), &[("B", 2)], Outcome::Acked(2))]), [Rule::Unique]);
}

#[test]
fn writes_take_revisions_in_their_order() {
    let later = write((1, 5), &[("A", 1)], Outcome::Acked(3));
    let overlaps = write((5, 8), &[("A", 2)], Outcome::Acked(2));
    assert_eq!(broken(&[later.clone(), overlaps]), []);
    let follows = write((6, 8), &[("A", 2)], Outcome::Acked(2));
    assert_eq!(broken(&[later, follows]), [Rule::WriteOrder]);
    // Shown before it began.
    let shown = read((1, 2), Mode::Strong, 2, &[("A", 1)]);
    let written = |start| write((start, 5), &[("A", 1)], Outcome::Acked(2));
    assert_eq!(broken(&[shown.clone(), written(2)]), []);
    assert_eq!(broken(&[shown, written(3)]), [Rule::WriteOrder]);
}

#[test]
fn a_strong_read_is_as_new_as_what_was_acknowledged() {
    let acked = write((1, 5), &[("A", 1)], Outcome::Acked(2));
    let old = |start| read((start, 9), Mode::Strong, 1, &[("A", 0)]);
    assert_eq!(broken(&[acked.clone(), old(5)]), []);
    assert_eq!(broken(&[acked, old(6)]), [Rule::Strong]);
}

#[test]
fn strong_reads_do_not_go_back() {
    let acked = write((1, 9), &[("A", 1)], Outcome::Acked(2));
    let new = read((2, 3), Mode::Strong, 2, &[("A", 1)]);
    let old = |start| read((start, 9), Mode::Strong, 1, &[("A", 0)]);
    assert_eq!(broken(&[acked.clone(), new.clone(), old(3)]), []);
    assert_eq!(broken(&[acked, new, old(4)]), [Rule::Strong]);
}

#[test]
fn a_token_is_honoured() {
    let acked = write((1, 9), &[("A", 1)], Outcome::Acked(2));
    let old = read((2, 3), Mode::AtLeast(2), 1, &[("A", 0)]);
    assert_eq!(broken(&[acked, old]), [Rule::Token]);
    let acked = write((1, 2), &[("A", 1)], Outcome::Acked(2));
    let refused = |start, token| {
        let kind = Kind::Read(Mode::AtLeast(token), Answer::Refused);
        Op { process: 2, start, end: 9, kind }
    };
    assert_eq!(broken(&[acked.clone(), refused(2, 2)]), []);
    assert_eq!(broken(&[acked.clone(), refused(3, 3)]), []);
    let kind = Kind::Read(Mode::AtLeast(2), Answer::Failed);
    let failed = Op { process: 2, start: 3, end: 9, kind };
    assert_eq!(broken(&[acked.clone(), failed]), []);
    assert_eq!(broken(&[acked, refused(3, 2)]), [Rule::Token]);
}

#[test]
fn a_bound_is_kept() {
    let half = Duration::from_millis(500);
    for (mode, bound) in
        [(Mode::Bounded(half), half), (Mode::Bounded(LEASE), LEASE), (Mode::AtLeast(1), LEASE)]
    {
        let bound = u64::try_from(bound.as_nanos()).unwrap();
        let acked = write((1, SECOND), &[("A", 1)], Outcome::Acked(2));
        let old = |start| read((start, 9 * SECOND), mode, 1, &[("A", 0)]);
        assert_eq!(broken(&[acked.clone(), old(SECOND + bound)]), []);
        assert_eq!(broken(&[acked, old(SECOND + bound + 1)]), [Rule::Stale]);
    }
}

#[test]
fn one_reply_is_one_snapshot() {
    let both = write((1, 2), &[("A", 1), ("B", 1)], Outcome::Acked(2));
    let only = write((3, 4), &[("B", 2)], Outcome::Acked(3));
    let after = read((5, 6), Mode::Strong, 3, &[("A", 1), ("B", 2)]);
    assert_eq!(broken(&[both.clone(), only, after]), []);
    let half = read((5, 6), Mode::Strong, 2, &[("A", 1), ("B", 0)]);
    assert_eq!(broken(&[both, half]), [Rule::Torn, Rule::Content]);
    // Also where nobody was told which revision the write took.
    let both = write((1, 2), &[("A", 1), ("B", 1)], Outcome::Unknown);
    let half = read((5, 6), Mode::Strong, 2, &[("A", 1), ("B", 0)]);
    assert_eq!(broken(&[both, half]), [Rule::Content]);
}

#[test]
fn content_is_that_of_the_stamped_revision() {
    let first = write((1, 2), &[("A", 1)], Outcome::Acked(2));
    let second = write((3, 4), &[("A", 2)], Outcome::Acked(3));
    let stamped =
        |revision, counter| read((2, 9), Mode::Strong, revision, &[("A", counter), ("B", 0)]);
    assert_eq!(broken(&[first.clone(), second.clone(), stamped(2, 1)]), []);
    assert_eq!(broken(&[first.clone(), second.clone(), stamped(2, 2)]), [Rule::Content]);
    assert_eq!(broken(&[first.clone(), second.clone(), stamped(3, 1)]), [Rule::Content]);
    assert_eq!(broken(&[first, second, stamped(3, 7)]), [Rule::Content]);
}

#[test]
fn an_unknown_write_takes_effect_once_or_never() {
    let unknown = write((1, 2), &[("A", 1)], Outcome::Unknown);
    let next = |revision| write((3, 4), &[("A", 2)], Outcome::Acked(revision));
    let shows =
        |at, revision, counter| read((at, at), Mode::Strong, revision, &[("A", counter), ("B", 0)]);
    // Never, before, after, and twice.
    assert_eq!(broken(&[unknown.clone(), next(2), shows(5, 2, 2)]), []);
    assert_eq!(broken(&[unknown.clone(), next(3), shows(5, 3, 2)]), []);
    assert_eq!(broken(&[unknown.clone(), next(2), shows(5, 2, 2), shows(6, 3, 1)]), []);
    let twice = [unknown.clone(), next(3), shows(2, 2, 1), shows(5, 3, 2), shows(6, 4, 1)];
    assert_eq!(broken(&twice), [Rule::Content]);
    // Nobody saw the second time, but it took a revision.
    assert_eq!(broken(&[unknown, next(4), shows(5, 4, 2)]), [Rule::Content]);
}

#[test]
fn a_refused_write_never_shows() {
    let refused = write((1, 2), &[("A", 1)], Outcome::Refused);
    let shown = read((3, 4), Mode::Strong, 2, &[("A", 1)]);
    assert_eq!(broken(std::slice::from_ref(&refused)), []);
    assert_eq!(broken(&[refused, shown]), [Rule::Content]);
}

#[test]
fn an_acknowledged_write_is_there_once() {
    let acked = write((1, 2), &[("A", 1)], Outcome::Acked(2));
    let next = |revision| write((3, 4), &[("B", 2)], Outcome::Acked(revision));
    let shows = |revision, a| read((5, 6), Mode::Strong, revision, &[("A", a), ("B", 2)]);
    assert_eq!(broken(&[acked.clone(), next(3), shows(3, 1)]), []);
    // Lost, then applied twice.
    let lost = broken(&[acked.clone(), next(3), shows(3, 0)]);
    assert_eq!(lost, [Rule::Content]);
    assert_eq!(broken(&[acked, next(4), shows(4, 1)]), [Rule::Content]);
}

//! Random histories, as they come out of one database and slightly wrong: two checkers, one verdict.

use super::{
    Answer, Counters, History, Kind, Mode, Op, Outcome, Seen, assert_consistent, register,
    violations,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;

/// An operation takes effect at its place in the list; it begins and ends so long before and
/// after that. The two booleans of a write: which secrets it sets.
#[derive(Clone, Debug)]
enum Step {
    Write { before: u64, after: u64, secrets: (bool, bool), outcome: u8 },
    Read { before: u64, after: u64 },
}

const BETWEEN: u64 = 10;
const SPAN: u64 = 25;

fn step() -> impl Strategy<Value = Step> {
    let write = (0..SPAN, 0..SPAN, any::<(bool, bool)>(), 0..4_u8).prop_map(
        |(before, after, secrets, outcome)| Step::Write { before, after, secrets, outcome },
    );
    let read = (0..SPAN, 0..SPAN).prop_map(|(before, after)| Step::Read { before, after });
    prop_oneof![write, read]
}

/// What one database answers.
fn run(steps: &[Step]) -> History {
    let initial = Seen { revision: 1, secrets: Counters::new() };
    let (mut seen, mut ops) = (initial.clone(), Vec::new());
    for (number, step) in (1_u64..).zip(steps) {
        let at = 100 + number * BETWEEN;
        let (before, after, kind) = match *step {
            Step::Write { before, after, secrets: (a, b), outcome } => {
                let names = if b { if a { &["A", "B"][..] } else { &["B"] } } else { &["A"] };
                let written: Counters =
                    names.iter().map(|name| ((*name).to_owned(), number)).collect();
                let outcome = match outcome {
                    0 => Outcome::Unknown,
                    1 => Outcome::Refused,
                    _ => Outcome::Acked(seen.revision + 1),
                };
                // Of those of unknown outcome, every other took effect.
                let lost = outcome == Outcome::Unknown && before % 2 == 0;
                if outcome != Outcome::Refused && !lost {
                    seen.revision += 1;
                    seen.secrets.extend(written.clone());
                }
                (before, after, Kind::Write(written, outcome))
            }
            Step::Read { before, after } => {
                (before, after, Kind::Read(Mode::Strong, Answer::Seen(seen.clone())))
            }
        };
        ops.push(Op { process: number, start: at - before, end: at + after, kind });
    }
    History { initial, ops }
}

/// Makes one thing wrong, perhaps.
fn disturb(history: &mut History, which: usize, how: u8) {
    let number = which % history.ops.len();
    let counters = u64::try_from(history.ops.len()).unwrap();
    let op = &mut history.ops[number];
    match (&mut op.kind, how) {
        (_, 0) | (Kind::Read(_, Answer::Refused | Answer::Failed), _) => {}
        (_, 1) => (op.start, op.end) = (op.start + 30, op.end + 30),
        (_, 2) => (op.start, op.end) = (op.start - 30, op.end - 30),
        (Kind::Read(_, Answer::Seen(seen)), 3) => seen.revision += 1,
        (Kind::Read(_, Answer::Seen(seen)), 4) => seen.revision -= 1,
        (Kind::Read(_, Answer::Seen(seen)), _) => {
            for counter in seen.secrets.values_mut() {
                *counter = *counter % counters + 1;
            }
        }
        (Kind::Write(_, Outcome::Acked(revision)), 3) => *revision += 1,
        (Kind::Write(_, Outcome::Acked(revision)), 4) => *revision -= 1,
        (Kind::Write(_, outcome), _) => *outcome = Outcome::Refused,
    }
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn what_one_database_answers_is_consistent() {
    runner(2_000)
        .run(&vec(step(), 1..40), |steps| {
            assert_consistent(&run(&steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn both_checkers_agree() {
    let verdicts = [Cell::new(0), Cell::new(0)];
    let cases = (vec(step(), 1..10), any::<usize>(), 0..6_u8);
    runner(10_000)
        .run(&cases, |(steps, which, how)| {
            let mut history = run(&steps);
            disturb(&mut history, which, how);
            let found = violations(&history);
            let linearizable = register::linearizable(&history);
            let verdict = &verdicts[usize::from(linearizable)];
            verdict.set(verdict.get() + 1);
            prop_assert_eq!(linearizable, found.is_empty(), "{:?}\n{:?}", found, history);
            Ok(())
        })
        .unwrap();
    let [wrong, right] = verdicts.map(|verdict| verdict.get());
    assert!(wrong > 1_000 && right > 1_000, "{wrong} wrong, {right} right: too much of one kind");
}

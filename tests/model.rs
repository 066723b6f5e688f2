//! How answers stay as new as they claim: the protocol as a model, searched exhaustively, with
//! time, crashes, lost and late answers, a cache that forgets or goes back, and a database that is
//! restored. Each variant that is wrong in one place is found by the same search.
//!
//! The search is `stateright`'s: breadth first, on two threads, with the way to a violation as the
//! actions taken. What is ours is the model: the parties' steps, and what an answer owes.

mod protocol;
mod search;
mod world;

use protocol::{Answers, Mode, Protocol, Read};
use search::Search;
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::{Budget, LEASE, VIEWS};

const FIRST: [bool; VIEWS] = [true, false];
const SECOND: [bool; VIEWS] = [false, true];
const BOTH: [bool; VIEWS] = [true, true];

fn read(replica: usize, view: usize, mode: Mode) -> Read {
    Read { replica, view, mode }
}

fn search(reads: &[Read], writes: &[[bool; VIEWS]], budget: Budget) -> Search {
    let replicas = reads.iter().map(|read| read.replica).max().unwrap() + 1;
    let (reads, writes) = (reads.to_vec(), writes.to_vec());
    let answers = Answers::default();
    let (protocol, late_acks) = (Protocol::Right, false);
    Search { protocol, replicas, reads, writes, budget, late_acks, answers }
}

/// Strong reads of two replicas, one of them asked twice; everything that a cache and a process
/// can do, and nothing that happens to the database.
fn strong() -> Search {
    let reads = [read(0, 0, Mode::Strong), read(0, 0, Mode::Strong), read(1, 0, Mode::Strong)];
    let budget = Budget { rollbacks: 1, losses: 1, ..Budget::default() };
    search(&reads, &[FIRST], budget)
}

/// Two strong reads of one replica, beside writes of both views.
fn joined() -> Search {
    let reads = [read(0, 0, Mode::Strong), read(0, 0, Mode::Strong)];
    let budget = Budget { crashes: 1, ..Budget::default() };
    Search { late_acks: true, ..search(&reads, &[FIRST, SECOND], budget) }
}

/// Three strong reads of one replica: what one kept, another finds under an old head.
fn kept() -> Search {
    search(&[read(0, 0, Mode::Strong); 3], &[FIRST, SECOND], Budget::default())
}

/// Strong reads of two replicas while the database is restored, and fails over.
fn restored() -> Search {
    let reads = [read(0, 0, Mode::Strong), read(1, 0, Mode::Strong)];
    let budget = Budget { restores: 1, failovers: 1, ..Budget::default() };
    search(&reads, &[FIRST, BOTH], budget)
}

/// Reads by token of two replicas.
fn tokens() -> Search {
    let reads = [read(0, 0, Mode::AtLeast), read(1, 0, Mode::AtLeast)];
    let budget = Budget { polls: 1, restores: 1, ..Budget::default() };
    search(&reads, &[FIRST], budget)
}

/// Two reads by token of one view in one process.
fn tokens_joined() -> Search {
    let reads = [read(0, 0, Mode::AtLeast), read(0, 0, Mode::AtLeast)];
    search(&reads, &[FIRST, SECOND], Budget::default())
}

/// A remembered head that grows old under reads by token.
fn lease() -> Search {
    let reads = [read(0, 0, Mode::AtLeast), read(0, 0, Mode::AtLeast)];
    let budget = Budget { ticks: 2, polls: 1, ..Budget::default() };
    search(&reads, &[FIRST], budget)
}

/// Bounded reads beside polls that are late, lost or overtaken.
fn bounded() -> Search {
    let reads = [read(0, 0, Mode::Bounded(LEASE)), read(0, 0, Mode::Bounded(1))];
    let budget = Budget { ticks: 3, polls: 2, ..Budget::default() };
    search(&reads, &[FIRST], budget)
}

/// Bounded reads over a restore, with heads of both lives.
fn bounded_restored() -> Search {
    let budget = Budget { ticks: 1, polls: 1, restores: 1, ..Budget::default() };
    search(&[read(0, 0, Mode::Bounded(1)); 2], &[FIRST], budget)
}

/// Three replicas, a read of each kind.
fn three() -> Search {
    let reads = [read(0, 0, Mode::Strong), read(1, 0, Mode::AtLeast), read(2, 0, Mode::Bounded(1))];
    let budget = Budget { ticks: 1, ..Budget::default() };
    search(&reads, &[FIRST], budget)
}

/// Searches all of it, and holds that enough of it was there to be searched.
fn holds(name: &str, search: Search, states: usize, happened: &[fn(&Answers) -> &AtomicUsize]) {
    let found = search.checker().threads(2).spawn_bfs().join();
    println!("{name}: {} states, {:?}", found.unique_state_count(), found.model().answers);
    found.assert_properties();
    assert!(found.is_done());
    assert!(found.unique_state_count() > states, "{name}: only {}", found.unique_state_count());
    for counter in happened {
        assert!(counter(&found.model().answers).load(Ordering::Relaxed) > 0, "{name}");
    }
}

/// Searches a broken variant until it breaks this rule.
fn breaks(protocol: Protocol, search: Search, rule: &'static str) {
    let search = Search { protocol, ..search };
    let until = HasDiscoveries::AnyOf(BTreeSet::from([rule]));
    let found = search.checker().threads(2).finish_when(until).spawn_bfs().join();
    let way = found.assert_any_discovery(rule).into_actions();
    println!("{protocol:?}: {} states, then {way:?}", found.unique_state_count());
}

#[test]
fn strong_reads_hold_over_caches_that_forget_and_go_back() {
    holds("strong", strong(), 18_000, &[|a| &a.near, |a| &a.shared, |a| &a.filled, |a| &a.joined]);
    holds("joined", joined(), 4_000, &[|a| &a.near, |a| &a.shared, |a| &a.filled, |a| &a.joined]);
}

#[test]
fn strong_reads_hold_when_they_share_a_query_and_a_fill() {
    holds("kept", kept(), 4_000, &[|a| &a.near, |a| &a.joined]);
}

#[test]
fn strong_reads_hold_over_a_restore_and_a_failover() {
    holds("restored", restored(), 200_000, &[|a| &a.shared, |a| &a.filled]);
}

#[test]
fn reads_by_token_hold_over_a_restore_and_are_no_older_than_the_lease() {
    holds("tokens", tokens(), 30_000, &[|a| &a.unasked, |a| &a.shared, |a| &a.refused]);
    holds(
        "tokens joined",
        tokens_joined(),
        1_000,
        &[|a| &a.unasked, |a| &a.joined, |a| &a.refused],
    );
    holds("lease", lease(), 50_000, &[|a| &a.unasked, |a| &a.near, |a| &a.refused]);
}

#[test]
fn bounded_reads_keep_their_bound() {
    holds("bounded", bounded(), 300_000, &[|a| &a.unasked, |a| &a.near, |a| &a.filled]);
    holds("bounded restored", bounded_restored(), 25_000, &[|a| &a.unasked, |a| &a.filled]);
}

#[test]
fn three_replicas_hold_together() {
    holds("three", three(), 90_000, &[|a| &a.shared, |a| &a.filled, |a| &a.refused]);
}

#[test]
fn every_broken_variant_is_found() {
    breaks(Protocol::DeleteOnWrite, strong(), "strong");
    breaks(Protocol::NoIncarnation, restored(), "snapshot");
    breaks(Protocol::NoIncarnation, restored(), "incarnation");
    breaks(Protocol::StrongFromLocal, joined(), "strong");
    breaks(Protocol::TokenWithoutLease, lease(), "stale");
    breaks(Protocol::JoinsSentQuery, kept(), "strong");
    breaks(Protocol::JoinsSentQuery, tokens_joined(), "refusal");
    breaks(Protocol::FillsFromStandby, joined(), "strong");
    breaks(Protocol::StampsAsAsked, joined(), "snapshot");
    breaks(Protocol::JoinerTakesStamp, joined(), "strong");
    breaks(Protocol::JoinerTakesStamp, tokens_joined(), "refusal");
    breaks(Protocol::LeaseFromArrival, bounded(), "stale");
    breaks(Protocol::MergesLives, bounded_restored(), "stale");
    breaks(Protocol::TokenWithoutLife, tokens(), "token");
    breaks(Protocol::RefusesUnasked, tokens(), "refusal");
}

//! The map of heads, with the instants passed in.

use super::*;
use crate::EnvironmentHead;
use waxseal_domain::name::EnvironmentId;
use waxseal_domain::uid::EnvironmentUid;

/// Instants by the millisecond.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn new() -> Self {
        Self(Instant::now())
    }

    fn at(self, millis: u64) -> Instant {
        self.0 + Duration::from_millis(millis)
    }
}

const MS: Duration = Duration::from_millis(1);

fn id(project: &str) -> ProjectId {
    ProjectId::parse(project).unwrap()
}

fn life(byte: u8) -> Incarnation {
    Incarnation::from_bytes([byte; 16])
}

fn head(uid: u8, revision: u64) -> Arc<Head> {
    Arc::new(Head {
        incarnation: life(1),
        project: ProjectUid::from_bytes([uid; 16]),
        revision,
        deleted: false,
        environments: vec![EnvironmentHead {
            uid: EnvironmentUid::from_bytes([uid; 16]),
            id: EnvironmentId::parse("main").unwrap(),
            draft: revision,
            live: revision,
        }],
    })
}

fn found(heads: &[Arc<Head>]) -> Answered {
    let heads = heads.iter().map(|head| (id("p"), Ok(head.clone()))).collect();
    Answered { epoch: None, heads }
}

fn poll(cursor: u64, heads: &[Arc<Head>]) -> Poll {
    Poll { incarnation: Some(life(1)), epoch: None, cursor, heads: found(heads).heads }
}

fn answer(local: &mut Local, ticket: &Ticket, now: Instant, heads: &[Arc<Head>]) -> Moved {
    local.answer(ticket, now, &[id("p")], &found(heads)).unwrap()
}

/// The revision known as of at most so many milliseconds before.
fn recent(local: &Local, age: u32, now: Instant) -> Option<u64> {
    local.recent(&id("p"), age * MS, now).map(|head| head.revision)
}

/// A map with one applied poll, sent at 0 and answered at 1.
fn polled(clock: Clock) -> Local {
    let mut local = Local::default();
    let ticket = local.poll(clock.at(0), true);
    assert_eq!(local.apply(&ticket, clock.at(1), &poll(10, &[])).unwrap(), Moved::All);
    local
}

#[test]
fn a_head_counts_from_its_question_and_not_from_its_answer() {
    let (clock, mut local) = (Clock::new(), Local::default());
    assert_eq!(recent(&local, 100, clock.at(0)), None);
    let ticket = local.ask(clock.at(10));
    answer(&mut local, &ticket, clock.at(30), &[head(1, 5)]);
    assert_eq!(recent(&local, 50, clock.at(59)), Some(5));
    assert_eq!(recent(&local, 50, clock.at(60)), None);
    assert_eq!(recent(&local, 0, clock.at(10)), None, "nothing is younger than now");
}

#[test]
fn polls_keep_a_head_current_from_their_own_sending_on() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let ticket = local.poll(clock.at(50), false);
    assert_eq!(ticket.cursor, Some(10), "where the poll before began to miss");
    local.apply(&ticket, clock.at(90), &poll(20, &[])).unwrap();
    assert_eq!(recent(&local, 50, clock.at(99)), Some(5));
    assert_eq!(recent(&local, 50, clock.at(100)), None);
    let ticket = local.poll(clock.at(100), false);
    let moved = local.apply(&ticket, clock.at(101), &poll(30, &[head(1, 6)])).unwrap();
    assert_eq!(moved, Moved::These(vec![id("p")]));
    assert_eq!(recent(&local, 50, clock.at(149)), Some(6));
}

#[test]
fn a_poll_under_way_covers_a_question_that_was_sent_after_the_one_before() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let under_way = local.poll(clock.at(50), false);
    let ticket = local.ask(clock.at(51));
    answer(&mut local, &ticket, clock.at(52), &[head(1, 5)]);
    local.apply(&under_way, clock.at(60), &poll(20, &[])).unwrap();
    let next = local.poll(clock.at(100), false);
    local.apply(&next, clock.at(101), &poll(30, &[])).unwrap();
    assert_eq!(recent(&local, 20, clock.at(110)), Some(5));
}

#[test]
fn a_head_that_a_poll_overtook_gains_nothing_from_polls() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(10));
    // The poll shows revision 6 of a project that is not in the map yet, and that is lost.
    let overtaking = local.poll(clock.at(11), false);
    local.apply(&overtaking, clock.at(12), &poll(20, &[head(1, 6)])).unwrap();
    answer(&mut local, &ticket, clock.at(13), &[head(1, 5)]);
    let next = local.poll(clock.at(60), false);
    local.apply(&next, clock.at(61), &poll(30, &[])).unwrap();
    assert_eq!(recent(&local, 60, clock.at(69)), Some(5), "from its own question on");
    assert_eq!(recent(&local, 50, clock.at(62)), None);
    // Another question puts it right.
    let ticket = local.ask(clock.at(70));
    answer(&mut local, &ticket, clock.at(71), &[head(1, 6)]);
    let next = local.poll(clock.at(110), false);
    local.apply(&next, clock.at(111), &poll(40, &[])).unwrap();
    assert_eq!(recent(&local, 10, clock.at(119)), Some(6));
}

#[test]
fn a_late_answer_takes_nothing_away() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let late = local.ask(clock.at(2));
    let ticket = local.ask(clock.at(3));
    answer(&mut local, &ticket, clock.at(4), &[head(1, 5)]);
    let next = local.poll(clock.at(50), false);
    local.apply(&next, clock.at(51), &poll(20, &[head(1, 6)])).unwrap();
    answer(&mut local, &late, clock.at(52), &[head(1, 5)]);
    assert_eq!(recent(&local, 10, clock.at(55)), Some(6), "also its claim stands");
}

#[test]
fn the_first_poll_of_a_connection_only_says_where_to_begin() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let first = local.poll(clock.at(50), true);
    assert_eq!(first.cursor, None);
    assert_eq!(local.apply(&first, clock.at(51), &poll(5, &[])).unwrap(), Moved::All);
    assert_eq!(recent(&local, 40, clock.at(52)), None, "who knows what was in between");
    assert_eq!(recent(&local, 60, clock.at(52)), Some(5));
    assert_eq!(local.poll(clock.at(60), false).cursor, Some(5));
}

#[test]
fn who_was_told_is_not_told_again_by_the_overlap() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let mut moved = |at, heads: &[_]| {
        let ticket = local.poll(clock.at(at), false);
        local.apply(&ticket, clock.at(at), &poll(10, heads)).unwrap()
    };
    assert_eq!(moved(10, &[head(1, 5)]), Moved::These(vec![id("p")]));
    assert_eq!(moved(20, &[head(1, 5)]), Moved::These(Vec::new()));
    assert_eq!(moved(30, &[head(1, 6)]), Moved::These(vec![id("p")]));
    assert_eq!(moved(40, &[head(2, 6)]), Moved::These(vec![id("p")]));
}

#[test]
fn another_project_under_the_same_id_is_not_mixed_up() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let next = local.poll(clock.at(50), false);
    local.apply(&next, clock.at(51), &poll(20, &[head(2, 1)])).unwrap();
    assert_eq!(recent(&local, 1000, clock.at(52)), None, "forgotten");
    let ticket = local.ask(clock.at(53));
    answer(&mut local, &ticket, clock.at(54), &[head(2, 1)]);
    assert_eq!(recent(&local, 1000, clock.at(55)), Some(1), "a lower revision is no regression");
    let ticket = local.ask(clock.at(56));
    answer(&mut local, &ticket, clock.at(57), &[head(3, 9)]);
    assert_eq!(recent(&local, 1000, clock.at(58)), Some(9));
}

#[test]
fn neither_an_absent_nor_a_deleted_project_is_answered() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let ticket = local.ask(clock.at(4));
    answer(&mut local, &ticket, clock.at(5), &[]);
    assert_eq!(recent(&local, 1000, clock.at(6)), None);
    let deleted = Arc::new(Head { deleted: true, ..Head::clone(&head(1, 6)) });
    let ticket = local.ask(clock.at(7));
    answer(&mut local, &ticket, clock.at(8), &[deleted]);
    assert_eq!(recent(&local, 1000, clock.at(9)), None);
}

#[test]
fn a_head_that_went_back_shows() {
    let clock = Clock::new();
    let regression = Regression { project: Some(id("p")), seen: 5, found: 4 };
    let known = |clock: Clock| {
        let mut local = polled(clock);
        let early = local.ask(clock.at(2));
        let ticket = local.ask(clock.at(3));
        answer(&mut local, &ticket, clock.at(4), &[head(1, 5)]);
        (local, early)
    };
    let (mut local, early) = known(clock);
    answer(&mut local, &early, clock.at(10), &[head(1, 4)]);
    let late = local.ask(clock.at(11));
    let done = local.answer(&late, clock.at(12), &[id("p")], &found(&[head(1, 4)]));
    assert_eq!(done, Err(regression));

    let (mut local, _) = known(clock);
    let late = local.poll(clock.at(11), false);
    let done = local.apply(&late, clock.at(12), &poll(20, &[head(1, 4)]));
    assert!(matches!(done, Err(Regression { seen: 5, found: 4, .. })));
}

#[test]
fn a_new_incarnation_leaves_nothing_of_the_old() {
    let clock = Clock::new();
    let renewed =
        |revision| Arc::new(Head { incarnation: life(2), ..Head::clone(&head(1, revision)) });
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let under_way = local.poll(clock.at(4), false);
    let ticket = local.ask(clock.at(5));
    // Lower, and no regression: it counts in another life.
    assert_eq!(answer(&mut local, &ticket, clock.at(6), &[renewed(2)]), Moved::All);
    assert_eq!(recent(&local, 1000, clock.at(7)), Some(2));
    // The poll under way began in the old life: it follows nothing.
    let late = Poll { incarnation: Some(life(2)), ..poll(20, &[]) };
    assert_eq!(local.apply(&under_way, clock.at(50), &late).unwrap(), Moved::All);
    assert_eq!(recent(&local, 10, clock.at(51)), None);
    // A poll can be the first to show it.
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    answer(&mut local, &ticket, clock.at(3), &[head(1, 5)]);
    let next = local.poll(clock.at(50), false);
    assert_eq!(local.apply(&next, clock.at(51), &late).unwrap(), Moved::All);
    assert_eq!(recent(&local, 1000, clock.at(52)), None);
}

#[test]
fn the_map_is_bounded() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let ticket = local.ask(clock.at(2));
    for number in 0..=MOST {
        let project = id(&format!("p-{number}"));
        let heads = vec![(project.clone(), Ok(head(1, 1)))];
        let found = Answered { epoch: None, heads };
        local.answer(&ticket, clock.at(3), &[project], &found).unwrap();
        assert!(local.heads.len() <= MOST);
    }
    assert_eq!(local.heads.len(), 1);
}

#[test]
fn what_was_committed_here_was_seen_here() {
    let clock = Clock::new();
    let mut local = polled(clock);
    let early = local.ask(clock.at(2));
    local.committed(&[(id("p"), head(1, 5).project, 5)], clock.at(3));
    answer(&mut local, &early, clock.at(4), &[head(1, 4)]);
    assert!(local.seen().contains(&id("p")));
    let late = local.ask(clock.at(5));
    let done = local.answer(&late, clock.at(6), &[id("p")], &found(&[head(1, 4)]));
    assert_eq!(done, Err(Regression { project: Some(id("p")), seen: 5, found: 4 }));
    let late = local.ask(clock.at(7));
    answer(&mut local, &late, clock.at(8), &[head(1, 5)]);
    let late = local.ask(clock.at(9));
    answer(&mut local, &late, clock.at(10), &[head(2, 1)]);
    assert_eq!(recent(&local, 1000, clock.at(11)), Some(1), "another project under the id");
}

/// The epoch known as of at most so many milliseconds before.
fn recent_epoch(local: &Local, age: u32, now: Instant) -> Option<u64> {
    local.recent_epoch(age * MS, now)
}

fn tell(local: &mut Local, ticket: &Ticket, now: Instant, epoch: u64) -> Result<Moved, Regression> {
    local.answer(ticket, now, &[], &Answered { epoch: Some(epoch), heads: Vec::new() })
}

#[test]
fn an_epoch_counts_from_its_question_and_not_from_its_answer() {
    let (clock, mut local) = (Clock::new(), Local::default());
    assert_eq!(recent_epoch(&local, 1000, clock.at(0)), None);
    let ticket = local.ask(clock.at(10));
    tell(&mut local, &ticket, clock.at(40), 3).unwrap();
    assert_eq!(recent_epoch(&local, 50, clock.at(59)), Some(3));
    assert_eq!(recent_epoch(&local, 50, clock.at(60)), None);
    // An answer that comes late makes nothing older, and nothing newer than its own question.
    let (early, late) = (local.ask(clock.at(61)), local.ask(clock.at(70)));
    tell(&mut local, &late, clock.at(71), 4).unwrap();
    tell(&mut local, &early, clock.at(72), 3).unwrap();
    assert_eq!(recent_epoch(&local, 50, clock.at(119)), Some(4));
    assert_eq!(recent_epoch(&local, 50, clock.at(120)), None);
}

#[test]
fn every_poll_tells_the_epoch() {
    let clock = Clock::new();
    let mut local = polled(clock);
    for (sent, epoch) in [(50, 1), (100, 1), (150, 2)] {
        let ticket = local.poll(clock.at(sent), false);
        let poll = Poll { epoch: Some(epoch), ..poll(20, &[]) };
        local.apply(&ticket, clock.at(sent + 1), &poll).unwrap();
        assert_eq!(recent_epoch(&local, 20, clock.at(sent + 19)), Some(epoch));
        assert_eq!(recent_epoch(&local, 20, clock.at(sent + 20)), None);
    }
}

#[test]
fn an_epoch_that_was_raised_here_is_known_here_and_is_no_proof_of_being_current() {
    let (clock, mut local) = (Clock::new(), Local::default());
    local.raised(5, clock.at(0));
    assert_eq!(recent_epoch(&local, 1000, clock.at(1)), None);
    let ticket = local.ask(clock.at(2));
    tell(&mut local, &ticket, clock.at(3), 5).unwrap();
    local.raised(6, clock.at(50));
    assert_eq!(recent_epoch(&local, 100, clock.at(101)), Some(6));
    assert_eq!(recent_epoch(&local, 100, clock.at(102)), None);
}

#[test]
fn an_epoch_that_goes_back_stops_the_store() {
    let (clock, mut local) = (Clock::new(), Local::default());
    let before = local.ask(clock.at(0));
    local.raised(5, clock.at(1));
    tell(&mut local, &before, clock.at(2), 4).unwrap();
    let after = local.ask(clock.at(3));
    let done = tell(&mut local, &after, clock.at(4), 4);
    assert_eq!(done, Err(Regression { project: None, seen: 5, found: 4 }));
}

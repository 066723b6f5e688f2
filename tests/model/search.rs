//! Every order in which the steps can come.

use super::protocol::{Answers, Mode, Protocol, Read, Steps};
use super::world::{At, Budget, Query, Rule, Step, Token, VIEWS, World};
use stateright::{Model, Property};

/// One step of one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Commit,
    /// A commit's keys are deleted; only where writers do that.
    Delete(At),
    Acknowledge(At),
    Begin(usize, Option<Token>),
    /// The next step of a read.
    Advance(usize),
    SendHeadQuery(usize),
    DatabaseAnswers(usize),
    AnswerArrives(usize),
    SendPoll(usize),
    DatabaseAnswersPoll(usize, usize),
    PollArrives(usize, usize),
    Tick,
    Crash(usize),
    Restore(At),
    FailOver,
    StandbyCatchesUp,
    MirrorSharedCache,
    RollSharedCacheBack,
    LoseShared(usize),
    LoseNear(usize, usize),
}

/// What happens, as often as it says, in every order.
#[derive(Debug)]
pub struct Search {
    pub protocol: Protocol,
    pub replicas: usize,
    pub reads: Vec<Read>,
    /// Which views each write changes, in the order of their commits.
    pub writes: Vec<[bool; VIEWS]>,
    pub budget: Budget,
    /// Whether a write's acknowledgement, or its writer's crash, is a step of its own. At once is
    /// the harder case: from then on reads owe the write.
    pub late_acks: bool,
    pub answers: Answers,
}

impl Search {
    fn of_replica(&self, replica: usize) -> Vec<usize> {
        (0..self.reads.len()).filter(|read| self.reads[*read].replica == replica).collect()
    }

    fn write_actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.writes < self.writes.len() {
            actions.push(Action::Commit);
        }
        actions.extend(world.undeleted.iter().map(|at| Action::Delete(*at)));
        let deleted = world.unacknowledged.iter().filter(|at| !world.undeleted.contains(at));
        actions.extend(deleted.map(|at| Action::Acknowledge(*at)));
    }

    fn read_actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (number, read) in self.reads.iter().enumerate() {
            // Of two reads that are alike, the first begins first: the other order is the same.
            let mut alike = self.reads[..number].iter().zip(&world.reads);
            if alike.any(|(other, step)| other == read && *step == Step::Ready) {
                continue;
            }
            match world.reads[number] {
                Step::Ready if read.mode == Mode::AtLeast => {
                    // Whoever has seen an answer holds a token, so any commit has one.
                    let tokens = (0..world.history.len()).map(Token::Of);
                    let tokens = tokens.chain([Token::Future]);
                    actions.extend(tokens.map(|token| Action::Begin(number, Some(token))));
                }
                Step::Ready => actions.push(Action::Begin(number, None)),
                Step::Waiting { .. } | Step::Joined { .. } | Step::Done => {}
                Step::Asking { .. } | Step::Filling { .. } | Step::Filled { .. } => {
                    actions.push(Action::Advance(number));
                }
            }
        }
    }

    fn replica_actions(&self, world: &World, number: usize, actions: &mut Vec<Action>) {
        let replica = &world.replicas[number];
        match replica.query {
            Some(Query { read: None, .. }) => actions.push(Action::DatabaseAnswers(number)),
            Some(_) => actions.push(Action::AnswerArrives(number)),
            None => {
                let mut reads = world.reads.iter().zip(&self.reads);
                if reads.any(|(step, read)| {
                    read.replica == number && matches!(step, Step::Waiting { .. })
                }) {
                    actions.push(Action::SendHeadQuery(number));
                }
            }
        }
        if world.left.polls > 0 {
            actions.push(Action::SendPoll(number));
        }
        for (place, poll) in replica.polls.iter().enumerate() {
            actions.push(match poll.read {
                None => Action::DatabaseAnswersPoll(number, place),
                Some(_) => Action::PollArrives(number, place),
            });
        }
        if world.left.crashes > 0 {
            actions.push(Action::Crash(number));
        }
        if world.left.losses > 0 {
            let kept = (0..VIEWS).filter(|view| replica.near[*view].is_some());
            actions.extend(kept.map(|view| Action::LoseNear(number, view)));
        }
    }

    fn mishaps(&self, world: &World, actions: &mut Vec<Action>) {
        let left = &world.left;
        if left.ticks > 0 {
            actions.push(Action::Tick);
        }
        if left.restores > 0 {
            actions.extend((0..world.present()).map(Action::Restore));
        }
        if left.failovers > 0 {
            actions.push(Action::FailOver);
        }
        if self.protocol == Protocol::FillsFromStandby && world.standby < world.present() {
            actions.push(Action::StandbyCatchesUp);
        }
        if left.rollbacks > 0 && world.mirrored != world.shared {
            actions.extend([Action::MirrorSharedCache, Action::RollSharedCacheBack]);
        }
        if left.losses > 0 {
            actions.extend((0..world.shared.len()).map(Action::LoseShared));
        }
    }

    fn take(&self, steps: &mut Steps<'_>, action: Action) {
        let world = &mut steps.world;
        match action {
            Action::Commit => {
                let views = self.writes[world.writes];
                steps.commit(views);
            }
            Action::Delete(at) => {
                world.undeleted.retain(|other| *other != at);
                let changed = world.history[at].content.map(|by| usize::from(by) == at);
                world.shared.retain(|blob| !changed[blob.key.view]);
            }
            Action::Acknowledge(at) => {
                world.unacknowledged.retain(|other| *other != at);
                world.make_known(at);
            }
            Action::Begin(read, token) => steps.begin(read, token),
            Action::Advance(read) => match world.reads[read] {
                Step::Asking { ask, head } => steps.ask_shared(read, ask, head),
                Step::Filling { ask, head } => steps.snapshot(read, ask, head),
                Step::Filled { ask, head, made } => steps.put(read, ask, head, made),
                _ => unreachable!("it waits for somebody else"),
            },
            Action::SendHeadQuery(replica) => steps.send(replica),
            Action::DatabaseAnswers(replica) => {
                let present = world.present();
                world.replicas[replica].query.as_mut().unwrap().read = Some(present);
            }
            Action::AnswerArrives(replica) => steps.arrive(replica),
            Action::SendPoll(replica) => {
                world.left.polls -= 1;
                world.replicas[replica].polls.push(Query { read: None, age: 0 });
            }
            Action::DatabaseAnswersPoll(replica, place) => {
                let present = world.present();
                world.replicas[replica].polls[place].read = Some(present);
            }
            Action::PollArrives(replica, place) => {
                let poll = world.replicas[replica].polls.remove(place);
                steps.remember(replica, poll);
            }
            Action::Tick => {
                world.left.ticks -= 1;
                world.tick();
            }
            Action::Crash(replica) => {
                world.left.crashes -= 1;
                world.crash(replica, &self.of_replica(replica));
            }
            Action::Restore(at) => {
                world.left.restores -= 1;
                world.reincarnate(at);
            }
            Action::FailOver => {
                world.left.failovers -= 1;
                world.reincarnate(world.present());
            }
            Action::StandbyCatchesUp => world.standby += 1,
            Action::MirrorSharedCache => world.mirrored = world.shared.clone(),
            Action::RollSharedCacheBack => {
                world.left.rollbacks -= 1;
                world.shared = world.mirrored.clone();
            }
            Action::LoseShared(place) => {
                world.left.losses -= 1;
                world.shared.remove(place);
            }
            Action::LoseNear(replica, view) => {
                world.left.losses -= 1;
                world.replicas[replica].near[view] = None;
            }
        }
    }
}

impl Model for Search {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.replicas, self.reads.len(), self.budget)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // Nothing is to be learned after a rule is broken, or after the last read has ended.
        if world.broken.is_some() || world.reads.iter().all(|step| *step == Step::Done) {
            return;
        }
        self.write_actions(world, actions);
        self.read_actions(world, actions);
        (0..self.replicas).for_each(|replica| self.replica_actions(world, replica, actions));
        self.mishaps(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let world = world.clone();
        let (protocol, reads, answers) = (self.protocol, &self.reads[..], &self.answers);
        let late_acks = self.late_acks;
        let mut steps = Steps { protocol, reads, answers, late_acks, world };
        self.take(&mut steps, action);
        if !steps.world.goes_on(|read| self.reads[read].replica) {
            steps.world.broken = steps.world.broken.or(Some(Rule::Stuck));
        }
        Some(steps.world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("strong", |_, world: &World| world.broken != Some(Rule::Strong)),
            Property::always("stale", |_, world: &World| world.broken != Some(Rule::Stale)),
            Property::always("token", |_, world: &World| world.broken != Some(Rule::Token)),
            Property::always("refusal", |_, world: &World| world.broken != Some(Rule::Refusal)),
            Property::always("snapshot", |_, world: &World| world.broken != Some(Rule::Snapshot)),
            Property::always("incarnation", |_, world: &World| {
                world.broken != Some(Rule::Incarnation)
            }),
            Property::always("stuck", |_, world: &World| world.broken != Some(Rule::Stuck)),
        ]
    }
}

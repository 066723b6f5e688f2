//! The protocol, step by step, and what its broken variants do differently.

use super::world::{
    Ask, At, Blob, Commit, Key, LEASE, Local, Query, Rule, Step, Token, VIEWS, World,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The protocol, or one that is wrong in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Right,
    /// Cache-aside under a fixed key that the writer deletes after the commit.
    DeleteOnWrite,
    /// Cache keys without the incarnation.
    NoIncarnation,
    /// A strong read takes the remembered head.
    StrongFromLocal,
    /// A read by token takes the remembered head however old it is.
    TokenWithoutLease,
    /// A read joins a head query that was sent before it began.
    JoinsSentQuery,
    /// A fill reads a standby that lags.
    FillsFromStandby,
    /// A fill is stamped with the revision that was asked for.
    StampsAsAsked,
    /// A read that joins a fill answers with the fill's stamp, which may be before its own head.
    JoinerTakesStamp,
    /// A lease counts from when the answer arrived.
    LeaseFromArrival,
    /// Heads are merged by revision alone, over incarnations.
    MergesLives,
    /// A token's revision is compared without its incarnation.
    TokenWithoutLife,
    /// A token that the remembered head has not reached is refused without asking.
    RefusesUnasked,
}

/// How new an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Strong,
    AtLeast,
    /// In ticks, up to [`LEASE`].
    Bounded(usize),
}

/// A read that begins at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub replica: usize,
    pub view: usize,
    pub mode: Mode,
}

/// Where answers came from, over the whole search: a model in which nothing happens proves nothing.
#[derive(Debug, Default)]
pub struct Answers {
    pub near: AtomicUsize,
    pub shared: AtomicUsize,
    pub filled: AtomicUsize,
    pub joined: AtomicUsize,
    pub unasked: AtomicUsize,
    pub refused: AtomicUsize,
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A world while one step is taken in it.
pub struct Steps<'a> {
    pub protocol: Protocol,
    pub reads: &'a [Read],
    pub answers: &'a Answers,
    pub late_acks: bool,
    pub world: World,
}

impl Steps<'_> {
    fn is(&self, protocol: Protocol) -> bool {
        self.protocol == protocol
    }

    pub fn key(&self, view: usize, at: At) -> Key {
        let Commit { incarnation, views, .. } = self.world.history[at];
        match self.protocol {
            Protocol::DeleteOnWrite => Key { view, incarnation: 0, revision: 0 },
            Protocol::NoIncarnation => Key { view, incarnation: 0, revision: views[view] },
            _ => Key { view, incarnation, revision: views[view] },
        }
    }

    /// Commits a write of these views: rows and head in one transaction.
    pub fn commit(&mut self, views: [bool; VIEWS]) {
        let mut next = self.world.history[self.world.present()];
        let at = self.world.history.len();
        next.revision += 1;
        for view in (0..VIEWS).filter(|view| views[*view]) {
            next.views[view] = next.revision;
            next.content[view] = u8::try_from(at).unwrap();
        }
        self.world.history.push(next);
        self.world.writes += 1;
        if self.is(Protocol::DeleteOnWrite) {
            self.world.undeleted.push(at);
        }
        if self.late_acks || self.is(Protocol::DeleteOnWrite) {
            self.world.unacknowledged.push(at);
        } else {
            self.world.make_known(at);
        }
    }

    /// A read begins: it takes the remembered head if it may, else it waits for a head query.
    pub fn begin(&mut self, read: usize, token: Option<Token>) {
        let Read { replica, mode, .. } = self.reads[read];
        let floor = match mode {
            Mode::Strong => self.world.known[0],
            Mode::AtLeast => self.world.known[LEASE],
            Mode::Bounded(bound) => self.world.known[bound],
        };
        let ask = Ask { floor, token };
        if self.is(Protocol::DeleteOnWrite) {
            self.world.reads[read] = Step::Asking { ask, head: 0 };
            return;
        }
        let local = self.world.replicas[replica].local;
        let fit = local.filter(|local| match mode {
            Mode::Strong => self.is(Protocol::StrongFromLocal),
            Mode::Bounded(bound) => local.age < bound,
            Mode::AtLeast => {
                (local.age < LEASE || self.is(Protocol::TokenWithoutLease))
                    && (self.reached(token, local.head) || self.is(Protocol::RefusesUnasked))
            }
        });
        if let Some(local) = fit {
            count(&self.answers.unasked);
            self.take_head(read, ask, local.head);
            return;
        }
        let joins = self.is(Protocol::JoinsSentQuery);
        let sent = joins && self.world.replicas[replica].query.is_some();
        self.world.reads[read] = Step::Waiting { ask, sent };
    }

    /// Whether a state is of the token's incarnation, and has its revision.
    fn reached(&self, token: Option<Token>, at: At) -> bool {
        let head = self.world.history[at];
        match token {
            None => true,
            Some(Token::Future) => false,
            Some(Token::Of(token)) => {
                let token = self.world.history[token];
                let life =
                    self.is(Protocol::TokenWithoutLife) || token.incarnation == head.incarnation;
                life && token.revision <= head.revision
            }
        }
    }

    fn take_head(&mut self, read: usize, ask: Ask, head: At) {
        if self.reached(ask.token, head) {
            self.look(read, ask, head);
        } else {
            self.refuse(read, ask);
        }
    }

    /// Sends the head query of a replica, for all who wait for one to be sent.
    pub fn send(&mut self, replica: usize) {
        for (step, read) in self.world.reads.iter_mut().zip(self.reads) {
            if let (Step::Waiting { sent, .. }, true) = (step, read.replica == replica) {
                *sent = true;
            }
        }
        self.world.replicas[replica].query = Some(Query { read: None, age: 0 });
    }

    /// The answer of a head query arrives.
    pub fn arrive(&mut self, replica: usize) {
        let query = self.world.replicas[replica].query.take().unwrap();
        self.remember(replica, query);
        for read in 0..self.reads.len() {
            if let Step::Waiting { ask, sent: true } = self.world.reads[read]
                && self.reads[read].replica == replica
            {
                self.take_head(read, ask, query.read.unwrap());
            }
        }
    }

    /// Merges an answer into what the replica remembers. In one incarnation the later revision
    /// was current after either question was sent, so it takes the younger lease. Of two
    /// incarnations nobody can say which came first: the one asked for last is kept, and as each
    /// head carries the time of its own question, either choice keeps its bound.
    pub fn remember(&mut self, replica: usize, query: Query) {
        let head = query.read.unwrap();
        let age = if self.is(Protocol::LeaseFromArrival) { 0 } else { query.age };
        let local = &mut self.world.replicas[replica].local;
        let history = &self.world.history;
        *local = Some(match *local {
            None => Local { head, age },
            Some(old) if self.protocol == Protocol::MergesLives => {
                let newer = history[head].revision > history[old.head].revision;
                Local { head: if newer { head } else { old.head }, age: age.min(old.age) }
            }
            Some(old) if history[old.head].incarnation == history[head].incarnation => {
                Local { head: head.max(old.head), age: age.min(old.age) }
            }
            Some(old) if old.age < age => old,
            Some(_) => Local { head, age },
        });
    }

    /// Looks into the cache of the process, without a pause since it has the head; on a miss it
    /// joins whoever fetches the same key.
    fn look(&mut self, read: usize, ask: Ask, head: At) {
        let Read { replica, view, .. } = self.reads[read];
        let key = self.key(view, head);
        if let Some(blob) = self.world.replicas[replica].near[view].filter(|blob| blob.key == key) {
            count(&self.answers.near);
            self.answer(read, ask, head, blob.made);
            return;
        }
        let leader = (0..self.reads.len()).find(|&other| {
            let same = self.reads[other].replica == replica && self.reads[other].view == view;
            match self.world.reads[other] {
                Step::Asking { head, .. }
                | Step::Filling { head, .. }
                | Step::Filled { head, .. } => same && self.key(view, head) == key,
                _ => false,
            }
        });
        self.world.reads[read] = match leader {
            Some(leader) => Step::Joined { ask, head, leader },
            None => Step::Asking { ask, head },
        };
    }

    /// Looks into the shared cache.
    pub fn ask_shared(&mut self, read: usize, ask: Ask, head: At) {
        let view = self.reads[read].view;
        let key = self.key(view, head);
        let Some(blob) = self.world.shared.iter().copied().find(|blob| blob.key == key) else {
            self.world.reads[read] = Step::Filling { ask, head };
            return;
        };
        count(&self.answers.shared);
        self.keep_near(read, blob);
        // Without revisions in keys, the entry itself says what it is of.
        let stamp = if self.is(Protocol::DeleteOnWrite) { blob.made } else { head };
        self.answer_all(read, ask, stamp, blob.made);
    }

    /// Takes a snapshot: head and rows together.
    pub fn snapshot(&mut self, read: usize, ask: Ask, head: At) {
        let lags = self.is(Protocol::FillsFromStandby);
        let made = if lags { self.world.standby } else { self.world.present() };
        self.world.reads[read] = Step::Filled { ask, head, made };
    }

    /// Puts a snapshot into the caches under what it shows, and answers with that.
    pub fn put(&mut self, read: usize, ask: Ask, head: At, made: At) {
        let stamp = if self.is(Protocol::StampsAsAsked) { head } else { made };
        let blob = Blob { key: self.key(self.reads[read].view, stamp), made };
        self.keep_near(read, blob);
        if self.world.shared.iter().all(|other| other.key != blob.key) {
            self.world.shared.push(blob);
            self.world.shared.sort_unstable();
        }
        count(&self.answers.filled);
        self.answer_all(read, ask, stamp, made);
    }

    fn keep_near(&mut self, read: usize, blob: Blob) {
        if self.is(Protocol::DeleteOnWrite) {
            return;
        }
        let Read { replica, view, .. } = self.reads[read];
        let near = &mut self.world.replicas[replica].near[view];
        if near.is_none_or(|kept| kept.key < blob.key) {
            *near = Some(blob);
        }
    }

    /// Answers a read and those who joined it.
    fn answer_all(&mut self, leader: usize, ask: Ask, stamp: At, made: At) {
        self.answer(leader, ask, stamp, made);
        for read in 0..self.reads.len() {
            if let Step::Joined { ask, head, leader: joined } = self.world.reads[read]
                && joined == leader
            {
                count(&self.answers.joined);
                // The same view may stand at a later revision of the project: the joiner's own.
                let own = if self.is(Protocol::JoinerTakesStamp) { stamp } else { stamp.max(head) };
                self.answer(read, ask, own, made);
            }
        }
    }

    fn answer(&mut self, read: usize, ask: Ask, stamp: At, made: At) {
        // The snapshot of a fill may be of a life that the token knows nothing of.
        if !self.reached(ask.token, stamp) {
            self.refuse(read, ask);
            return;
        }
        let Read { view, mode, .. } = self.reads[read];
        let (stamped, content) = (self.world.history[stamp], self.world.history[made]);
        let broken = [
            (stamped.content[view] != content.content[view], Rule::Snapshot),
            (stamped.incarnation != content.incarnation, Rule::Incarnation),
            (!self.fulfils(ask.token, stamp), Rule::Token),
            (stamp < ask.floor, if mode == Mode::Strong { Rule::Strong } else { Rule::Stale }),
        ];
        let broken = broken.into_iter().find_map(|(is, rule)| is.then_some(rule));
        self.world.broken = self.world.broken.or(broken);
        self.world.reads[read] = Step::Done;
        if mode == Mode::Strong {
            self.world.make_known(stamp);
        }
    }

    /// What [`Self::reached`] should say, and does in the right protocol.
    fn fulfils(&self, token: Option<Token>, at: At) -> bool {
        let Some(token) = token else { return true };
        let Token::Of(token) = token else { return false };
        self.world.incarnation(token) == self.world.incarnation(at) && token <= at
    }

    fn refuse(&mut self, read: usize, ask: Ask) {
        count(&self.answers.refused);
        let present = self.world.incarnation(self.world.present());
        let valid =
            matches!(ask.token, Some(Token::Of(at)) if self.world.incarnation(at) == present);
        self.world.broken = self.world.broken.or(valid.then_some(Rule::Refusal));
        self.world.reads[read] = Step::Done;
    }
}

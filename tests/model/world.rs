//! The state of the model: a database, replicas with what they remember, one shared cache, reads.

/// Ticks for which a head may be used without asking, where a read allows that: one second.
pub const LEASE: usize = 2;

/// Views: pairs of environment and stage.
pub const VIEWS: usize = 2;

/// A place in the history of the database. Later in the history is later in time, over all
/// incarnations, so "at least as new" is a comparison of places.
pub type At = usize;

/// A committed state of the database: one project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commit {
    pub incarnation: u8,
    pub revision: u8,
    /// The revision at which each view last changed.
    pub views: [u8; VIEWS],
    /// What each view shows: the place of the write that made it, so no two writes look the same.
    pub content: [u8; VIEWS],
}

/// What a cached view is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub view: usize,
    pub incarnation: u8,
    pub revision: u8,
}

/// A cached view, with the place in history that its content was read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Blob {
    pub key: Key,
    pub made: At,
}

/// A question for the head, under way. The age counts ticks since it was sent, up to [`LEASE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    pub read: Option<At>,
    pub age: usize,
}

/// The head that a replica remembers. The age counts ticks since the question was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Local {
    pub head: At,
    pub age: usize,
}

/// One server process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Replica {
    pub local: Option<Local>,
    /// The cache in the process: one revision of each view.
    pub near: [Option<Blob>; VIEWS],
    /// The head query of strong reads. Reads that came after it was sent wait for the next.
    pub query: Option<Query>,
    /// Polls of the feed; they overtake each other, and one that never arrives is lost.
    pub polls: Vec<Query>,
}

/// A revision token that a read asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Of this commit, perhaps of an earlier life of the database.
    Of(At),
    /// Of a revision that this incarnation has not reached.
    Future,
}

/// What a read owes, fixed when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The answer may not be older than this commit.
    pub floor: At,
    pub token: Option<Token>,
}

/// How far a read has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Ready,
    /// For the answer to a head query; `sent` is whether that query left already.
    Waiting {
        ask: Ask,
        sent: bool,
    },
    /// It has a head, its process has no such view: it looks into the shared cache.
    Asking {
        ask: Ask,
        head: At,
    },
    /// Not there either: it takes a snapshot.
    Filling {
        ask: Ask,
        head: At,
    },
    /// Another read of this process fetches the same key: it takes what that one gets.
    Joined {
        ask: Ask,
        head: At,
        leader: usize,
    },
    /// It has a snapshot, and has not yet put it into the caches.
    Filled {
        ask: Ask,
        head: At,
        made: At,
    },
    Done,
}

/// How often each thing may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    pub ticks: u8,
    pub polls: u8,
    /// A replica loses its memory, and its calls.
    pub crashes: u8,
    /// The database is put back to an older state, under a new incarnation.
    pub restores: u8,
    /// The database moves to a standby that has everything, under a new incarnation.
    pub failovers: u8,
    /// The shared cache goes back to an older set of entries.
    pub rollbacks: u8,
    /// An entry of a cache is lost.
    pub losses: u8,
}

/// The rules that answers obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A strong answer is as new as all that was acknowledged or shown before it was asked for.
    Strong,
    /// A bounded or token answer is not older than its bound.
    Stale,
    /// A token answer is of the token's incarnation and revision, or later in it.
    Token,
    /// A token of this incarnation is never refused.
    Refusal,
    /// The content is that of the stamped revision, and of no other.
    Snapshot,
    /// Head and content are of one incarnation.
    Incarnation,
    /// A read that began can always go on without anybody else's read or write.
    Stuck,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub history: Vec<Commit>,
    /// Committed, and not yet acknowledged; a writer that crashed stays here for ever.
    pub unacknowledged: Vec<At>,
    /// The latest commit that anybody outside knows of: now, and at the end of each earlier tick.
    pub known: [At; LEASE + 1],
    pub replicas: Vec<Replica>,
    pub shared: Vec<Blob>,
    /// What the shared cache goes back to if it fails over.
    pub mirrored: Vec<Blob>,
    pub reads: Vec<Step>,
    pub left: Budget,
    pub writes: usize,
    /// Only for broken variants: how far a lagging standby is, and whose keys still are to be
    /// deleted.
    pub standby: At,
    pub undeleted: Vec<At>,
    pub broken: Option<Rule>,
}

impl World {
    pub fn new(replicas: usize, reads: usize, left: Budget) -> Self {
        let first = Commit { incarnation: 0, revision: 0, views: [0; VIEWS], content: [0; VIEWS] };
        Self {
            history: vec![first],
            unacknowledged: Vec::new(),
            known: [0; LEASE + 1],
            replicas: vec![Replica::default(); replicas],
            shared: Vec::new(),
            mirrored: Vec::new(),
            reads: vec![Step::Ready; reads],
            left,
            writes: 0,
            standby: 0,
            undeleted: Vec::new(),
            broken: None,
        }
    }

    /// The place of the database's present state.
    pub fn present(&self) -> At {
        self.history.len() - 1
    }

    pub fn incarnation(&self, at: At) -> u8 {
        self.history[at].incarnation
    }

    /// One tick of every clock. Nobody is told, and nothing else has to happen before the next:
    /// a process that is paused is one whose steps do not come.
    pub fn tick(&mut self) {
        for place in (1..=LEASE).rev() {
            self.known[place] = self.known[place - 1];
        }
        let older = |age: &mut usize| *age = (*age + 1).min(LEASE);
        for replica in &mut self.replicas {
            replica.local.iter_mut().for_each(|local| older(&mut local.age));
            replica.query.iter_mut().for_each(|query| older(&mut query.age));
            replica.polls.iter_mut().for_each(|poll| older(&mut poll.age));
        }
    }

    /// The database becomes what it was at a place, in a new life.
    pub fn reincarnate(&mut self, at: At) {
        let incarnation = self.incarnation(self.present()) + 1;
        self.history.push(Commit { incarnation, ..self.history[at] });
        // What the restore took back is no longer owed to anybody.
        self.known[0] = self.present();
    }

    /// Somebody outside knows of a commit.
    pub fn make_known(&mut self, at: At) {
        self.known[0] = self.known[0].max(at);
    }

    /// A replica loses its memory, and the calls that it was serving.
    pub fn crash(&mut self, replica: usize, of: &[usize]) {
        self.replicas[replica] = Replica::default();
        for &read in of {
            if self.reads[read] != Step::Ready {
                self.reads[read] = Step::Done;
            }
        }
    }

    /// Whether every read that began has somebody to wait for.
    pub fn goes_on(&self, replica_of: impl Fn(usize) -> usize) -> bool {
        self.reads.iter().enumerate().all(|(read, step)| match step {
            Step::Waiting { sent: true, .. } => self.replicas[replica_of(read)].query.is_some(),
            Step::Joined { leader, .. } => matches!(
                self.reads[*leader],
                Step::Asking { .. } | Step::Filling { .. } | Step::Filled { .. }
            ),
            _ => true,
        })
    }
}

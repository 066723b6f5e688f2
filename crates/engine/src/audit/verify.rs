//! Whether a trail is what was written: the same code for a server that walks its store and for
//! somebody with nothing but an export and the public key.

use super::record::genesis;
use super::{Checkpoint, Head, Hex, Line, Record};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::time::Duration;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::{Deployment, ProjectUid};

/// Checkpoints are made every few seconds. A record that is older than the last of them by so much,
/// and that none of them signs, was kept from being signed.
const UNSIGNED: Duration = Duration::from_secs(300);

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records.
    pub records: u64,
    /// Chains.
    pub chains: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Records that no checkpoint signs yet.
    pub unsigned: u64,
}

/// The first thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The chain; `checkpoints` or `projects` where it is one of those.
    pub chain: String,
    /// The place in the chain, or the checkpoint's number; 0 where there is none.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

/// What came out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// What was looked at, up to the problem.
    pub counts: Counts,
    /// The first problem; none where the trail is what was written.
    pub problem: Option<Problem>,
}

struct Chain {
    sequence: u64,
    hash: [u8; 32],
    /// The record that the last checkpoint signs.
    signed: u64,
    /// When the first record after that was written.
    unsigned_since: Option<Timestamp>,
    ended: bool,
}

/// Takes the lines of an export one after another.
pub struct Verifier {
    key: Hex<32>,
    deployment: Option<Deployment>,
    chains: BTreeMap<String, Chain>,
    /// The hash of each checkpoint, for the chains that begin after it.
    checkpoints: BTreeMap<u64, [u8; 32]>,
    /// Checkpoints that are known from elsewhere.
    known: BTreeMap<u64, [u8; 32]>,
    /// Hashes that some checkpoint names as lost, by its number.
    adopted: Vec<(u64, [u8; 32])>,
    last: Option<Timestamp>,
    /// The latest revision of each project that the trail speaks of.
    revisions: HashMap<ProjectUid, u64>,
    counts: Counts,
    ended: bool,
}

fn problem<T>(chain: &str, sequence: u64, what: &str) -> Result<T, Problem> {
    Err(Problem { chain: chain.to_owned(), sequence, what: what.to_owned() })
}

const CHECKPOINTS: &str = "checkpoints";

impl Verifier {
    /// Verifies by this key.
    #[must_use]
    pub fn new(key: Hex<32>) -> Self {
        Self {
            key,
            deployment: None,
            chains: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            known: BTreeMap::new(),
            adopted: Vec::new(),
            last: None,
            revisions: HashMap::new(),
            counts: Counts::default(),
            ended: false,
        }
    }

    /// Takes a checkpoint that was kept elsewhere: the trail has to hold it as well.
    ///
    /// # Errors
    /// Where the key did not sign it.
    pub fn know(&mut self, checkpoint: &Checkpoint) -> Result<(), Problem> {
        if !checkpoint.is_signed_by(&self.key) {
            return problem(
                CHECKPOINTS,
                checkpoint.number,
                "a kept checkpoint is not signed by the key",
            );
        }
        self.known.insert(checkpoint.number, checkpoint.hash());
        Ok(())
    }

    /// What was looked at so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// The first problem.
    pub fn take(&mut self, line: &Line) -> Result<(), Problem> {
        if self.ended {
            return problem("", 0, "something follows the end");
        }
        if self.deployment.is_none() && !matches!(line, Line::Trail { .. }) {
            return problem("", 0, "the first line does not say what trail this is");
        }
        match line {
            Line::Trail { format, deployment, public_key } => {
                if *format != 1 || self.deployment.is_some() {
                    return problem("", 0, "the first line is not of a form that is known");
                }
                if *public_key != self.key {
                    return problem("", 0, "the trail names another key");
                }
                self.deployment = Some(*deployment);
                Ok(())
            }
            Line::Chain { chain, checkpoint, checkpoint_hash } => {
                self.begin(chain, *checkpoint, &checkpoint_hash.0)
            }
            Line::Record(record) => self.record(record),
            Line::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Line::Head(head) => self.head(head),
            Line::Project { project, revision } => self.project(*project, *revision),
            Line::End { records } => self.end(*records),
        }
    }

    fn begin(&mut self, chain: &str, number: u64, hash: &[u8; 32]) -> Result<(), Problem> {
        let named = match number {
            0 => Some([0; 32]),
            number => self.checkpoints.get(&number).copied(),
        };
        if named != Some(*hash) {
            return problem(chain, 0, "the chain begins after a checkpoint that there is not");
        }
        let Some(deployment) = self.deployment else { return Ok(()) };
        let begun = Chain {
            sequence: 0,
            hash: genesis(deployment, chain, number, hash),
            signed: 0,
            unsigned_since: None,
            ended: false,
        };
        if self.chains.insert(chain.to_owned(), begun).is_some() {
            return problem(chain, 0, "the chain begins twice");
        }
        self.counts.chains += 1;
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), Problem> {
        let Record { chain: name, sequence, .. } = record;
        let Some(chain) = self.chains.get_mut(name) else {
            return problem(name, *sequence, "a record of a chain that has no beginning");
        };
        if *sequence > chain.sequence + 1 {
            return problem(name, chain.sequence + 1, "a record is missing");
        }
        if *sequence <= chain.sequence {
            return problem(name, *sequence, "a record stands twice");
        }
        let hash = record.hashed(&chain.hash);
        if hash != record.hash.0 {
            return problem(name, *sequence, "the record is not what was written there");
        }
        (chain.sequence, chain.hash) = (*sequence, hash);
        chain.unsigned_since.get_or_insert(record.at);
        self.counts.records += 1;
        self.counts.unsigned += 1;
        // Only what is in the project's own chain was written with its revision; disclosures may
        // name one that a restore took back.
        if let (Some(project), Some(revision)) = (super::chain::project_of(name), record.revision) {
            let latest = self.revisions.entry(project).or_default();
            *latest = revision.max(*latest);
        }
        Ok(())
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Problem> {
        let number = checkpoint.number;
        let wrong = |what| problem(CHECKPOINTS, number, what);
        let (before, previous) = self
            .checkpoints
            .last_key_value()
            .map_or((0, [0; 32]), |(number, hash)| (*number, *hash));
        if number <= before {
            return wrong("a checkpoint stands twice");
        }
        if number > before + 1 && checkpoint.adopted.is_none() {
            return problem(CHECKPOINTS, before + 1, "a checkpoint is missing");
        }
        if !checkpoint.is_signed_by(&self.key) {
            return wrong("the checkpoint is not signed by the key");
        }
        if Some(checkpoint.deployment) != self.deployment {
            return wrong("the checkpoint is of another deployment");
        }
        if checkpoint.previous.0 != previous {
            return wrong("the checkpoint does not follow the one before");
        }
        for Head { chain: name, sequence, hash } in &checkpoint.heads {
            let Some(chain) = self.chains.get_mut(name) else {
                return problem(name, *sequence, "a chain that was signed is gone");
            };
            if chain.sequence < *sequence {
                return problem(name, chain.sequence + 1, "records that were signed are missing");
            }
            if (chain.sequence, chain.hash) != (*sequence, hash.0) {
                return problem(name, *sequence, "the chain is not the one that was signed");
            }
            self.counts.unsigned -= chain.sequence - chain.signed;
            (chain.signed, chain.unsigned_since) = (chain.sequence, None);
        }
        for head in &checkpoint.projects {
            let latest = self.revisions.entry(head.project).or_default();
            *latest = head.revision.max(*latest);
        }
        let hash = checkpoint.hash();
        self.checkpoints.insert(number, hash);
        self.adopted.extend(checkpoint.adopted.map(|adopted| (number, adopted.0)));
        self.last = Some(checkpoint.at);
        self.counts.checkpoints += 1;
        Ok(())
    }

    fn head(&mut self, head: &Head) -> Result<(), Problem> {
        let Some(chain) = self.chains.get_mut(&head.chain) else {
            return problem(&head.chain, head.sequence, "a head of a chain that has no beginning");
        };
        if chain.sequence < head.sequence {
            return problem(&head.chain, chain.sequence + 1, "the last records are missing");
        }
        if (chain.sequence, chain.hash) != (head.sequence, head.hash.0) {
            return problem(&head.chain, head.sequence + 1, "a record after the end of the chain");
        }
        chain.ended = true;
        Ok(())
    }

    fn project(&self, project: ProjectUid, revision: u64) -> Result<(), Problem> {
        match self.revisions.get(&project) {
            Some(latest) if revision < *latest => {
                let chain = super::chain::of_project(project);
                problem(&chain, 0, "the project is older than what is on record of it")
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, records: u64) -> Result<(), Problem> {
        self.ended = true;
        if records != self.counts.records {
            return problem("", 0, "there are more or fewer records than the end says");
        }
        for (name, chain) in &self.chains {
            if !chain.ended {
                return problem(name, chain.sequence, "the head of the chain is gone");
            }
            let late = |since: Timestamp, last: Timestamp| since < last.before(UNSIGNED);
            if let (Some(since), Some(last)) = (chain.unsigned_since, self.last)
                && late(since, last)
            {
                return problem(name, chain.signed + 1, "no checkpoint signs the record");
            }
        }
        for (number, hash) in &self.known {
            // One that was lost counts if a later one that is signed says so.
            let adopted = self.adopted.iter().any(|(by, _)| by > number);
            match self.checkpoints.get(number) {
                Some(here) if here == hash => {}
                Some(_) => {
                    return problem(CHECKPOINTS, *number, "the checkpoint is not the kept one");
                }
                None if adopted => {}
                None => {
                    return problem(CHECKPOINTS, *number, "a checkpoint that was kept is missing");
                }
            }
        }
        Ok(())
    }

    /// The verdict after the last line.
    #[must_use]
    pub fn finish(self, problem: Option<Problem>) -> Verdict {
        let cut = || Problem {
            chain: String::new(),
            sequence: 0,
            what: "the trail breaks off before its end".to_owned(),
        };
        let problem = problem.or_else(|| (!self.ended).then(cut));
        Verdict { counts: self.counts, problem }
    }
}

/// Verifies an export line by line, and against checkpoints that were kept elsewhere.
///
/// # Errors
/// Only of reading; what does not parse is a problem of the trail.
pub fn verify_export(
    key: Hex<32>,
    export: impl BufRead,
    kept: Option<impl BufRead>,
) -> std::io::Result<Verdict> {
    let mut verifier = Verifier::new(key);
    let unread = |at: usize| Problem {
        chain: String::new(),
        sequence: 0,
        what: format!("line {} does not read as it was written", at + 1),
    };
    if let Some(kept) = kept {
        for (at, line) in kept.lines().enumerate() {
            let taken = match serde_json::from_str(&line?) {
                Ok(checkpoint) => verifier.know(&checkpoint),
                Err(_) => Err(unread(at)),
            };
            if let Err(problem) = taken {
                return Ok(verifier.finish(Some(problem)));
            }
        }
    }
    for (at, line) in export.lines().enumerate() {
        let taken = match serde_json::from_str(&line?) {
            Ok(line) => verifier.take(&line),
            Err(_) => Err(unread(at)),
        };
        if let Err(problem) = taken {
            return Ok(verifier.finish(Some(problem)));
        }
    }
    Ok(verifier.finish(None))
}

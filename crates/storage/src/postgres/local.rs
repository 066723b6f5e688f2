//! The heads that this process knows, and of which instant it knows them to be current.
//!
//! "Current as of an instant" means: no commit that had ended by then is missing. The argument, for
//! one store, its clock being this process's monotonic one:
//!
//! 1. A question's snapshot is taken after the question was sent. So its answer is current as of
//!    the instant of sending.
//! 2. A poll returns every project whose last writer is not older than the cursor: the oldest
//!    transaction that had not ended in the snapshot of the poll *before*. A transaction that the
//!    new snapshot shows and the one before did not show is not older than that, whenever it took
//!    its number. So a poll's rows hold all that became visible between the two snapshots.
//! 3. Hence a head that is current as of the snapshot of the last applied poll, or a later one,
//!    becomes current as of the next poll's snapshot, and so as of the instant at which that poll
//!    was sent, by merging that poll's row, if there is one. Such a head is called *followed*.
//! 4. A strong answer whose question was sent after the last poll was applied is followed: its
//!    snapshot is later than that poll's. If a poll was applied while the question was under way,
//!    nothing tells which of the two snapshots came first, and what the poll would have merged into
//!    this head is gone: the head counts from its own question only, and gains nothing from later
//!    polls. That is what the count of applied polls (`epoch`) is compared for.
//! 5. Merging keeps the higher revision, and both sides' claims with it: revisions of one project
//!    are in the order of their commits, so the higher one is missing nothing that the lower shows.
//!    That holds for one project's life: under another uid the one is forgotten.
//! 6. The numbers of transactions go on from where they were only while the server runs. One that
//!    crashed, or a standby that was promoted, may give numbers again that an aborted transaction
//!    had, below the cursor. So the first poll of every connection only says where to begin: no
//!    head is followed any more, and everybody who waits is told to look.
//! 7. Nothing moves a removed project's row. Only a deleted project is ever removed, and a deleted
//!    one is not answered from here, nor is one that is not there.
//! 8. The authorisation epoch needs none of this. It is one number that every poll and every answer
//!    reads whole, so each makes it current as of the instant at which it was sent; the higher of
//!    two is missing nothing that the lower shows, since all who raise it are ordered by its row.

use super::heads::{Answered, Poll};
use crate::Head;
use foldhash::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use waxseal_domain::name::ProjectId;
use waxseal_domain::uid::{Incarnation, ProjectUid};

/// More heads than this are not kept.
const MOST: usize = 16_384;

#[derive(Default)]
pub(super) struct Local {
    incarnation: Option<Incarnation>,
    heads: HashMap<ProjectId, Known>,
    /// The last applied poll.
    applied: Option<Applied>,
    /// What this process committed itself, and when it learned that: no later answer is older.
    committed: HashMap<ProjectId, (ProjectUid, u64, Instant)>,
    /// Counts applied polls, and what makes them worthless.
    epoch: u64,
    /// The authorisation epoch.
    rights: Option<Rights>,
    /// The rows of the last poll: polls overlap, and nobody has to be told twice.
    told: HashMap<ProjectId, (ProjectUid, u64)>,
}

/// The authorisation epoch, as far as this process knows it.
#[derive(Clone, Copy)]
struct Rights {
    epoch: u64,
    /// When the question or poll was sent that it, or a higher one, was last seen in the answer to;
    /// none where this process raised it and nothing was answered since.
    asked: Option<Instant>,
    /// When this epoch was first learned.
    learned: Instant,
}

struct Known {
    head: Arc<Head>,
    /// When the question was sent that the head, or a higher one, was last seen in the answer to.
    asked: Instant,
    /// When this revision was first learned.
    learned: Instant,
    followed: bool,
}

#[derive(Clone, Copy)]
struct Applied {
    sent: Instant,
    cursor: u64,
}

/// What has to be known of a question when its answer comes.
#[derive(Debug)]
pub(super) struct Ticket {
    sent: Instant,
    epoch: u64,
    /// Where a poll begins; none if it only says where the next one does.
    pub(super) cursor: Option<u64>,
}

/// Whose heads may have moved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    All,
    These(Vec<ProjectId>),
}

/// A head that went back, or the authorisation epoch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Regression {
    /// Whose head; none for the epoch.
    pub(super) project: Option<ProjectId>,
    pub(super) seen: u64,
    pub(super) found: u64,
}

impl Local {
    /// To be called before a question for heads is sent.
    pub(super) fn ask(&self, now: Instant) -> Ticket {
        Ticket { sent: now, epoch: self.epoch, cursor: None }
    }

    /// To be called before a poll is sent; `first` on its connection or not.
    pub(super) fn poll(&self, now: Instant, first: bool) -> Ticket {
        let cursor = self.applied.filter(|_| !first).map(|applied| applied.cursor);
        Ticket { sent: now, epoch: self.epoch, cursor }
    }

    /// The projects whose heads are known.
    pub(super) fn seen(&self) -> Vec<ProjectId> {
        self.heads.keys().chain(self.committed.keys()).cloned().collect()
    }

    /// The head, if it is known to be current as of an instant at most `age` ago.
    pub(super) fn recent(
        &self,
        project: &ProjectId,
        age: Duration,
        now: Instant,
    ) -> Option<Arc<Head>> {
        let known = self.heads.get(project).filter(|known| !known.head.deleted)?;
        let followed = self.applied.filter(|_| known.followed).map(|applied| applied.sent);
        let since = followed.map_or(known.asked, |sent| sent.max(known.asked));
        (now.saturating_duration_since(since) < age).then(|| known.head.clone())
    }

    /// The authorisation epoch, if it is known to be current as of an instant at most `age` ago.
    pub(super) fn recent_epoch(&self, age: Duration, now: Instant) -> Option<u64> {
        let rights = self.rights?;
        (now.saturating_duration_since(rights.asked?) < age).then_some(rights.epoch)
    }

    /// Notes that this process raised the authorisation epoch.
    pub(super) fn raised(&mut self, epoch: u64, now: Instant) {
        match &mut self.rights {
            Some(rights) if rights.epoch >= epoch => {}
            Some(rights) => (rights.epoch, rights.learned) = (epoch, now),
            None => self.rights = Some(Rights { epoch, asked: None, learned: now }),
        }
    }

    fn merge_epoch(
        &mut self,
        ticket: &Ticket,
        now: Instant,
        epoch: Option<u64>,
    ) -> Result<(), Regression> {
        let Some(found) = epoch else { return Ok(()) };
        let asked = Some(ticket.sent);
        let Some(rights) = &mut self.rights else {
            self.rights = Some(Rights { epoch: found, asked, learned: now });
            return Ok(());
        };
        if found < rights.epoch && ticket.sent > rights.learned {
            return Err(Regression { project: None, seen: rights.epoch, found });
        }
        if found > rights.epoch {
            (rights.epoch, rights.learned) = (found, now);
        }
        if found >= rights.epoch {
            rights.asked = rights.asked.max(asked);
        }
        Ok(())
    }

    /// Takes in the answer to a question for the heads of these projects.
    pub(super) fn answer(
        &mut self,
        ticket: &Ticket,
        now: Instant,
        asked: &[ProjectId],
        Answered { epoch, heads: found }: &Answered,
    ) -> Result<Moved, Regression> {
        let readable = || found.iter().filter_map(|(id, head)| Some((id, head.as_ref().ok()?)));
        let incarnation = readable().next().map(|(_, head)| head.incarnation);
        let renewed = incarnation.is_some() && self.renew(incarnation);
        self.merge_epoch(ticket, now, *epoch)?;
        for project in asked {
            if !found.iter().any(|(id, _)| id == project) {
                self.heads.remove(project);
            }
        }
        for (project, head) in readable() {
            self.merge(ticket, now, project, head)?;
        }
        Ok(if renewed { Moved::All } else { Moved::These(Vec::new()) })
    }

    fn merge(
        &mut self,
        ticket: &Ticket,
        now: Instant,
        project: &ProjectId,
        head: &Arc<Head>,
    ) -> Result<(), Regression> {
        self.ensure_committed(ticket, project, head)?;
        let followed = self.applied.is_some() && ticket.epoch == self.epoch;
        let known = self.heads.get_mut(project).filter(|known| known.head.project == head.project);
        let Some(known) = known else {
            if self.heads.len() >= MOST {
                self.heads.clear();
            }
            let known = Known { head: head.clone(), asked: ticket.sent, learned: now, followed };
            self.heads.insert(project.clone(), known);
            return Ok(());
        };
        known.take(ticket, now, project, head)?;
        if head.revision >= known.head.revision {
            known.asked = known.asked.max(ticket.sent);
            known.followed |= followed;
        }
        Ok(())
    }

    /// Takes in the answer to a poll.
    pub(super) fn apply(
        &mut self,
        ticket: &Ticket,
        now: Instant,
        poll: &Poll,
    ) -> Result<Moved, Regression> {
        let renewed = self.renew(poll.incarnation);
        self.merge_epoch(ticket, now, poll.epoch)?;
        let begins = renewed || ticket.cursor.is_none() || ticket.epoch != self.epoch;
        let mut rows = HashMap::with_capacity_and_hasher(poll.heads.len(), Default::default());
        for (project, head) in &poll.heads {
            let Ok(head) = head else { continue };
            rows.insert(project.clone(), (head.project, head.revision));
            let Some(known) = self.heads.get_mut(project) else { continue };
            if known.head.project == head.project {
                known.take(ticket, now, project, head)?;
            } else {
                self.heads.remove(project);
            }
        }
        self.epoch += 1;
        self.applied = Some(Applied { sent: ticket.sent, cursor: poll.cursor });
        let told = std::mem::replace(&mut self.told, rows);
        if begins {
            for known in self.heads.values_mut() {
                known.followed = false;
            }
            return Ok(Moved::All);
        }
        let fresh = self.told.iter().filter(|(project, row)| told.get(*project) != Some(*row));
        Ok(Moved::These(fresh.map(|(project, _)| project.clone()).collect()))
    }

    /// Notes revisions that this process committed.
    pub(super) fn committed(&mut self, written: &[(ProjectId, ProjectUid, u64)], now: Instant) {
        for (project, uid, revision) in written {
            if self.committed.len() >= MOST {
                self.committed.clear();
            }
            let committed = (*uid, *revision, now);
            let entry = self.committed.entry(project.clone()).or_insert(committed);
            if entry.0 != *uid || entry.1 < *revision {
                *entry = committed;
            }
        }
    }

    /// Whether an answer to a question is older than what was committed before it was sent.
    fn ensure_committed(
        &self,
        ticket: &Ticket,
        project: &ProjectId,
        head: &Head,
    ) -> Result<(), Regression> {
        match self.committed.get(project) {
            Some((uid, seen, learned))
                if *uid == head.project && head.revision < *seen && ticket.sent > *learned =>
            {
                let (project, found) = (Some(project.clone()), head.revision);
                Err(Regression { project, seen: *seen, found })
            }
            _ => Ok(()),
        }
    }

    /// Forgets projects that this process removed.
    pub(super) fn forget(&mut self, gone: &[ProjectId]) {
        for project in gone {
            self.committed.remove(project);
            self.heads.remove(project);
        }
    }

    /// Notes the store's incarnation, and says whether another one was known.
    fn renew(&mut self, incarnation: Option<Incarnation>) -> bool {
        if self.incarnation == incarnation {
            return false;
        }
        let renewed = std::mem::replace(&mut self.incarnation, incarnation).is_some();
        if renewed {
            self.heads.clear();
            self.committed.clear();
            self.told.clear();
            self.rights = None;
            self.applied = None;
            self.epoch += 1;
        }
        renewed
    }
}

impl Known {
    /// Takes the higher revision of the same project.
    fn take(
        &mut self,
        ticket: &Ticket,
        now: Instant,
        project: &ProjectId,
        head: &Arc<Head>,
    ) -> Result<(), Regression> {
        let (seen, found) = (self.head.revision, head.revision);
        if found < seen && ticket.sent > self.learned {
            return Err(Regression { project: Some(project.clone()), seen, found });
        }
        if found > seen {
            self.head = head.clone();
            self.learned = now;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

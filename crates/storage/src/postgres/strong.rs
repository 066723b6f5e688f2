//! Strong heads, and with them the authorisation epoch: one question under way at a time, for everybody who waits.
//!
//! A caller joins only a question that has not been sent yet: the answer to one that is under way
//! may be older than the caller's call, and with that than a commit that was acknowledged before.
//! While a question is under way, the next one collects its callers; so however many there are,
//! the database sees one short query after another, and each thread that serves calls is woken once
//! for all of its own.

mod round;

use super::core::Core;
use super::heads;
use super::{failure, heads::Answered};
use crate::{Asked, Head, Result};
use deadpool_postgres::ClientWrapper;
use round::{Round, Turn, Waiting};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;
use waxseal_domain::name::ProjectId;

/// What a question was answered with, for all who share it.
type Shared = Arc<Result<Found>>;

struct Found {
    epoch: u64,
    heads: HashMap<ProjectId, Result<Arc<Head>>>,
}

/// Where those who ask meet.
pub(super) struct Asks {
    queue: mpsc::UnboundedSender<Turn>,
    /// Tells the stores of one process apart.
    store: u64,
}

/// Rounds that wait for their question.
pub(super) type Queue = mpsc::UnboundedReceiver<Turn>;

thread_local! {
    /// The last round that was begun on this thread.
    static LAST: RefCell<Option<Arc<Round>>> = const { RefCell::new(None) };
}

pub(super) fn asks() -> (Asks, Queue) {
    static STORES: AtomicU64 = AtomicU64::new(0);
    let (queue, turns) = mpsc::unbounded_channel();
    (Asks { queue, store: STORES.fetch_add(1, Ordering::Relaxed) }, turns)
}

pub(super) async fn ask(asks: &Asks, project: Option<&ProjectId>) -> Result<Asked> {
    let answer = asks.join(project).await;
    match &*answer {
        Err(error) => Err(failure::again(error)),
        Ok(found) => {
            let head = project.and_then(|project| found.heads.get(project));
            let head = head.map(|head| head.as_ref().map(Arc::clone).map_err(failure::again));
            Ok(Asked { head: head.transpose()?, epoch: found.epoch })
        }
    }
}

impl Asks {
    /// Joins the round of this thread that was not sent yet, or begins one.
    fn join(&self, project: Option<&ProjectId>) -> Waiting {
        LAST.with_borrow_mut(|last| {
            let open = last.as_ref().filter(|last| last.store == self.store && last.joins(project));
            let round = open.cloned().unwrap_or_else(|| {
                let round = Arc::new(Round::new(self.store, project));
                // Where nobody takes turns any more, this one is dropped, and with that answered.
                drop(self.queue.send(Turn(round.clone())));
                last.insert(round).clone()
            });
            Waiting { round, place: None }
        })
    }
}

/// Answers until nobody can ask any more.
pub(super) async fn run(core: Arc<Core>, mut turns: Queue) {
    let mut line = None;
    while let Some(first) = turns.recv().await {
        let (mut batch, projects) = batch(first, &mut turns);
        let found = question(&core, &mut line, &projects).await;
        if found.is_err() {
            // Those who came meanwhile have waited long enough, too.
            while let Ok(turn) = turns.try_recv() {
                turn.0.closed();
                batch.push(turn);
            }
        }
        answer(&batch, found);
    }
}

/// Everybody who asks by now, and for what. Called when no question is under way, and followed by
/// sending.
fn batch(first: Turn, turns: &mut Queue) -> (Vec<Turn>, Vec<ProjectId>) {
    let mut projects = first.0.closed();
    let mut batch = vec![first];
    while let Ok(turn) = turns.try_recv() {
        projects.extend(turn.0.closed());
        batch.push(turn);
    }
    (batch, projects.into_iter().collect())
}

fn answer(batch: &[Turn], found: Result<Answered>) {
    let found = found.map(|Answered { epoch, heads }| Found {
        epoch: epoch.unwrap_or_default(),
        heads: heads.into_iter().collect(),
    });
    let shared = Arc::new(found);
    for turn in batch {
        turn.0.answered(&shared);
    }
}

async fn question(
    core: &Core,
    line: &mut Option<ClientWrapper>,
    projects: &[ProjectId],
) -> Result<Answered> {
    core.shared.alive()?;
    let warm = line.is_some();
    match attempt(core, line, projects).await {
        // A connection that was closed while nobody asked is no reason to fail.
        Err(Trouble::Lost(_)) if warm => attempt(core, line, projects).await,
        found => found,
    }
    .map_err(|trouble| match trouble {
        Trouble::Lost(error) | Trouble::Other(error) => error,
    })
}

enum Trouble {
    /// The connection is gone.
    Lost(crate::Error),
    Other(crate::Error),
}

async fn attempt(
    core: &Core,
    line: &mut Option<ClientWrapper>,
    projects: &[ProjectId],
) -> std::result::Result<Answered, Trouble> {
    // Put back only after a whole answer: what is left of it is not waited for.
    let client = match line.take() {
        Some(client) => client,
        None => core.line.open(&core.shared).await.map_err(Trouble::Other)?,
    };
    let ticket = core.shared.local().ask(Instant::now());
    let found = match tokio::time::timeout(core.head_timeout, heads::read(&client, projects)).await
    {
        Ok(Ok(found)) => found.map_err(Trouble::Other)?,
        Ok(Err(error)) if failure::is_lost(&error) => {
            return Err(Trouble::Lost(failure::of(&error)));
        }
        Ok(Err(error)) => return Err(Trouble::Other(failure::of(&error))),
        Err(_) => return Err(Trouble::Other(failure::unavailable(failure::SILENT))),
    };
    *line = Some(client);
    let done = core.shared.local().answer(&ticket, Instant::now(), projects, &found);
    match done {
        Ok(moved) => core.shared.tell(&moved),
        Err(regression) => return Err(Trouble::Other(core.shared.stop(regression))),
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    fn id(project: &str) -> ProjectId {
        ProjectId::parse(project).unwrap()
    }

    fn nothing(epoch: u64) -> Result<Answered> {
        Ok(Answered { epoch: Some(epoch), heads: Vec::new() })
    }

    #[tokio::test]
    async fn a_caller_joins_only_a_question_that_was_not_sent_yet() {
        let (asks, mut queue) = asks();
        let (a, b) = (id("a"), id("b"));
        let early: Vec<_> = [&a, &b, &a].map(|project| ask(&asks, Some(project))).into();
        let mut early = futures::future::join_all(early);
        assert!((&mut early).now_or_never().is_none());
        let first = queue.try_recv().unwrap();
        let (sent, mut projects) = batch(first, &mut queue);
        projects.sort_unstable();
        assert_eq!(
            (sent.len(), projects),
            (1, vec![a.clone(), b.clone()]),
            "a thread has one turn"
        );

        // The question is under way; who asks now waits for the next one.
        let mut late = std::pin::pin!(ask(&asks, Some(&a)));
        assert!(late.as_mut().now_or_never().is_none());
        answer(&sent, nothing(7));
        for asked in early.await {
            assert_eq!(asked.unwrap(), Asked { head: None, epoch: 7 });
        }
        assert!(late.as_mut().now_or_never().is_none(), "not by that answer");
        let first = queue.try_recv().unwrap();
        let (sent, projects) = batch(first, &mut queue);
        assert_eq!(projects, std::slice::from_ref(&a));
        answer(&sent, nothing(8));
        assert_eq!(late.await.unwrap().epoch, 8);
    }

    #[tokio::test]
    async fn stores_do_not_share_questions() {
        let ((one, mut of_one), (other, mut of_other)) = (asks(), asks());
        let mut first = std::pin::pin!(ask(&one, None));
        let mut second = std::pin::pin!(ask(&other, None));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        answer(&[of_other.try_recv().unwrap()], nothing(2));
        answer(&[of_one.try_recv().unwrap()], nothing(1));
        assert_eq!((first.await.unwrap().epoch, second.await.unwrap().epoch), (1, 2));
    }

    #[tokio::test]
    async fn a_store_that_is_closed_says_so() {
        let (asks, queue) = asks();
        let waiting = ask(&asks, None);
        drop(queue);
        assert!(matches!(waiting.await, Err(crate::Error::Unavailable { .. })));
        let late = ask(&asks, None).await;
        assert!(matches!(late, Err(crate::Error::Unavailable { .. })));
    }
}

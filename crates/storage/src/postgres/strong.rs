//! Strong heads, and with them the authorisation epoch: one question under way at a time, for everybody who waits.
//!
//! A caller joins only a question that has not been sent yet: the answer to one that is under way
//! may be older than the caller's call, and with that than a commit that was acknowledged before.
//! While a question is under way, the next one collects its callers; so however many there are,
//! the database sees one short query after another.

use super::core::Core;
use super::heads;
use super::{failure, heads::Answered};
use crate::{Asked, Result};
use deadpool_postgres::ClientWrapper;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use waxseal_domain::name::ProjectId;

type Answer = Result<Asked>;

/// One who waits for a head, or for the authorisation epoch alone.
pub(super) struct Ask {
    project: Option<ProjectId>,
    reply: oneshot::Sender<Answer>,
}

/// Those whose question is sent together.
type Batch = HashMap<Option<ProjectId>, Vec<oneshot::Sender<Answer>>>;

pub(super) type Asks = mpsc::UnboundedSender<Ask>;

pub(super) async fn ask(asks: &Asks, project: Option<&ProjectId>) -> Answer {
    let stopping = || failure::unavailable("the store is closed");
    let (reply, answer) = oneshot::channel();
    asks.send(Ask { project: project.cloned(), reply }).map_err(|_| stopping())?;
    answer.await.map_err(|_| stopping())?
}

/// Answers until nobody can ask any more.
pub(super) async fn run(core: Arc<Core>, mut asks: mpsc::UnboundedReceiver<Ask>) {
    let mut line = None;
    while let Some(first) = asks.recv().await {
        let batch = batch(first, &mut asks);
        let projects: Vec<_> = batch.keys().flatten().cloned().collect();
        match question(&core, &mut line, &projects).await {
            Ok(found) => answer(batch, found),
            Err(error) => {
                // Those who came meanwhile have waited long enough, too.
                let mut failed = batch;
                while let Ok(ask) = asks.try_recv() {
                    failed.entry(ask.project).or_default().push(ask.reply);
                }
                for reply in failed.into_values().flatten() {
                    drop(reply.send(Err(failure::again(&error))));
                }
            }
        }
    }
}

/// Everybody who asks by now. Called when no question is under way, and followed by sending.
fn batch(first: Ask, asks: &mut mpsc::UnboundedReceiver<Ask>) -> Batch {
    let mut batch = Batch::new();
    let mut next = Some(first);
    while let Some(ask) = next {
        batch.entry(ask.project).or_default().push(ask.reply);
        next = asks.try_recv().ok();
    }
    batch
}

fn answer(batch: Batch, Answered { epoch, heads }: Answered) {
    let epoch = epoch.unwrap_or_default();
    let mut found: HashMap<_, _> = heads.into_iter().collect();
    for (project, replies) in batch {
        let head = project.and_then(|project| found.remove(&project)).transpose();
        let answer: Answer = head.map(|head| Asked { head, epoch });
        for reply in replies {
            let answer = match &answer {
                Ok(asked) => Ok(asked.clone()),
                Err(error) => Err(failure::again(error)),
            };
            drop(reply.send(answer));
        }
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

    fn asking(project: &str) -> (Ask, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        (Ask { project: Some(ProjectId::parse(project).unwrap()), reply }, answer)
    }

    /// Each project with the number of those who wait for it.
    fn waiting(batch: &Batch) -> Vec<(&str, usize)> {
        let mut waiting: Vec<_> = batch
            .iter()
            .map(|(id, replies)| (id.as_ref().unwrap().as_str(), replies.len()))
            .collect();
        waiting.sort_unstable();
        waiting
    }

    #[test]
    fn a_caller_joins_only_a_question_that_was_not_sent_yet() {
        let (asks, mut queue) = mpsc::unbounded_channel();
        let mut answers = Vec::new();
        for project in ["a", "b", "a"] {
            let (ask, answer) = asking(project);
            asks.send(ask).ok().unwrap();
            answers.push(answer);
        }
        let first = queue.try_recv().unwrap();
        let sent = batch(first, &mut queue);
        assert_eq!(waiting(&sent), [("a", 2), ("b", 1)]);

        // The question is under way; who asks now waits for the next one.
        let (late, mut later) = asking("a");
        asks.send(late).ok().unwrap();
        answer(sent, Answered { epoch: Some(7), heads: Vec::new() });
        for answer in answers {
            let asked = Asked { head: None, epoch: 7 };
            assert_eq!(answer.blocking_recv().unwrap().unwrap(), asked);
        }
        assert!(later.try_recv().is_err(), "not by that answer");
        let first = queue.try_recv().unwrap();
        assert_eq!(waiting(&batch(first, &mut queue)), [("a", 1)]);
    }
}

//! Those of one thread who wait for one question.

use super::{Shared, failure};
use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use waxseal_domain::name::ProjectId;

/// A question that is shared.
pub(super) struct Round {
    pub(super) store: u64,
    state: Mutex<State>,
}

struct State {
    /// What is asked for; none once that is on its way.
    asked: Option<HashSet<ProjectId>>,
    answer: Option<Shared>,
    /// Those who wait, by place.
    waiting: Vec<Option<Waker>>,
}

impl Round {
    pub(super) fn new(store: u64, project: Option<&ProjectId>) -> Self {
        let asked = Some(project.cloned().into_iter().collect());
        Self { store, state: Mutex::new(State { asked, answer: None, waiting: Vec::new() }) }
    }

    /// Whether one more asks, which is so until the question is sent.
    pub(super) fn joins(&self, project: Option<&ProjectId>) -> bool {
        let mut state = self.state();
        let Some(asked) = &mut state.asked else { return false };
        if let Some(project) = project
            && !asked.contains(project)
        {
            asked.insert(project.clone());
        }
        true
    }

    /// Lets nobody join any more; gives what is asked for.
    pub(super) fn closed(&self) -> HashSet<ProjectId> {
        self.state().asked.take().unwrap_or_default()
    }

    /// Wakes one of those who wait, who wakes the others: from another thread every single one
    /// would cost what this one costs.
    pub(super) fn answered(&self, answer: &Shared) {
        let mut state = self.state();
        state.asked = None;
        state.answer.get_or_insert_with(|| answer.clone());
        let first = state.waiting.iter_mut().find_map(Option::take);
        drop(state);
        if let Some(first) = first {
            first.wake();
        }
    }

    /// What is in a state is whole between any two statements, so a panic leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A round's place in the queue. Given up without an answer, it is one: nobody waits for ever.
pub(in crate::postgres) struct Turn(pub(super) Arc<Round>);

impl Drop for Turn {
    fn drop(&mut self) {
        if self.0.state().answer.is_none() {
            self.0.answered(&Arc::new(Err(failure::unavailable("the store is closed"))));
        }
    }
}

/// One who waits.
pub(super) struct Waiting {
    pub(super) round: Arc<Round>,
    pub(super) place: Option<usize>,
}

impl Future for Waiting {
    type Output = Shared;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Shared> {
        let mut place = self.place;
        let mut state = self.round.state();
        if let Some(answer) = &state.answer {
            let answer = answer.clone();
            wake(state);
            return Poll::Ready(answer);
        }
        match place.and_then(|place| state.waiting.get_mut(place)) {
            Some(Some(waker)) => waker.clone_from(cx.waker()),
            Some(empty) => *empty = Some(cx.waker().clone()),
            None => {
                place = Some(state.waiting.len());
                state.waiting.push(Some(cx.waker().clone()));
            }
        }
        drop(state);
        self.place = place;
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.round.state();
        if state.answer.is_some() {
            // It may be the one that was woken to wake the others.
            return wake(state);
        }
        if let Some(place) = self.place.and_then(|place| state.waiting.get_mut(place)) {
            *place = None;
        }
    }
}

/// Wakes all who still wait.
fn wake(mut state: MutexGuard<'_, State>) {
    let waiting = std::mem::take(&mut state.waiting);
    drop(state);
    for waker in waiting.into_iter().flatten() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Found;
    use super::*;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(waiting: &mut Waiting, woken: &Arc<Woken>) -> bool {
        let waker = woken.clone().into();
        Pin::new(waiting).poll(&mut Context::from_waker(&waker)).is_ready()
    }

    #[test]
    fn the_one_who_is_woken_wakes_the_others_even_when_it_is_dropped() {
        for dropped in [false, true] {
            let round = Arc::new(Round::new(0, None));
            let mut waiting: Vec<_> = (0..3)
                .map(|_| {
                    (Waiting { round: round.clone(), place: None }, Arc::new(Woken::default()))
                })
                .collect();
            // One who is polled again, and one who is gone before the answer, take no other place.
            for (waiting, woken) in &mut waiting {
                assert!(!poll(waiting, woken) && !poll(waiting, woken));
            }
            drop(waiting.remove(0));
            let count = |(_, woken): &(_, Arc<Woken>)| woken.0.load(Ordering::Relaxed);
            round.answered(&Arc::new(Ok(Found { epoch: 1, heads: HashMap::new() })));
            assert_eq!(waiting.iter().map(count).collect::<Vec<_>>(), [1, 0]);
            let (mut first, woken) = waiting.remove(0);
            if !dropped {
                assert!(poll(&mut first, &woken));
            }
            drop(first);
            assert_eq!(waiting.iter().map(count).collect::<Vec<_>>(), [1]);
            assert!(waiting.iter_mut().all(|(waiting, woken)| poll(waiting, woken)));
        }
    }
}

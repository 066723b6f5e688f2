//! How many requests are under way at once: as many as the settings allow, half as many after each
//! second in which the service refused one because it has too much to do, and slowly more again.
//! (Additive increase, multiplicative decrease, as TCP does it: RFC 5681.)

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// What was on its way when the service refused one is refused too, and tells nothing new.
const SPELL: Duration = Duration::from_secs(1);

/// The queue in front of the service.
pub(super) struct Turns {
    semaphore: Semaphore,
    most: usize,
    state: Mutex<State>,
}

struct State {
    /// How many there may be now; at least one.
    allowed: usize,
    /// Turns that were taken away while they were in use: they do not come back.
    owed: usize,
    /// Requests that went well since there may be this many.
    well: usize,
    /// When it was halved last.
    halved: Option<Instant>,
}

/// One request's turn, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    permit: Option<SemaphorePermit<'a>>,
}

impl Turns {
    /// At most so many, from 1 on.
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        let state = Mutex::new(State { allowed: most, owed: 0, well: 0, halved: None });
        Self { semaphore: Semaphore::new(most), most, state }
    }

    /// Waits for a turn. `None` does not happen: the queue is never closed.
    pub(super) async fn take(&self) -> Option<Turn<'_>> {
        let permit = self.semaphore.acquire().await.ok()?;
        Some(Turn { turns: self, permit: Some(permit) })
    }

    /// The service has too much to do.
    pub(super) fn throttled(&self) {
        let mut state = self.state();
        if state.halved.is_some_and(|halved| halved.elapsed() < SPELL) {
            return;
        }
        let allowed = (state.allowed / 2).max(1);
        let fewer = state.allowed - allowed;
        state.owed += fewer - self.semaphore.forget_permits(fewer);
        (state.allowed, state.well, state.halved) = (allowed, 0, Some(Instant::now()));
    }

    /// The service did what it was asked for.
    pub(super) fn went_well(&self) {
        let mut state = self.state();
        if state.allowed == self.most {
            return;
        }
        state.well += 1;
        if state.well < state.allowed {
            return;
        }
        (state.allowed, state.well) = (state.allowed + 1, 0);
        match state.owed.checked_sub(1) {
            Some(owed) => state.owed = owed,
            None => self.semaphore.add_permits(1),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut state = self.turns.state();
        if let Some(owed) = state.owed.checked_sub(1) {
            state.owed = owed;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    /// How many turns can be had now.
    fn free(turns: &Turns) -> usize {
        let taken: Vec<_> = std::iter::from_fn(|| turns.take().now_or_never().flatten()).collect();
        taken.len()
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_halve_what_is_under_way_down_to_one() {
        let turns = Turns::new(8);
        for expected in [4, 2, 1, 1] {
            turns.throttled();
            assert_eq!(free(&turns), expected);
            turns.throttled();
            assert_eq!(free(&turns), expected, "one spell counts once");
            tokio::time::advance(SPELL).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn turns_in_use_are_taken_away_when_they_end() {
        let turns = Turns::new(4);
        let taken = [turns.take().await, turns.take().await, turns.take().await];
        turns.throttled();
        assert_eq!(free(&turns), 0, "three of four are in use, and two are allowed");
        let [first, second, third] = taken;
        drop(first);
        assert_eq!(free(&turns), 0);
        drop(second);
        assert_eq!(free(&turns), 1);
        drop(third);
        assert_eq!(free(&turns), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_well_brings_them_back_one_by_one() {
        let turns = Turns::new(4);
        turns.throttled();
        let mut well = 0;
        for allowed in [2, 3, 4] {
            assert_eq!(free(&turns), allowed);
            for _ in 0..allowed {
                turns.went_well();
                well += 1;
            }
        }
        assert_eq!((free(&turns), well), (4, 9), "and never more");
    }
}

//! Stops asking a service that is away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many failures in a row open the breaker.
const FAILURES: u32 = 5;

/// Lets calls through until too many in a row fail, then none for a while, then one; whether that
/// one fails decides.
pub(super) struct Breaker {
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    /// So many calls in a row have failed.
    Closed(u32),
    /// None is let through until then.
    Open(Instant),
    /// One is under way.
    Half,
}

/// That a call was let through. It has to be told how the call ended; if it is dropped instead,
/// the call told nothing.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    told: bool,
    probe: bool,
}

impl Breaker {
    pub(super) const fn new(pause: Duration) -> Self {
        Self { pause, state: Mutex::new(State::Closed(0)) }
    }

    /// Whether a call may be made now.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed(_) => false,
            State::Open(until) if Instant::now() >= until => {
                *state = State::Half;
                true
            }
            State::Open(_) | State::Half => return None,
        };
        Some(Pass { breaker: self, told: false, probe })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The service answered, whatever it said.
    pub(super) fn answered(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        // A call that began before the breaker opened does not close it.
        if self.probe || matches!(*state, State::Closed(_)) {
            *state = State::Closed(0);
        }
    }

    /// The service did not answer, or not sensibly.
    pub(super) fn failed(mut self) {
        self.told = true;
        let mut state = self.breaker.state();
        let open = State::Open(Instant::now() + self.breaker.pause);
        *state = match *state {
            State::Closed(failures) if failures + 1 < FAILURES => State::Closed(failures + 1),
            State::Closed(_) => open,
            _ if self.probe => open,
            other => other,
        };
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        // The one call was given up by its caller: the next may be the one.
        if self.probe && !self.told {
            *self.breaker.state() = State::Open(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn fail(breaker: &Breaker, times: u32) {
        for _ in 0..times {
            breaker.pass().unwrap().failed();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_it_and_an_answer_begins_the_count_anew() {
        let breaker = Breaker::new(PAUSE);
        fail(&breaker, 4);
        breaker.pass().unwrap().answered();
        fail(&breaker, 4);
        assert!(breaker.pass().is_some());
        fail(&breaker, 1);
        assert!(breaker.pass().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_pause_one_call_decides() {
        let breaker = Breaker::new(PAUSE);
        fail(&breaker, 5);
        tokio::time::advance(PAUSE - Duration::from_millis(1)).await;
        assert!(breaker.pass().is_none());
        tokio::time::advance(Duration::from_millis(1)).await;
        let probe = breaker.pass().unwrap();
        assert!(breaker.pass().is_none(), "one at a time");
        probe.failed();
        assert!(breaker.pass().is_none());

        tokio::time::advance(PAUSE).await;
        breaker.pass().unwrap().answered();
        assert!(breaker.pass().is_some());
        fail(&breaker, 4);
        assert!(breaker.pass().is_some(), "the count began anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_leaves_room_for_another() {
        let breaker = Breaker::new(PAUSE);
        fail(&breaker, 5);
        tokio::time::advance(PAUSE).await;
        drop(breaker.pass().unwrap());
        assert!(breaker.pass().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_before_decides_nothing() {
        let breaker = Breaker::new(PAUSE);
        let (early, late) = (breaker.pass().unwrap(), breaker.pass().unwrap());
        fail(&breaker, 5);
        early.answered();
        assert!(breaker.pass().is_none());
        tokio::time::advance(PAUSE).await;
        let probe = breaker.pass().unwrap();
        late.failed();
        probe.answered();
        assert!(breaker.pass().is_some());
    }
}

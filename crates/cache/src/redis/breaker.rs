//! Leaving a server alone that keeps failing, so that callers do not wait for it again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many calls in a row fail before it opens.
const FAILURES: u32 = 5;

/// How long it stays open before one call may try.
const OPEN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call is on its way to find out.
    Probing,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// Leave to make one call. Dropped without an answer, the caller gave up, which says nothing.
pub(super) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    /// Leave to make a call, unless the server is being left alone.
    pub(super) fn admit(&self) -> Option<Pass<'_>> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= Instant::now() => {
                *state = State::Probing;
                true
            }
            State::Open { .. } | State::Probing => return None,
        };
        Some(Pass { breaker: self, probe })
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    pub(super) fn answered(mut self) {
        let mut state = self.breaker.state();
        if self.probe || matches!(*state, State::Closed { .. }) {
            *state = State::default();
        }
        self.probe = false;
    }

    /// Whether the breaker opened by this.
    pub(super) fn failed(mut self) -> bool {
        let mut state = self.breaker.state();
        let failures = match *state {
            State::Closed { failures } => failures + 1,
            State::Probing if self.probe => FAILURES,
            // A call from before says nothing new.
            State::Open { .. } | State::Probing => return false,
        };
        self.probe = false;
        *state = if failures < FAILURES {
            State::Closed { failures }
        } else {
            State::Open { until: Instant::now() + OPEN }
        };
        failures >= FAILURES
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            *self.breaker.state() = State::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn fail(breaker: &Breaker, times: u32) -> Vec<bool> {
        (0..times).map(|_| breaker.admit().unwrap().failed()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_in_a_row_open_it_for_a_second() {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, 5), [false, false, false, false, true]);
        assert!(breaker.admit().is_none() && !breaker.is_closed());
        advance(Duration::from_millis(999)).await;
        assert!(breaker.admit().is_none());
        advance(Duration::from_millis(1)).await;
        assert!(breaker.admit().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_begins_the_count_again() {
        let breaker = Breaker::default();
        fail(&breaker, 4);
        breaker.admit().unwrap().answered();
        fail(&breaker, 4);
        assert!(breaker.is_closed());
        assert_eq!(fail(&breaker, 1), [true]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_and_its_end_decides() {
        let breaker = Breaker::default();
        fail(&breaker, 5);
        advance(OPEN).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_none(), "one at a time");
        assert!(probe.failed());
        assert!(breaker.admit().is_none(), "open for another second");
        advance(OPEN).await;
        breaker.admit().unwrap().answered();
        assert!(breaker.is_closed());
        assert_eq!(fail(&breaker, 4), [false; 4], "the count began again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_was_given_up_leaves_it_to_the_next() {
        let breaker = Breaker::default();
        fail(&breaker, 5);
        advance(OPEN).await;
        drop(breaker.admit().unwrap());
        breaker.admit().unwrap().answered();
        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_decide_nothing() {
        let breaker = Breaker::default();
        let [one, two] = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        fail(&breaker, 5);
        advance(Duration::from_millis(600)).await;
        assert!(!one.failed(), "opens it no longer");
        two.answered();
        assert!(!breaker.is_closed());
        advance(Duration::from_millis(400)).await;
        assert!(breaker.admit().is_some());
    }
}

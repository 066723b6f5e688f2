//! Refusals at even times, so that how long one took tells nothing of why: whether there is such an id,
//! or how far the look into it came.

use crate::Error;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Longer than it takes to look a token up.
const EVEN: Duration = Duration::from_millis(2);

/// Gives a refusal so long after the beginning, or a multiple of it; anything else at once.
pub(super) async fn evenly<T>(
    verified: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let began = now();
    let verified = verified.await;
    if matches!(verified, Err(Error::CredentialsInvalid)) {
        let spent = now().saturating_sub(began);
        let times = spent.as_nanos() / EVEN.as_nanos() + 1;
        let at = began + EVEN.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
        if until(at).await.is_err() {
            // Without a descriptor for the clock this is as even as it gets.
            tokio::time::sleep(at.saturating_sub(now())).await;
        }
    }
    verified
}

/// Waits for a time of the monotonic clock. The runtime's own timers end whole milliseconds after they
/// were begun to be waited for, which is what must not show.
async fn until(at: Duration) -> io::Result<()> {
    let timer =
        timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let at = Timespec::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
    let once = Itimerspec { it_interval: never, it_value: at };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once)?;
    #[allow(deprecated, reason = "an owned descriptor is open for as long as it is watched")]
    let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
    timer.readable().await?.retain_ready();
    Ok(())
}

/// Since whenever the monotonic clock began.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    #[tokio::test]
    async fn a_refusal_waits_for_its_time_and_nothing_else_does() {
        for work in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(3)] {
            let began = now();
            let refused = evenly::<()>(async {
                sleep(work).await;
                Err(Error::CredentialsInvalid)
            });
            assert!(matches!(refused.await, Err(Error::CredentialsInvalid)));
            let took = now().saturating_sub(began);
            assert!(took >= EVEN && took > work, "{took:?} for {work:?}");
        }
        let mut others = 0;
        let began = now();
        while others < 1_000 {
            assert!(evenly(async { Ok(()) }).await.is_ok());
            assert!(matches!(
                evenly::<()>(async { Err(Error::CredentialsMissing) }).await,
                Err(Error::CredentialsMissing)
            ));
            others += 1;
        }
        assert!(now().saturating_sub(began) < EVEN * others, "no time is waited for");
    }
}

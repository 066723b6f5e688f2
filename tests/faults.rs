//! Engines that fail: each link of a server of two is spoiled in each way and in each phase of a
//! call, under three deadlines. Every call has to end in time and as the table says, a change is
//! made once or not at all, and once the fault is over all is as before within five seconds.

mod call;
mod cuts;
mod full;
mod keys;
mod life;
mod nodes;
mod partition;
mod postgres;
mod read_only;
mod redis;
mod world;

use crate::support::proxy::{Fault, Proxy};
use crate::support::refusal::read;
use crate::support::replicas::Replica;
use call::Outcome;
use std::time::{Duration, Instant};
use tonic::Code;
use world::{Phase, World};

const DEADLINES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(5)];
/// What a machine that is busy adds to a deadline.
const SLACK: Duration = Duration::from_secs(1);
/// After a fault everything is well again within this time.
const RECOVERY: Duration = Duration::from_secs(5);
/// A deadline from which on a call without a fault is sure to end in time.
const AMPLE: Duration = Duration::from_millis(500);
/// What is refused or found out at once takes no longer than this.
const AT_ONCE: Duration = Duration::from_secs(1);
/// So often a cell may be late on a machine that is not busy.
const ATTEMPTS: usize = 3;
/// A call without a fault takes a fifth of this. Where it takes longer the machine is busy, and
/// that a call with a deadline of 500 ms was late says nothing.
const BUSY: Duration = Duration::from_millis(100);

/// How a call has to end. Each of them may also end with DEADLINE_EXCEEDED, at its deadline, except
/// where it says otherwise.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// As without the fault and at once, from deadlines of 500 ms on.
    Fine,
    /// UNAVAILABLE with this reason, at once.
    Down(&'static str),
    /// UNAVAILABLE with this reason, before a deadline of five seconds or at it.
    Late(&'static str),
    /// It cannot be told whether the change was made.
    Unknown,
    /// As without the fault, late or because it could be found out, or that it cannot be told.
    Settled,
    /// As without the fault, or UNAVAILABLE with this reason, both at once: what is new passes.
    Once(&'static str),
}

/// One of the links of a server.
type Link = fn(&Replica) -> &Proxy;

/// A fault, and how a call ends in each phase.
struct Row<const N: usize> {
    link: Link,
    fault: Fault,
    phases: [Phase; N],
    expected: [Expected; N],
    /// Whether views have to be shared again after the fault.
    shares: bool,
}

/// What is wrong about a cell.
struct Wrong {
    what: String,
    /// Whether it is that it took too long.
    late: bool,
}

impl<const N: usize> Row<N> {
    async fn check(self) {
        let world = World::start().await;
        let mut wrong = Vec::new();
        for (phase, expected) in self.phases.into_iter().zip(self.expected) {
            for deadline in DEADLINES {
                let cell = format!("{:?}, {phase:?}, {deadline:?}", self.fault);
                println!("{cell}");
                let found = self.attempts(&world, phase, expected, deadline).await;
                wrong.extend(found.map(|found| format!("{cell}: {found}, not {expected:?}")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// What is wrong about one cell, and is so again where it was that it took too long.
    async fn attempts(
        &self,
        world: &World,
        phase: Phase,
        expected: Expected,
        deadline: Duration,
    ) -> Option<String> {
        let mut attempt = 1;
        loop {
            let found = self.cell(world, phase, expected, deadline).await?;
            println!("    that is wrong, attempt {attempt}: {}", found.what);
            if found.late && deadline <= AMPLE {
                let usual = world.prepare(phase).await.call(RECOVERY).await.took;
                if usual > BUSY {
                    println!("    but without the fault it takes {usual:?}");
                    return None;
                }
            }
            if !found.late || attempt == ATTEMPTS {
                return Some(found.what);
            }
            attempt += 1;
        }
    }

    /// What is wrong about one cell.
    async fn cell(
        &self,
        world: &World,
        phase: Phase,
        expected: Expected,
        deadline: Duration,
    ) -> Option<Wrong> {
        let wrong = |what| Some(Wrong { what, late: false });
        let ask = world.prepare(phase).await;
        let link = (self.link)(world.spoiled());
        match phase.trap() {
            None => link.set(self.fault),
            Some((moment, text)) => link.set_when(moment, text, self.fault),
        }
        let outcome = ask.call(deadline).await;
        let met = phase.trap().is_none() || link.sprung() || deadline < AMPLE;
        link.set(Fault::Pass);
        let healed = Instant::now();
        if let Err(last) = world.recovers(&ask).await {
            return wrong(format!("it has not recovered after {RECOVERY:?}: {last}"));
        }
        if self.shares && !world.shares(healed).await {
            return wrong(format!("it shares no view after {RECOVERY:?}"));
        }
        println!(
            "    {} after {:?}, well after {:?}",
            outcome.told(),
            outcome.took,
            healed.elapsed()
        );
        if !met {
            let what = format!("it has not come to what was to fail: {}", outcome.told());
            return Some(Wrong { what, late: outcome.answer.is_err() });
        }
        expected.judge(&outcome, deadline)
    }
}

impl Expected {
    fn judge(self, outcome: &Outcome, deadline: Duration) -> Option<Wrong> {
        let told = |late| {
            Some(Wrong { what: format!("{} after {:?}", outcome.told(), outcome.took), late })
        };
        if outcome.took > deadline + SLACK {
            return told(true);
        }
        let at_once = outcome.took <= AT_ONCE + SLACK;
        let refusal = match &outcome.answer {
            Ok(_) => {
                return match self {
                    Self::Settled => None,
                    Self::Fine | Self::Once(_) if at_once => None,
                    Self::Fine | Self::Once(_) => told(true),
                    Self::Down(_) | Self::Late(_) | Self::Unknown => told(false),
                };
            }
            Err(status) => read(status),
        };
        let late = refusal.code == Code::DeadlineExceeded;
        let down = |reason| refusal.code == Code::Unavailable && refusal.reason == reason;
        let fine = match self {
            Self::Fine => late && deadline < AMPLE,
            Self::Down(reason) => (down(reason) || late && deadline <= AMPLE) && at_once,
            Self::Late(reason) => down(reason) || late,
            Self::Unknown | Self::Settled => down("COMMIT_UNKNOWN") || late,
            Self::Once(reason) => down(reason) && at_once || late && deadline < AMPLE,
        };
        if fine { None } else { told(late) }
    }
}

/// Whether a call was refused in this way.
fn refused_as(outcome: &Outcome, code: Code, reason: &str) -> bool {
    let Err(status) = &outcome.answer else { return false };
    status.code() == code && read(status).reason == reason
}

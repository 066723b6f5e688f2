//! Finds out whether the active key can be used, by using it.

use super::Service;
use crate::{Error, Health, KeyContext, WrappedKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tracing::{error, info, warn};
use waxseal_domain::uid::Deployment;

/// How many probes have to be told that the key is disabled or gone, since one succeeded.
const REVOKED: u32 = 2;
/// How many have to be denied: grants take minutes to be seen.
const DENIED: u32 = 3;

/// What the probes have told since one succeeded.
#[derive(Default)]
struct Judge {
    health: Health,
    revoked: u32,
    denied: u32,
}

impl Judge {
    fn hear(&mut self, outcome: Result<(), &Error>) -> Health {
        match outcome {
            Ok(()) => *self = Self::default(),
            Err(Error::Revoked { .. }) => self.revoked += 1,
            Err(Error::Denied { .. }) => self.denied += 1,
            Err(_) => {}
        }
        if self.revoked >= REVOKED || self.denied >= DENIED {
            self.health = Health::Revoked;
        } else if outcome.is_err() && self.health == Health::Good {
            self.health = Health::Degraded;
        }
        self.health
    }
}

/// Probes until it is aborted.
///
/// The canary is a data key that protects nothing. It is generated at the first success and from
/// then on decrypted, which takes the permission to decrypt and a key in order, both at once.
pub(super) fn start(
    service: Arc<Service>,
    deployment: Deployment,
    interval: Duration,
    unhealthy: Duration,
) -> (AbortHandle, watch::Receiver<Health>) {
    let (sender, receiver) = watch::channel(Health::Good);
    let task = tokio::spawn(async move {
        let context = KeyContext::canary(deployment);
        let (mut canary, mut judge) = (None, Judge::default());
        loop {
            let outcome = probe(&service, &context, &mut canary).await;
            let before = judge.health;
            let health = judge.hear(outcome.as_ref().copied());
            if health != before {
                report(health, outcome.err());
                sender.send_replace(health);
            }
            let pause = if health == Health::Good { interval } else { unhealthy };
            tokio::time::sleep(pause).await;
        }
    });
    (task.abort_handle(), receiver)
}

async fn probe(
    service: &Service,
    context: &KeyContext,
    canary: &mut Option<WrappedKey>,
) -> Result<(), Error> {
    let wrapped = match canary {
        Some(wrapped) => wrapped,
        None => canary.insert(service.generate(context).await?.1),
    };
    service.unwrap(wrapped, context).await.map(drop)
}

fn report(health: Health, error: Option<Error>) {
    let error = error.map(|error| error.to_string());
    match health {
        Health::Good => info!("the active key can be used again"),
        Health::Degraded => warn!(error, "the active key could not be used this time"),
        Health::Revoked => error!(error, "the active key is revoked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(outcomes: &[Option<Error>]) -> Vec<Health> {
        let mut judge = Judge::default();
        let outcome = |error: &Option<Error>| error.clone().map_or(Ok(()), Err);
        let mut hear = |error| judge.hear(outcome(error).as_ref().copied());
        outcomes.iter().map(&mut hear).collect()
    }

    #[test]
    fn two_revocations_or_three_denials_revoke_and_no_outage_does() {
        use Health::{Degraded, Good, Revoked};
        let key_id = || "k".to_owned();
        let revoked = || Some(Error::Revoked { key_id: key_id() });
        let denied = || Some(Error::Denied { key_id: key_id() });
        let away = || Some(Error::Unavailable { key_id: key_id() });
        let throttled = || Some(Error::Throttled { key_id: key_id() });

        assert_eq!(judged(&[None, revoked(), revoked()]), [Good, Degraded, Revoked]);
        assert_eq!(judged(&[denied(), denied(), denied()]), [Degraded, Degraded, Revoked]);
        assert_eq!(judged(&[revoked(), denied(), denied()]), [Degraded; 3]);
        assert_eq!(judged(&[revoked(), away(), revoked()]), [Degraded, Degraded, Revoked]);
        assert_eq!(judged(&[revoked(), None, revoked()]), [Degraded, Good, Degraded]);
        assert_eq!(judged(&[denied(), denied(), None, denied()])[2..], [Good, Degraded]);
        let outage: Vec<_> = (0..50).flat_map(|_| [away(), throttled()]).collect();
        assert_eq!(judged(&outage), [Degraded; 100]);
        assert_eq!(judged(&[revoked(), revoked(), away(), None])[2..], [Revoked, Good]);
    }
}

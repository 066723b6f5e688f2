//! Whether a candidate is the stored value, told by a keyed fingerprint: nothing is opened,
//! nothing is revealed but the answer, and that is limited and on record.

use crate::audit::{Actor, Trail as _};
use crate::keys::fingerprint;
use crate::{Engine, Error, Offenders, Permit};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq;
use waxseal_domain::caller::Action;
use waxseal_domain::limits::{VERIFICATIONS, VERIFY_WINDOW};
use waxseal_domain::name::{ProjectId, SecretName};
use waxseal_domain::slot::Slot;
use waxseal_domain::time::Timestamp;
use waxseal_domain::uid::SecretUid;
use waxseal_domain::value::SecretValue;
use waxseal_storage::AuditRow;

/// Which slot to compare with which candidate.
#[derive(Debug)]
pub struct VerifySecretValue {
    /// In which project.
    pub project: ProjectId,
    /// Of which secret.
    pub name: SecretName,
    /// In which slot.
    pub slot: Slot,
    /// The candidate.
    pub value: SecretValue,
}

/// Secrets that were verified lately, and when.
#[derive(Default)]
pub(crate) struct Verifications {
    by_secret: Mutex<HashMap<SecretUid, VecDeque<Timestamp>>>,
}

impl Verifications {
    /// Counts one more, or says how long to wait for it.
    fn count(&self, secret: SecretUid, now: Timestamp) -> Result<(), Duration> {
        let begin = now.before(VERIFY_WINDOW);
        let mut by_secret = self.by_secret.lock().unwrap_or_else(PoisonError::into_inner);
        by_secret.retain(|_, times| times.back().is_some_and(|last| *last > begin));
        let times = by_secret.entry(secret).or_default();
        while times.front().is_some_and(|first| *first <= begin) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= VERIFICATIONS => {
                let wait = first.micros().saturating_sub(begin.micros());
                Err(Duration::from_micros(wait.unsigned_abs()))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

impl Engine {
    /// Says whether a candidate is the current value of a slot.
    ///
    /// # Errors
    /// [`Error::SecretNotFound`], [`Error::SecretDeleted`], [`Error::EnvironmentNotFound`],
    /// [`Error::SecretUnset`], [`Error::VerifyLimit`].
    pub async fn verify_secret_value(
        &self,
        permit: Permit<'_>,
        verify: VerifySecretValue,
    ) -> Result<bool, Error> {
        permit.check(Action::VerifySecretValue)?;
        let VerifySecretValue { project, name, slot, value } = verify;
        let (mut rows, project) = self.read(&project).await?;
        let catalogue = project.catalogue(&mut *rows).await?;
        let secret = catalogue.standing(&name)?.uid;
        let place = project.place(&slot)?;
        let slots = match &slot {
            Slot::Default => catalogue.defaults,
            Slot::Override(id, stage) => {
                project.overrides(&mut *rows, project.environment(id)?, *stage).await?
            }
        };
        let unset = || Error::SecretUnset(Offenders::one(&name));
        let environment_id = slot.environment().map(|id| id.as_str().to_owned());
        let slot = slots.iter().find(|slot| slot.secret == secret).ok_or_else(unset)?;
        let row = rows.value(secret, place, slot.current).await?;
        drop(rows);
        let row = row.ok_or(Error::DataLoss { what: "a value" })?;
        project.vouch(slot, &row)?;
        let sealed = row.sealed.as_ref().ok_or_else(unset)?;
        let now = self.clock.now();
        self.verifications.count(secret, now).map_err(|retry| Error::VerifyLimit { retry })?;
        let key = self.keys.fingerprint(&project.row).await?;
        let matches = fingerprint(&key, row.uid, &value).ct_eq(&sealed.fingerprint);
        let mut tx = self.store.begin("VerifySecretValue").await?;
        tx.append_audit(&AuditRow {
            project: Some(project.row.project.uid),
            project_id: Some(project.row.project.id.as_str().to_owned()),
            environment_id,
            secret: Some(secret),
            secret_name: Some(name.as_str().to_owned()),
            version: Some(row.version),
            ..Actor::of(permit.caller).did(now, Action::VerifySecretValue.as_str()).at_place(place)
        })
        .await?;
        tx.commit().await?;
        Ok(bool::from(matches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_a_minute_and_no_more() {
        let counted = Verifications::default();
        let (one, other) = (SecretUid::from_bytes([1; 16]), SecretUid::from_bytes([2; 16]));
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for second in 0..10 {
            assert_eq!(counted.count(one, at(second)), Ok(()), "{second}");
        }
        assert_eq!(counted.count(one, at(10)), Err(Duration::from_secs(50)));
        assert_eq!(counted.count(other, at(10)), Ok(()), "each secret has its own count");
        assert_eq!(counted.count(one, at(60)), Ok(()), "the first is a minute old");
        assert!(counted.count(one, at(60)).is_err());
    }
}

//! The keys that are configured, and their ARNs.

use super::call::Calls;
use crate::{Error, Health, KeyStatus};
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::time::Instant;

/// The active key, and those that may unwrap besides.
pub(super) struct Names {
    active: Name,
    also: Vec<Name>,
}

struct Name {
    configured: String,
    /// Set once: an alias that is pointed elsewhere changes nothing until the next start.
    arn: OnceLock<String>,
    seen: Mutex<Option<(Health, Instant)>>,
}

impl Names {
    pub(super) fn new(active: &str, also: &[String]) -> Self {
        Self { active: Name::new(active), also: also.iter().map(|name| Name::new(name)).collect() }
    }

    /// The active key's ARN, or else how it is configured.
    pub(super) fn active(&self) -> String {
        self.active.id().to_owned()
    }

    /// Takes the ARN with which KMS answered a request that named the active key like this.
    pub(super) fn pin_active(&self, name: &str, arn: Option<String>) -> Result<String, Error> {
        let other = || Error::Tampered { key_id: name.to_owned() };
        let arn = arn.filter(|arn| is_key_arn(arn)).ok_or_else(other)?;
        if *self.active.arn.get_or_init(|| arn.clone()) == arn { Ok(arn) } else { Err(other()) }
    }

    /// Whether this is the ARN of one of our keys. Asks KMS for those ARNs that are not known yet,
    /// and only as long as none of the others is meant.
    pub(super) async fn must_hold(&self, key_id: &str, calls: &Calls) -> Result<(), Error> {
        if self.all().any(|name| name.arn.get().is_some_and(|arn| arn == key_id)) {
            return Ok(());
        }
        if is_key_arn(key_id) {
            for name in self.all().filter(|name| name.arn.get().is_none()) {
                match calls.resolve(&name.configured).await {
                    Ok(arn) if is_key_arn(&arn) => {
                        if name.arn.get_or_init(|| arn) == key_id {
                            return Ok(());
                        }
                    }
                    // There is no such key, so it is not the one.
                    Err(Error::Revoked { .. }) => {}
                    Ok(_) => return Err(Error::Unavailable { key_id: name.configured.clone() }),
                    Err(error) => return Err(error),
                }
            }
        }
        Err(Error::Unconfigured { key_id: key_id.to_owned() })
    }

    /// Remembers how the use of a key ended.
    pub(super) fn saw<T>(&self, key_id: &str, answer: &Result<T, Error>) {
        let health = match answer {
            // What was wrong is the item; the key did its work.
            Ok(_) | Err(Error::Tampered { .. }) => Health::Good,
            Err(Error::Revoked { .. }) => Health::Revoked,
            Err(Error::Unconfigured { .. }) => return,
            Err(Error::Unavailable { .. } | Error::Throttled { .. } | Error::Denied { .. }) => {
                Health::Degraded
            }
        };
        for name in self.all().filter(|name| name.id() == key_id) {
            let mut seen = name.seen.lock().unwrap_or_else(PoisonError::into_inner);
            *seen = Some((health, Instant::now()));
        }
    }

    pub(super) fn status(&self, active: Health) -> Vec<KeyStatus> {
        let first = KeyStatus { active: true, health: active, ..self.active.status() };
        std::iter::once(first).chain(self.also.iter().map(Name::status)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.active).chain(&self.also)
    }
}

impl Name {
    fn new(configured: &str) -> Self {
        let arn = OnceLock::new();
        if is_key_arn(configured) {
            arn.get_or_init(|| configured.to_owned());
        }
        Self { configured: configured.to_owned(), arn, seen: Mutex::new(None) }
    }

    fn id(&self) -> &str {
        self.arn.get().unwrap_or(&self.configured)
    }

    fn status(&self) -> KeyStatus {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        KeyStatus {
            key_id: self.id().to_owned(),
            active: false,
            health: seen.map_or(Health::Good, |(health, _)| health),
            checked: seen.map(|(_, at)| at.elapsed()),
        }
    }
}

/// Whether this is the ARN of a key, and not of an alias.
fn is_key_arn(name: &str) -> bool {
    name.starts_with("arn:") && name.splitn(6, ':').nth(5).is_some_and(|it| it.starts_with("key/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_arn_of_a_key_needs_no_resolving() {
        assert!(is_key_arn("arn:aws:kms:eu-central-1:111122223333:key/0"));
        assert!(is_key_arn("arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-0"));
        for name in ["0", "key/0", "alias/a", "arn:aws:kms:r:1:alias/a", "arn:aws:kms:key/0", ""] {
            assert!(!is_key_arn(name), "{name}");
        }
    }

    #[test]
    fn the_first_arn_of_an_alias_stays() {
        let names = Names::new("alias/a", &[]);
        let (first, second) = ("arn:aws:kms:r:1:key/1", "arn:aws:kms:r:1:key/2");
        assert_eq!(names.active(), "alias/a");
        assert!(names.pin_active("alias/a", None).is_err());
        assert!(names.pin_active("alias/a", Some(first.to_owned())).is_ok());
        assert_eq!(names.active(), first);
        assert!(names.pin_active("alias/a", Some(second.to_owned())).is_err());
        assert_eq!(names.active(), first);
    }
}

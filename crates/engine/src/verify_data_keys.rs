//! Whether every data key opens. No value is opened by it.

use crate::{Engine, Error, FailedKey, keys};
use futures::{StreamExt as _, stream};
use waxseal_kms::Error as Kms;
use waxseal_storage::KeyRow;

/// Data keys that are read at once.
const PAGE: usize = 100;
/// Data keys that the key provider is asked for at the same time.
const AT_ONCE: usize = 16;
/// Failures that are named; the others are counted.
const NAMED: usize = 10;
/// No wrapping key has this id, so that no data key is under it.
const NONE: &str = "";

/// What came out of opening every data key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedKeys {
    /// Data keys that opened.
    pub opened: u64,
    /// Data keys that did not.
    pub failed: u64,
    /// The first of those, at most 10.
    pub failures: Vec<FailedKey>,
}

impl Engine {
    /// Opens every data key through the key provider, whatever wraps it; for whoever may read the
    /// key file. `told` hears after every page how many were tried.
    ///
    /// # Errors
    /// Of the store, and [`Error::KeyServiceUnavailable`].
    pub async fn verify_data_keys(
        &self,
        mut told: impl FnMut(u64) + Send,
    ) -> Result<CheckedKeys, Error> {
        let mut checked = CheckedKeys::default();
        let mut after = None;
        loop {
            let mut rows = self.store.snapshot().await?;
            let page = rows.keys_not_under(NONE, after.as_ref(), PAGE).await?;
            drop(rows);
            let Some(last) = page.last() else { return Ok(checked) };
            after = Some(last.place);
            let mut tried = stream::iter(page)
                .map(|row| async move { (self.opens(&row).await, row.place) })
                .buffered(AT_ONCE);
            while let Some((opened, place)) = tried.next().await {
                match opened {
                    Ok(()) => checked.opened += 1,
                    Err(error @ (Kms::Unavailable { .. } | Kms::Throttled { .. })) => {
                        return Err(error.into());
                    }
                    Err(reason) => {
                        checked.failed += 1;
                        if checked.failures.len() < NAMED {
                            checked.failures.push(FailedKey { place, reason });
                        }
                    }
                }
            }
            told(checked.opened + checked.failed);
        }
    }

    async fn opens(&self, row: &KeyRow) -> Result<(), Kms> {
        let tampered = || Kms::Tampered { key_id: row.key.key_id.clone() };
        let wrapped = keys::wrapped(&row.key).ok_or_else(tampered)?;
        self.keys.provider().unwrap(&wrapped, &self.keys.context(&row.place)).await.map(drop)
    }
}

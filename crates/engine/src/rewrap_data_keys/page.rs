//! One page of data keys: asked for, wrapped anew, exchanged.

use super::progress::{Count, FailedKey};
use crate::{Engine, Error, keys};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::time::Duration;
use waxseal_kms::{Error as Kms, KeyContext, WrappedKey};
use waxseal_storage::{KeyPlace, KeyRow, Wrapped};

/// Data keys that are exchanged in one transaction.
const PAGE: usize = 100;
/// Data keys that the key provider is asked for at the same time.
const AT_ONCE: usize = 16;
/// How long a key provider that does not answer, or throttles, is left alone before each further
/// attempt. Providers repeat calls by themselves; this is for an outage of seconds.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_500)];
/// How often an exchange is tried again because other changes came first.
const ATTEMPTS: usize = 8;

/// Asks until there is an answer, or the pauses are used up.
async fn patiently<T, F: Future<Output = Result<T, Kms>>>(ask: impl Fn() -> F) -> Result<T, Kms> {
    for pause in PAUSES {
        match ask().await {
            Err(Kms::Unavailable { .. } | Kms::Throttled { .. }) => tokio::time::sleep(pause).await,
            outcome => return outcome,
        }
    }
    ask().await
}

/// Why a rewrap ends before it is done.
pub(super) enum Ended {
    /// Nobody listens any more.
    Unheard,
    /// It cannot go on.
    Failed(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A data key as it stood, and as it should stand or why it has to stay.
pub(super) type Outcome = (KeyRow, Result<Wrapped, Kms>);

impl Engine {
    pub(super) async fn page_to_rewrap(
        &self,
        target: &str,
        after: Option<&KeyPlace>,
    ) -> Result<Vec<KeyRow>, Error> {
        Ok(self.store.snapshot().await?.keys_not_under(target, after, PAGE).await?)
    }

    pub(super) async fn wrap_anew(
        &self,
        target: &str,
        page: Vec<KeyRow>,
    ) -> Result<Vec<Outcome>, Error> {
        let each = stream::iter(page).map(|row| async move {
            let outcome = self.wrap_one(target, &row).await?;
            Ok((row, outcome))
        });
        each.buffered(AT_ONCE).try_collect().await
    }

    /// The inner error concerns this data key; the outer one would meet the others as well.
    async fn wrap_one(&self, target: &str, row: &KeyRow) -> Result<Result<Wrapped, Kms>, Error> {
        let key_id = || row.key.key_id.clone();
        let Some(wrapped) = keys::wrapped(&row.key) else {
            return Ok(Err(Kms::Tampered { key_id: key_id() }));
        };
        match self.ask_to_rewrap(&wrapped, row).await {
            // The id that comes back is the proof: whoever rewraps need not be able to decrypt.
            Ok(new) if new.key_id == target => Ok(Ok(keys::stored(new))),
            Ok(_) => Ok(Err(Kms::Unconfigured { key_id: key_id() })),
            Err(error @ (Kms::Unavailable { .. } | Kms::Throttled { .. })) => Err(error.into()),
            Err(error) if error.key_id() == target => Err(error.into()),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn ask_to_rewrap(&self, wrapped: &WrappedKey, row: &KeyRow) -> Result<WrappedKey, Kms> {
        let context = self.keys.context(&row.place);
        patiently(|| self.keys.provider().rewrap(wrapped, &context)).await
    }

    /// The id that the active wrapping key goes by, which a provider that was given another name
    /// for it learns when the key is used. So this uses it, and tells at once if that cannot be.
    pub(super) async fn target(&self) -> Result<String, Error> {
        let context = KeyContext::canary(self.deployment);
        let (_, wrapped) = patiently(|| self.keys.provider().generate(&context)).await?;
        Ok(wrapped.key_id)
    }

    /// Puts the new wrapped keys in place of the old, all in one transaction.
    pub(super) async fn exchange(
        &self,
        page: Vec<Outcome>,
        count: &mut Count,
    ) -> Result<(), Error> {
        let mut exchanges = Vec::with_capacity(page.len());
        for (row, outcome) in page {
            match outcome {
                Ok(new) => exchanges.push((row, new)),
                Err(reason) => {
                    tracing::warn!(place = ?row.place, %reason, "a data key is not rewrapped");
                    count.fail(FailedKey { place: row.place, reason });
                }
            }
        }
        if exchanges.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            match self.exchange_all(&exchanges).await {
                Err(Error::Conflict) => {}
                done => {
                    count.handle(exchanges.len() as u64, done?);
                    return Ok(());
                }
            }
        }
        Err(Error::Conflict)
    }

    /// How many of them still stood as they were read.
    async fn exchange_all(&self, exchanges: &[(KeyRow, Wrapped)]) -> Result<u64, Error> {
        let mut tx = self.store.begin("rewrap_data_keys").await?;
        let mut done = 0;
        for (old, new) in exchanges {
            done += u64::from(tx.rewrap_key(old, new).await?);
        }
        tx.commit().await?;
        Ok(done)
    }
}

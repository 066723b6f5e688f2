//! Rewrapping: every data key under the active wrapping key.
//!
//! The query "not under the target" is the list of what is to do and the place of the last row its
//! cursor, so that a rewrap can end at any point and begin again. Key providers are asked while
//! nothing is locked; a short transaction then exchanges each wrapped key that still stands as it
//! was read.

mod page;
mod progress;

pub use progress::{FailedKey, RewrapProgress, Rewrapping};

use crate::audit::{Actor, Trail as _};
use crate::called::in_same_call;
use crate::{Engine, Error, Permit};
use page::Ended;
use progress::Count;
use std::error::Error as _;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, channel};
use tracing::Instrument as _;
use waxseal_domain::caller::Action;

type Told = Sender<Result<RewrapProgress, Error>>;

impl Engine {
    /// Rewraps all data keys that are not under the active wrapping key, in a task of its own. It
    /// ends early when nobody listens any more, and when `stopping` is done.
    ///
    /// # Errors
    /// Of the store, before anything was done. Later ones come with the progress:
    /// [`Error::KeyUnavailable`] of the active key, [`Error::KeyServiceUnavailable`],
    /// [`Error::ShuttingDown`], and those of the store.
    pub async fn rewrap_data_keys(
        self: &Arc<Self>,
        permit: Permit<'_>,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Rewrapping, Error> {
        permit.check(Action::RewrapDataKeys)?;
        self.rewrap(permit.caller.principal.clone(), stopping).await
    }

    /// [`Self::rewrap_data_keys`] for whoever may read the key file: no caller of the service.
    ///
    /// # Errors
    /// The same.
    pub async fn local_rewrap(
        self: &Arc<Self>,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Rewrapping, Error> {
        self.rewrap("local".to_owned(), stopping).await
    }

    async fn rewrap(
        self: &Arc<Self>,
        principal: String,
        stopping: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Rewrapping, Error> {
        let mut status = self.local_key_status().await?;
        if status.due() > 0 {
            status.active = self.target().await?;
        }
        self.note(&principal, "RewrapDataKeys").await?;
        let count = Count::new(status.active.clone(), status.due());
        let (told, progress) = channel(1);
        let engine = self.clone();
        let job = async move { engine.carry_out_rewrap(principal, count, told, stopping).await };
        tokio::spawn(in_same_call(job).in_current_span());
        Ok(Rewrapping::new(progress))
    }

    async fn carry_out_rewrap(
        &self,
        principal: String,
        mut count: Count,
        told: Told,
        stopping: impl Future<Output = ()> + Send,
    ) {
        let mut stopping = pin!(stopping);
        let (action, last) = match self.rewrap_pages(&mut count, &told, stopping.as_mut()).await {
            Ok(()) => ("FinishRewrapDataKeys", Some(Ok(count.finished()))),
            Err(Ended::Unheard) => ("StopRewrapDataKeys", None),
            Err(Ended::Failed(error)) => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(%error, cause, "a rewrap ended before it was done");
                ("StopRewrapDataKeys", Some(Err(error)))
            }
        };
        // The end goes on record before anybody is told of it.
        if let Err(error) = self.note(&principal, action).await {
            tracing::error!(%error, "the end of a rewrap could not be recorded");
        }
        if let Some(last) = last {
            // An error means that nobody listens any more.
            let _ = told.send(last).await;
        }
    }

    async fn rewrap_pages(
        &self,
        count: &mut Count,
        told: &Told,
        mut stopping: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<(), Ended> {
        let mut after = None;
        loop {
            tokio::select! {
                biased;
                () = &mut stopping => return Err(Ended::Failed(Error::ShuttingDown)),
                () = told.closed() => return Err(Ended::Unheard),
                sent = told.send(Ok(count.so_far())) => sent.map_err(|_| Ended::Unheard)?,
            }
            let page = self.page_to_rewrap(count.target(), after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.place);
            // Dropped at any point, this has changed nothing.
            let wrapped = tokio::select! {
                biased;
                () = &mut stopping => return Err(Ended::Failed(Error::ShuttingDown)),
                () = told.closed() => return Err(Ended::Unheard),
                wrapped = self.wrap_anew(count.target(), page) => wrapped?,
            };
            self.exchange(wrapped, count).await?;
        }
    }

    async fn note(&self, principal: &str, action: &'static str) -> Result<(), Error> {
        let row = Actor { principal, credential: principal }.did(self.clock.now(), action);
        let mut tx = self.store.begin("rewrap_data_keys").await?;
        tx.append_audit(&row).await?;
        Ok(tx.commit().await?)
    }
}

//! Edits that were sent and whose answers are not waited for yet.
//!
//! The server carries out what is sent on a connection in order, so an edit need not be answered
//! before the next statement leaves. Their answers are taken before anything that is read counts,
//! and before a commit does: a transaction in which one of them failed is rolled back by the
//! server, whatever follows.

use super::columns::Params;
use bytes::BytesMut;
use deadpool_postgres::Client;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;
use tokio_postgres::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// Sent, in order.
#[derive(Default)]
pub(super) struct Pending(Vec<BoxFuture<'static, Result<(), Error>>>);

impl Pending {
    /// Sends an edit.
    pub(super) async fn send(
        &mut self,
        client: &Arc<Client>,
        sql: &'static str,
        params: Params<'_>,
    ) -> Result<(), Error> {
        let prepared = client.prepare_cached(sql).await?;
        let owned: Vec<Encoded> = params
            .iter()
            .zip(prepared.params())
            .map(|(param, ty)| Encoded::of(*param, ty))
            .collect();
        let client = client.clone();
        let mut answer = async move {
            let mut rows = pin!(client.query_raw(&prepared, owned).await?);
            while rows.try_next().await?.is_some() {}
            Ok(())
        }
        .boxed();
        // The first poll sends.
        match (&mut answer).now_or_never() {
            Some(answer) => answer?,
            None => self.0.push(answer),
        }
        Ok(())
    }

    /// Waits for every answer, and gives the first failure: those after it only follow from it.
    pub(super) async fn answers(self) -> Result<(), Error> {
        let answers = futures::future::join_all(self.0).await;
        answers.into_iter().collect()
    }
}

/// A parameter as it goes over the wire; none is NULL.
#[derive(Debug)]
struct Encoded(Option<BytesMut>, bool);

impl Encoded {
    fn of(param: &(dyn ToSql + Sync), ty: &Type) -> Self {
        let mut bytes = BytesMut::new();
        match param.to_sql_checked(ty, &mut bytes) {
            Ok(IsNull::No) => Self(Some(bytes), true),
            Ok(IsNull::Yes) => Self(None, true),
            Err(_) => Self(None, false),
        }
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let Self(bytes, fits) = self;
        if !fits {
            return Err("a parameter does not fit its column".into());
        }
        Ok(match bytes {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
            None => IsNull::Yes,
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

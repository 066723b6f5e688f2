//! `KeyService`.

use super::{Answer, Streams, answer};
use crate::status;
use crate::wire::key;
use futures::{Stream, StreamExt as _};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::{Request, Status};
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{Engine, Error, Rewrapping};
use waxseal_proto::v1::key_service_server::KeyService;
use waxseal_proto::v1::{
    GetKeyStatusRequest, GetKeyStatusResponse, RewrapDataKeysRequest, RewrapDataKeysResponse,
};

pub(super) struct KeyRings {
    engine: Arc<Engine>,
    /// Whether the server is stopping.
    stopping: watch::Receiver<bool>,
}

impl KeyRings {
    pub(super) fn new(engine: Arc<Engine>, streams: &Streams) -> Self {
        Self { engine, stopping: streams.stopping.clone() }
    }
}

type Progress = Pin<Box<dyn Stream<Item = Result<RewrapDataKeysResponse, Status>> + Send>>;

#[tonic::async_trait]
impl KeyService for KeyRings {
    type RewrapDataKeysStream = Progress;

    async fn get_key_status(
        &self,
        request: Request<GetKeyStatusRequest>,
    ) -> Answer<GetKeyStatusResponse> {
        answer(request, |caller, _| get_status(&self.engine, caller)).await
    }

    async fn rewrap_data_keys(
        &self,
        request: Request<RewrapDataKeysRequest>,
    ) -> Answer<Self::RewrapDataKeysStream> {
        answer(request, |caller, _| async move {
            let rewrapping = rewrap(&self.engine, &caller, self.stopping.clone()).await?;
            let messages = rewrapping.map(|told| told.map(key::progress).map_err(status::of));
            Ok(messages.boxed())
        })
        .await
    }
}

async fn get_status(engine: &Engine, caller: Arc<Caller>) -> Result<GetKeyStatusResponse, Error> {
    let permit = engine.permit(&caller, Action::GetKeyStatus, Target::Deployment).await?;
    engine.key_status(permit).await.map(key::status)
}

async fn rewrap(
    engine: &Arc<Engine>,
    caller: &Caller,
    mut stopping: watch::Receiver<bool>,
) -> Result<Rewrapping, Error> {
    let permit = engine.permit(caller, Action::RewrapDataKeys, Target::Deployment).await?;
    let stopping = async move {
        // It fails when the server is gone altogether.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    engine.rewrap_data_keys(permit, stopping).await
}

//! `AuditService`.

use super::{Answer, Streams, answer};
use crate::status;
use crate::wire::{audit, name, time};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::{Request, Status};
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{AuditParent, Engine, Error, Exporting, ListAuditEvents, Page};
use waxseal_proto::v1::audit_service_server::AuditService;
use waxseal_proto::v1::{
    ExportAuditTrailRequest, ExportAuditTrailResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, VerifyAuditTrailRequest, VerifyAuditTrailResponse,
};

pub(super) struct Trails {
    engine: Arc<Engine>,
    /// Whether the server is stopping.
    stopping: watch::Receiver<bool>,
}

impl Trails {
    pub(super) fn new(engine: Arc<Engine>, streams: &Streams) -> Self {
        Self { engine, stopping: streams.stopping.clone() }
    }
}

type Lines = Pin<Box<dyn Stream<Item = Result<ExportAuditTrailResponse, Status>> + Send>>;

#[tonic::async_trait]
impl AuditService for Trails {
    type ExportAuditTrailStream = Lines;

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Answer<ListAuditEventsResponse> {
        answer(request, |caller, request| list(&self.engine, caller, request)).await
    }

    async fn verify_audit_trail(
        &self,
        request: Request<VerifyAuditTrailRequest>,
    ) -> Answer<VerifyAuditTrailResponse> {
        answer(request, |caller, _| verify(&self.engine, caller)).await
    }

    async fn export_audit_trail(
        &self,
        request: Request<ExportAuditTrailRequest>,
    ) -> Answer<Self::ExportAuditTrailStream> {
        answer(request, |caller, _| async move {
            let mut stopping = self.stopping.clone();
            let lines = export(&self.engine, &caller).await?;
            let lines = lines
                .map(|line| line.map(|line| ExportAuditTrailResponse { line }).map_err(status::of));
            // A stop is said, so that nobody takes a part for the whole.
            let stopped = async move {
                // It fails when the server is gone altogether.
                let _ = stopping.wait_for(|stopping| *stopping).await;
                Err(status::of(Error::ShuttingDown))
            };
            Ok(until(lines.boxed(), stopped.boxed()).boxed())
        })
        .await
    }
}

/// The items of a stream; when it is told to stop, what that says is the last.
fn until<T: Send + 'static>(
    items: BoxStream<'static, T>,
    stop: BoxFuture<'static, T>,
) -> impl Stream<Item = T> + Send {
    futures::stream::unfold(Some((items, stop)), |state| async move {
        let (mut items, mut stop) = state?;
        tokio::select! {
            biased;
            last = &mut stop => Some((last, None)),
            item = items.next() => item.map(|item| (item, Some((items, stop)))),
        }
    })
}

async fn list(
    engine: &Engine,
    caller: Arc<Caller>,
    request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, Error> {
    let ListAuditEventsRequest {
        parent,
        page_size,
        page_token,
        principal,
        action,
        secret,
        start_time,
        end_time,
    } = request;
    let parent = match &*parent {
        "deployment" => AuditParent::Deployment,
        project => AuditParent::Project(name::project("parent", project)?),
    };
    let target = match &parent {
        AuditParent::Deployment => Target::Deployment,
        AuditParent::Project(project) => Target::Project(project),
    };
    let permit = engine.permit(&caller, Action::ListAuditEvents, target).await?;
    let list = ListAuditEvents {
        parent,
        principal: audit::text("principal", principal, 256)?,
        action: audit::text("action", action, 64)?,
        secret: match &*secret {
            "" => String::new(),
            secret => name::secret_id("secret", secret)?.as_str().to_owned(),
        },
        since: start_time.map(|at| time::read("start_time", at)).transpose()?,
        before: end_time.map(|at| time::read("end_time", at)).transpose()?,
        page: Page { size: page_size, token: page_token },
    };
    let (events, next_page_token) = engine.list_audit_events(permit, list).await?;
    let events = events.into_iter().map(audit::event).collect();
    Ok(ListAuditEventsResponse { events, next_page_token })
}

async fn verify(engine: &Engine, caller: Arc<Caller>) -> Result<VerifyAuditTrailResponse, Error> {
    let permit = engine.permit(&caller, Action::VerifyAuditTrail, Target::Deployment).await?;
    engine.verify_audit_trail(permit).await.map(audit::verdict)
}

async fn export(engine: &Arc<Engine>, caller: &Caller) -> Result<Exporting, Error> {
    let permit = engine.permit(caller, Action::ExportAuditTrail, Target::Deployment).await?;
    engine.export_audit_trail(permit).await
}

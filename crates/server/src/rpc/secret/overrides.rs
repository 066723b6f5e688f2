//! Methods on the overrides of one environment and stage.

use crate::wire::request::{Body, page};
use crate::wire::secret::SentOverrides;
use crate::wire::slot::{Asked, stage};
use crate::wire::{name, secret};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{BatchSetOverrides, BatchWritten, Engine, Error, Listed, Written};
use waxseal_proto::v1::{
    BatchSetOverridesRequest, BatchSetOverridesResponse, ListOverridesRequest,
    ListOverridesResponse,
};

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListOverridesRequest,
) -> Result<ListOverridesResponse, Error> {
    let (project, id) = name::environment("parent", &request.parent)?;
    let asked = Asked::stage(&project, &id, request.stage);
    let permit = engine.permit(&caller, Action::ListOverrides, asked.target()).await?;
    let stage = stage("stage", request.stage)?;
    let page = page(request.page_size, request.page_token);
    let listed = engine.list_overrides(permit, &project, &id, stage, page).await?;
    let Listed { items, next, total: _ } = listed;
    let overrides = items.into_iter().map(secret::override_message).collect();
    Ok(ListOverridesResponse { overrides, next_page_token: next })
}

pub(super) async fn batch_set(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    mut request: BatchSetOverridesRequest,
) -> Result<BatchSetOverridesResponse, Error> {
    const ACTION: Action = Action::BatchSetOverrides;
    let body = Body::of(&request, &request.request_id);
    let sent = SentOverrides::take(&mut request.overrides);
    let (project, environment) = name::environment("parent", &request.parent)?;
    let asked = Asked::stage(&project, &environment, request.stage);
    let permit = engine.permit(&caller, ACTION, asked.target()).await?;
    let change = BatchSetOverrides {
        project,
        environment,
        stage: stage("stage", request.stage)?,
        overrides: sent.values()?,
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.batch_set_overrides(permit, change).await?;
    let BatchWritten { overrides, warnings } = answer;
    Ok(BatchSetOverridesResponse {
        overrides: overrides.into_iter().map(secret::override_message).collect(),
        warnings: warnings.into_iter().map(secret::override_warning).collect(),
        revision,
    })
}

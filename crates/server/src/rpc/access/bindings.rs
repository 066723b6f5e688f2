//! Bindings.

use crate::wire::request::{Body, page};
use crate::wire::{access, name, time};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{CreateBinding, Engine, Error, Listed};
use waxseal_proto::v1::{
    CreateBindingRequest, CreateBindingResponse, DeleteBindingRequest, DeleteBindingResponse,
    ListBindingsRequest, ListBindingsResponse,
};

pub(super) async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CreateBindingRequest,
) -> Result<CreateBindingResponse, Error> {
    const ACTION: Action = Action::CreateBinding;
    let body = Body::of(&request, &request.request_id);
    let principal = name::principal("parent", &request.parent)?;
    let sent = request.binding.unwrap_or_default();
    let scope = access::scope("binding.scope", &sent.scope)?;
    let permit = engine.permit(&caller, ACTION, scope.target()).await?;
    let role = access::role("binding.role", sent.role)?;
    let expires = sent.expire_time.map(|at| time::read("binding.expire_time", at));
    let expires = expires.transpose()?;
    let (reveal, request) = (sent.reveal, body.key(engine, ACTION)?);
    let new = CreateBinding { principal, role, reveal, scope: scope.clone(), expires, request };
    let made = engine.create_binding(permit, new).await?;
    Ok(CreateBindingResponse { binding: Some(access::binding(&made)) })
}

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListBindingsRequest,
) -> Result<ListBindingsResponse, Error> {
    let principal = name::principal("parent", &request.parent)?;
    let permit = engine.permit_somewhere(&caller, Action::ListBindings).await?;
    let page = page(request.page_size, request.page_token);
    let Listed { items, next, total: _ } = engine.list_bindings(permit, &principal, page).await?;
    let bindings = items.iter().map(access::binding).collect();
    Ok(ListBindingsResponse { bindings, next_page_token: next })
}

pub(super) async fn delete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DeleteBindingRequest,
) -> Result<DeleteBindingResponse, Error> {
    const ACTION: Action = Action::DeleteBinding;
    let (principal, uid) = name::binding("name", &request.name)?;
    let permit = engine.permit_somewhere(&caller, ACTION).await?;
    let request = Body::of(&request, &request.request_id).key(engine, ACTION)?;
    engine.delete_binding(permit, principal, uid, request).await?;
    Ok(DeleteBindingResponse {})
}

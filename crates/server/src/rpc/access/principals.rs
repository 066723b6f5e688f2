//! Principals.

use crate::wire::request::{Body, etag, page};
use crate::wire::{access, name, text};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{ChangePrincipal, CreatePrincipal, Engine, Error, Listed, UpdatePrincipal};
use waxseal_proto::v1::{
    CreatePrincipalRequest, CreatePrincipalResponse, DeletePrincipalRequest,
    DeletePrincipalResponse, GetPrincipalRequest, GetPrincipalResponse, ListPrincipalsRequest,
    ListPrincipalsResponse, UpdatePrincipalRequest, UpdatePrincipalResponse,
};

pub(super) async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CreatePrincipalRequest,
) -> Result<CreatePrincipalResponse, Error> {
    const ACTION: Action = Action::CreatePrincipal;
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let body = Body::of(&request, &request.request_id);
    let id = name::principal_id("principal_id", &request.principal_id)?;
    let sent = request.principal.unwrap_or_default();
    let identities = access::identities(&sent.identities)?;
    let display_name = text::display_name("principal.display_name", sent.display_name)?;
    let (disabled, request) = (sent.disabled, body.key(engine, ACTION)?);
    let new = CreatePrincipal { id, display_name, identities, disabled, request };
    let made = engine.create_principal(permit, new).await?;
    Ok(CreatePrincipalResponse { principal: Some(access::principal(&made)) })
}

pub(super) async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetPrincipalRequest,
) -> Result<GetPrincipalResponse, Error> {
    let id = name::principal("name", &request.name)?;
    let permit = engine.permit(&caller, Action::GetPrincipal, Target::Deployment).await?;
    let found = engine.get_principal(permit, &id).await?;
    Ok(GetPrincipalResponse { principal: Some(access::principal(&found)) })
}

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListPrincipalsRequest,
) -> Result<ListPrincipalsResponse, Error> {
    let permit = engine.permit(&caller, Action::ListPrincipals, Target::Deployment).await?;
    let page = page(request.page_size, request.page_token);
    let Listed { items, next, total: _ } = engine.list_principals(permit, page).await?;
    let principals = items.iter().map(access::principal).collect();
    Ok(ListPrincipalsResponse { principals, next_page_token: next })
}

pub(super) async fn update(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UpdatePrincipalRequest,
) -> Result<UpdatePrincipalResponse, Error> {
    const ACTION: Action = Action::UpdatePrincipal;
    let body = Body::of(&request, &request.request_id);
    let sent = request.principal.unwrap_or_default();
    let id = name::principal("principal.name", &sent.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let named = access::FIELDS
        .named(request.update_mask.as_ref(), |field| access::populated(&sent, field))?;
    let identities = named.then("identities", || access::identities(&sent.identities));
    let disabled = named.then("disabled", || sent.disabled);
    let display_name = named.then("display_name", || {
        text::display_name("principal.display_name", sent.display_name.clone())
    });
    let (identities, display_name) = (identities.transpose()?, display_name.transpose()?);
    let (etag, request) = (etag(request.etag), body.key(engine, ACTION)?);
    let update = UpdatePrincipal { id, display_name, identities, disabled, etag, request };
    let changed = engine.update_principal(permit, update).await?;
    Ok(UpdatePrincipalResponse { principal: Some(access::principal(&changed)) })
}

pub(super) async fn delete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DeletePrincipalRequest,
) -> Result<DeletePrincipalResponse, Error> {
    const ACTION: Action = Action::DeletePrincipal;
    let body = Body::of(&request, &request.request_id);
    let id = name::principal("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Deployment).await?;
    let (etag, request) = (etag(request.etag), body.key(engine, ACTION)?);
    engine.delete_principal(permit, ChangePrincipal { id, etag, request }).await?;
    Ok(DeletePrincipalResponse {})
}

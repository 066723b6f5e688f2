//! API tokens.

use crate::wire::request::{Body, page};
use crate::wire::{access, name, time};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{CreateApiToken, Engine, Error, Listed, NewApiToken};
use waxseal_proto::v1::{
    CreateApiTokenRequest, CreateApiTokenResponse, GetApiTokenRequest, GetApiTokenResponse,
    ListApiTokensRequest, ListApiTokensResponse, RevokeApiTokenRequest, RevokeApiTokenResponse,
};

pub(super) async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CreateApiTokenRequest,
) -> Result<CreateApiTokenResponse, Error> {
    const ACTION: Action = Action::CreateApiToken;
    let body = Body::of(&request, &request.request_id);
    let principal = name::principal("parent", &request.parent)?;
    let sent = request.api_token.unwrap_or_default();
    let scope = access::scope("api_token.scope", &sent.scope)?;
    let permit = engine.permit(&caller, ACTION, scope.target()).await?;
    let role = access::role("api_token.role", sent.role)?;
    let expires = time::read("api_token.expire_time", sent.expire_time.unwrap_or_default())?;
    let (reveal, request) = (sent.reveal, body.key(engine, ACTION)?);
    let new = CreateApiToken { principal, role, reveal, scope: scope.clone(), expires, request };
    let NewApiToken { state, token } = engine.create_api_token(permit, new).await?;
    let (api_token, token) = (Some(access::api_token(&state)), token.to_string());
    Ok(CreateApiTokenResponse { api_token, token })
}

pub(super) async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetApiTokenRequest,
) -> Result<GetApiTokenResponse, Error> {
    let (principal, id) = name::api_token("name", &request.name)?;
    let permit = engine.permit_own(&caller, Action::GetApiToken, &principal).await?;
    let found = engine.get_api_token(permit, &principal, &id).await?;
    Ok(GetApiTokenResponse { api_token: Some(access::api_token(&found)) })
}

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListApiTokensRequest,
) -> Result<ListApiTokensResponse, Error> {
    let principal = name::principal("parent", &request.parent)?;
    let permit = engine.permit_somewhere(&caller, Action::ListApiTokens).await?;
    let page = page(request.page_size, request.page_token);
    let Listed { items, next, total: _ } = engine.list_api_tokens(permit, &principal, page).await?;
    let api_tokens = items.iter().map(access::api_token).collect();
    Ok(ListApiTokensResponse { api_tokens, next_page_token: next })
}

pub(super) async fn revoke(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: RevokeApiTokenRequest,
) -> Result<RevokeApiTokenResponse, Error> {
    const ACTION: Action = Action::RevokeApiToken;
    let (principal, id) = name::api_token("name", &request.name)?;
    let permit = engine.permit_own(&caller, ACTION, &principal).await?;
    let request = Body::of(&request, &request.request_id).key(engine, ACTION)?;
    let revoked = engine.revoke_api_token(permit, principal, id, request).await?;
    Ok(RevokeApiTokenResponse { api_token: Some(access::api_token(&revoked)) })
}

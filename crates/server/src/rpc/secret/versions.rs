//! Methods on the versions of one slot.

use crate::wire::request::{Body, etag, page};
use crate::wire::slot::{Asked, slot};
use crate::wire::{name, number, secret};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller};
use waxseal_engine::{
    ChangeVersion, Engine, Error, ListSecretVersions, Listed, ValueWritten, Versions, Written,
};
use waxseal_proto::v1::{
    DestroySecretVersionRequest, DestroySecretVersionResponse, ListSecretVersionsRequest,
    ListSecretVersionsResponse, RollbackSecretValueRequest, RollbackSecretValueResponse,
};

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListSecretVersionsRequest,
) -> Result<ListSecretVersionsResponse, Error> {
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, Action::ListSecretVersions, asked.target()).await?;
    let list = ListSecretVersions {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        page: page(request.page_size, request.page_token),
    };
    let Versions { listed, etag } = engine.list_secret_versions(permit, list).await?;
    let Listed { items, next, total: _ } = listed;
    let versions = items.into_iter().map(secret::version_message).collect();
    Ok(ListSecretVersionsResponse { versions, next_page_token: next, etag })
}

pub(super) async fn rollback(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: RollbackSecretValueRequest,
) -> Result<RollbackSecretValueResponse, Error> {
    const ACTION: Action = Action::RollbackSecretValue;
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, ACTION, asked.target()).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeVersion {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        version: secret::numbered_version(request.version)?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.rollback_secret_value(permit, change).await?;
    // What there was to warn of was said when the value was written.
    let ValueWritten { version, etag, warnings: _ } = answer;
    Ok(RollbackSecretValueResponse { version: number(version), etag, revision })
}

pub(super) async fn destroy(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DestroySecretVersionRequest,
) -> Result<DestroySecretVersionResponse, Error> {
    const ACTION: Action = Action::DestroySecretVersion;
    let (project, name) = name::secret("name", &request.name)?;
    let asked = Asked::slot(&project, request.slot.as_ref());
    let permit = engine.permit(&caller, ACTION, asked.target()).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeVersion {
        project,
        name,
        slot: slot(request.slot.as_ref())?,
        version: secret::numbered_version(request.version)?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer: (), revision } = engine.destroy_secret_version(permit, change).await?;
    Ok(DestroySecretVersionResponse { revision })
}

//! Methods on the names of a secret.

use crate::wire::request::{Body, etag};
use crate::wire::{name, secret};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{Engine, Error, ReleaseSecretAlias, RenameSecret, Written};
use waxseal_proto::v1::{
    ReleaseSecretAliasRequest, ReleaseSecretAliasResponse, RenameSecretRequest,
    RenameSecretResponse,
};

pub(super) async fn rename(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: RenameSecretRequest,
) -> Result<RenameSecretResponse, Error> {
    const ACTION: Action = Action::RenameSecret;
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = RenameSecret {
        project: project.clone(),
        name,
        new_name: name::secret_id("new_secret_id", &request.new_secret_id)?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.rename_secret(permit, change).await?;
    Ok(RenameSecretResponse { secret: Some(secret::message(&project, answer)), revision })
}

pub(super) async fn release_alias(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ReleaseSecretAliasRequest,
) -> Result<ReleaseSecretAliasResponse, Error> {
    const ACTION: Action = Action::ReleaseSecretAlias;
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ReleaseSecretAlias {
        project: project.clone(),
        name,
        alias: name::secret_id("alias", &request.alias)?,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.release_secret_alias(permit, change).await?;
    Ok(ReleaseSecretAliasResponse { secret: Some(secret::message(&project, answer)), revision })
}

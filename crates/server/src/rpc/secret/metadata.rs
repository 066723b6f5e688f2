//! Methods on a secret itself.

use crate::wire::payload::{self, Sent};
use crate::wire::request::{Body, etag, page};
use crate::wire::{name, secret, text};
use std::sync::Arc;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{
    ChangeSecret, CreateSecret, Engine, Error, ListSecrets, Listed, SecretCreated, UpdateSecret,
    Written,
};
use waxseal_proto::v1::{
    CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest, DeleteSecretResponse,
    GetSecretRequest, GetSecretResponse, ListSecretsRequest, ListSecretsResponse,
    PurgeSecretRequest, PurgeSecretResponse, UndeleteSecretRequest, UndeleteSecretResponse,
    UpdateSecretRequest, UpdateSecretResponse,
};

pub(super) async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    mut request: CreateSecretRequest,
) -> Result<CreateSecretResponse, Error> {
    const ACTION: Action = Action::CreateSecret;
    let body = Body::of(&request, &request.request_id);
    let payload = Sent::take(&mut request.payload);
    let project = name::project("parent", &request.parent)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let sent = request.secret.unwrap_or_default();
    let new = CreateSecret {
        project: project.clone(),
        name: name::secret_id("secret_id", &request.secret_id)?,
        visibility: secret::visibility(sent.visibility)?,
        description: text::description("secret.description", sent.description)?,
        value: payload.map(|payload| payload.value("payload")).transpose()?,
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.create_secret(permit, new).await?;
    let SecretCreated { secret: created, warnings } = answer;
    Ok(CreateSecretResponse {
        secret: Some(secret::message(&project, created)),
        warnings: payload::warnings(warnings),
        revision,
    })
}

pub(super) async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetSecretRequest,
) -> Result<GetSecretResponse, Error> {
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, Action::GetSecret, Target::Project(&project)).await?;
    let found = engine.get_secret(permit, &project, &name).await?;
    Ok(GetSecretResponse { secret: Some(secret::message(&project, found)) })
}

pub(super) async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListSecretsRequest,
) -> Result<ListSecretsResponse, Error> {
    let project = name::project("parent", &request.parent)?;
    let permit = engine.permit(&caller, Action::ListSecrets, Target::Project(&project)).await?;
    let list = ListSecrets {
        project: project.clone(),
        prefix: secret::prefix(request.prefix)?,
        place: secret::place(&request.environment, request.stage)?,
        show_deleted: request.show_deleted,
        page: page(request.page_size, request.page_token),
    };
    let Listed { items, next, total } = engine.list_secrets(permit, list).await?;
    Ok(ListSecretsResponse {
        secrets: items.into_iter().map(|item| secret::message(&project, item)).collect(),
        next_page_token: next,
        total_size: i32::try_from(total).unwrap_or(i32::MAX),
    })
}

pub(super) async fn update(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UpdateSecretRequest,
) -> Result<UpdateSecretResponse, Error> {
    const ACTION: Action = Action::UpdateSecret;
    let body = Body::of(&request, &request.request_id);
    let sent = request.secret.unwrap_or_default();
    let (project, name) = name::secret("secret.name", &sent.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let named = secret::FIELDS
        .named(request.update_mask.as_ref(), |field| secret::populated(&sent, field))?;
    let description = named
        .then("description", || text::description("secret.description", sent.description))
        .transpose()?;
    let visibility =
        named.then("visibility", || secret::visibility(sent.visibility)).transpose()?;
    let change = UpdateSecret {
        project: project.clone(),
        name,
        description,
        visibility,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.update_secret(permit, change).await?;
    Ok(UpdateSecretResponse { secret: Some(secret::message(&project, answer)), revision })
}

pub(super) async fn delete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DeleteSecretRequest,
) -> Result<DeleteSecretResponse, Error> {
    const ACTION: Action = Action::DeleteSecret;
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeSecret {
        project: project.clone(),
        name,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.delete_secret(permit, change).await?;
    Ok(DeleteSecretResponse { secret: Some(secret::message(&project, answer)), revision })
}

pub(super) async fn undelete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UndeleteSecretRequest,
) -> Result<UndeleteSecretResponse, Error> {
    const ACTION: Action = Action::UndeleteSecret;
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeSecret {
        project: project.clone(),
        name,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.undelete_secret(permit, change).await?;
    Ok(UndeleteSecretResponse { secret: Some(secret::message(&project, answer)), revision })
}

pub(super) async fn purge(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: PurgeSecretRequest,
) -> Result<PurgeSecretResponse, Error> {
    const ACTION: Action = Action::PurgeSecret;
    let (project, name) = name::secret("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = ChangeSecret {
        project,
        name,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer: (), revision } = engine.purge_secret(permit, change).await?;
    Ok(PurgeSecretResponse { revision })
}

//! `EnvironmentService`.

use super::{Answer, answer};
use crate::wire::request::{Body, etag, page};
use crate::wire::slot::{Asked, stage};
use crate::wire::{environment, name, text};
use std::sync::Arc;
use tonic::Request;
use waxseal_domain::caller::{Action, Caller, Target};
use waxseal_engine::{
    CloneEnvironment, Cloned, CreateEnvironment, DeleteEnvironment, Engine, Error, Listed,
    UpdateEnvironment, Written,
};
use waxseal_proto::v1::environment_service_server::EnvironmentService;
use waxseal_proto::v1::{
    CloneEnvironmentRequest, CloneEnvironmentResponse, CreateEnvironmentRequest,
    CreateEnvironmentResponse, DeleteEnvironmentRequest, DeleteEnvironmentResponse,
    ExplainEnvironmentRequest, ExplainEnvironmentResponse, GetEnvironmentRequest,
    GetEnvironmentResponse, ListEnvironmentsRequest, ListEnvironmentsResponse,
    UpdateEnvironmentRequest, UpdateEnvironmentResponse,
};

pub(super) struct Environments(pub(super) Arc<Engine>);

#[tonic::async_trait]
impl EnvironmentService for Environments {
    async fn create_environment(
        &self,
        request: Request<CreateEnvironmentRequest>,
    ) -> Answer<CreateEnvironmentResponse> {
        answer(request, |caller, request| create(&self.0, caller, request)).await
    }

    async fn get_environment(
        &self,
        request: Request<GetEnvironmentRequest>,
    ) -> Answer<GetEnvironmentResponse> {
        answer(request, |caller, request| get(&self.0, caller, request)).await
    }

    async fn list_environments(
        &self,
        request: Request<ListEnvironmentsRequest>,
    ) -> Answer<ListEnvironmentsResponse> {
        answer(request, |caller, request| list(&self.0, caller, request)).await
    }

    async fn update_environment(
        &self,
        request: Request<UpdateEnvironmentRequest>,
    ) -> Answer<UpdateEnvironmentResponse> {
        answer(request, |caller, request| update(&self.0, caller, request)).await
    }

    async fn delete_environment(
        &self,
        request: Request<DeleteEnvironmentRequest>,
    ) -> Answer<DeleteEnvironmentResponse> {
        answer(request, |caller, request| delete(&self.0, caller, request)).await
    }

    async fn clone_environment(
        &self,
        request: Request<CloneEnvironmentRequest>,
    ) -> Answer<CloneEnvironmentResponse> {
        answer(request, |caller, request| clone(&self.0, caller, request)).await
    }

    async fn explain_environment(
        &self,
        request: Request<ExplainEnvironmentRequest>,
    ) -> Answer<ExplainEnvironmentResponse> {
        answer(request, |caller, request| explain(&self.0, caller, request)).await
    }
}

async fn create(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CreateEnvironmentRequest,
) -> Result<CreateEnvironmentResponse, Error> {
    const ACTION: Action = Action::CreateEnvironment;
    let project = name::project("parent", &request.parent)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let id = name::environment_id("environment_id", &request.environment_id)?;
    let settings = environment::settings(request.environment)?;
    let request = body.key(engine, ACTION)?;
    let new = CreateEnvironment { project: project.clone(), id, settings, request };
    let Written { answer, revision } = engine.create_environment(permit, new).await?;
    let environment = Some(environment::message(&project, &answer));
    Ok(CreateEnvironmentResponse { environment, revision })
}

async fn get(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: GetEnvironmentRequest,
) -> Result<GetEnvironmentResponse, Error> {
    let (project, id) = name::environment("name", &request.name)?;
    let permit = engine.permit(&caller, Action::GetEnvironment, Target::Project(&project)).await?;
    let found = engine.get_environment(permit, &project, &id).await?;
    Ok(GetEnvironmentResponse { environment: Some(environment::message(&project, &found)) })
}

async fn list(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ListEnvironmentsRequest,
) -> Result<ListEnvironmentsResponse, Error> {
    let project = name::project("parent", &request.parent)?;
    let permit =
        engine.permit(&caller, Action::ListEnvironments, Target::Project(&project)).await?;
    let page = page(request.page_size, request.page_token);
    let listed = engine.list_environments(permit, &project, page).await?;
    let Listed { items, next, total: _ } = listed;
    let environments = items.iter().map(|item| environment::message(&project, item)).collect();
    Ok(ListEnvironmentsResponse { environments, next_page_token: next })
}

async fn update(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: UpdateEnvironmentRequest,
) -> Result<UpdateEnvironmentResponse, Error> {
    const ACTION: Action = Action::UpdateEnvironment;
    let body = Body::of(&request, &request.request_id);
    let sent = request.environment.unwrap_or_default();
    let (project, id) = name::environment("environment.name", &sent.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let named = environment::FIELDS
        .named(request.update_mask.as_ref(), |field| environment::populated(&sent, field))?;
    let display_name = named
        .then("display_name", || text::display_name("environment.display_name", sent.display_name))
        .transpose()?;
    let fallback = named.then("fallback", || environment::fallback(sent.fallback)).transpose()?;
    let protected = named.then("protected", || sent.protected);
    let change = UpdateEnvironment {
        project: project.clone(),
        id,
        display_name,
        fallback,
        protected,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.update_environment(permit, change).await?;
    let environment = Some(environment::message(&project, &answer));
    Ok(UpdateEnvironmentResponse { environment, revision })
}

async fn delete(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: DeleteEnvironmentRequest,
) -> Result<DeleteEnvironmentResponse, Error> {
    const ACTION: Action = Action::DeleteEnvironment;
    let (project, id) = name::environment("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = DeleteEnvironment {
        project,
        id,
        force: request.force,
        etag: etag(request.etag),
        request: body.key(engine, ACTION)?,
    };
    let Written { answer: (), revision } = engine.delete_environment(permit, change).await?;
    Ok(DeleteEnvironmentResponse { revision })
}

async fn clone(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: CloneEnvironmentRequest,
) -> Result<CloneEnvironmentResponse, Error> {
    const ACTION: Action = Action::CloneEnvironment;
    let (project, source) = name::environment("name", &request.name)?;
    let permit = engine.permit(&caller, ACTION, Target::Project(&project)).await?;
    let body = Body::of(&request, &request.request_id);
    let change = CloneEnvironment {
        project: project.clone(),
        source,
        id: name::environment_id("environment_id", &request.environment_id)?,
        display_name: text::display_name("display_name", request.display_name)?,
        request: body.key(engine, ACTION)?,
    };
    let Written { answer, revision } = engine.clone_environment(permit, change).await?;
    let Cloned { environment, overrides_not_copied } = answer;
    Ok(CloneEnvironmentResponse {
        environment: Some(environment::message(&project, &environment)),
        overrides_not_copied: overrides_not_copied
            .into_iter()
            .map(environment::not_copied)
            .collect(),
        revision,
    })
}

async fn explain(
    engine: &Arc<Engine>,
    caller: Arc<Caller>,
    request: ExplainEnvironmentRequest,
) -> Result<ExplainEnvironmentResponse, Error> {
    let (project, id) = name::environment("name", &request.name)?;
    let asked = Asked::stage(&project, &id, request.stage);
    let permit = engine.permit(&caller, Action::ExplainEnvironment, asked.target()).await?;
    let stage = stage("stage", request.stage)?;
    let secrets = engine.explain_environment(permit, &project, &id, stage).await?;
    let secrets = secrets.into_iter().map(environment::explained).collect();
    Ok(ExplainEnvironmentResponse { secrets })
}
